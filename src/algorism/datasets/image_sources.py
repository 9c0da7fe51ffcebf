"""The sets of labelled images, by name."""

from .colour_sources import COLOUR
from .grey_sources import GREY
from .mnist_sources import MNIST_LIKE
from .sources import ImageSource

DATASETS: dict[str, ImageSource] = {source.name: source for source in [*MNIST_LIKE, *GREY, *COLOUR]}
