"""Small convolutional networks that name what a grey image shows. They know nothing of rules, sums or training.

Images are floats from 0 to 1, bright on black, (n, 1, 28, 28); `to_input` makes them of bytes of any size.

Shape letters: n image, h row, w column, v class.

Sources: "pi-nesy" is the network of Π-NeSy (arXiv 2504.07055, read in its released code), "lenet" the one it takes for
the comparison with systems that learn from sums. "compact" is ours, and trains in a fifth of the time of the first.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ShapeError, UsageError, nearest

SIZE = 28  # rows and columns
MEAN, DEVIATION = 0.1307, 0.3081  # of MNIST's training pixels


class Classifier(nn.Module):
    """Features, then one linear layer to the classes.

    Args:
        features: from (n, 1, 28, 28) to (n, width), normalised pixels to features.
        width: of the features.
        classes: number of classes.
    """

    def __init__(self, features: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.features, self.head = features, nn.Linear(width, classes)

    def forward(self, x_n1hw: Tensor) -> Tensor:
        """Log-probabilities of the classes, (n, v), in float32."""
        if x_n1hw.dim() != 4 or tuple(x_n1hw.shape[1:]) != (1, SIZE, SIZE):
            raise ShapeError(
                f"The network sees images of shape (n, 1, {SIZE}, {SIZE}), got {tuple(x_n1hw.shape)}; use to_input()."
            )
        return self.head(self.features((x_n1hw - MEAN) / DEVIATION)).float().log_softmax(-1)


def classifier(name: str = "compact", classes: int = 10, seed: int = 0) -> Classifier:
    """A network by name, with weights drawn by seed.

    Args:
        name: a name of `NETWORKS`.
        classes: number of classes, at least 2.
        seed: of the weights.

    Raises:
        UsageError: no such network, or nothing to tell apart.

    >>> network = classifier("lenet", classes=4)
    >>> network(torch.zeros(3, 1, 28, 28)).shape
    torch.Size([3, 4])
    """
    if name not in NETWORKS:
        raise UsageError(f"There is no network '{name}'. {nearest(name, NETWORKS)}")
    if classes < 2:
        raise UsageError(f"A classifier tells at least 2 classes apart, got {classes}.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        features, width = NETWORKS[name]()
        network = Classifier(features, width, classes)
    return nn.utils.convert_conv2d_weight_memory_format(network, torch.channels_last)  # the layout fast on a CPU


def to_input(pixels_nhw: Tensor, margin: int = 0) -> Tensor:
    """Images of bytes as what the networks see, (n, 1, 28, 28) floats.

    Args:
        pixels_nhw: bytes, any height and width.
        margin: black border inside the 28 by 28 places; USPS digits fill their frame, MNIST's leave 4.

    Raises:
        ShapeError: not grey images.

    >>> to_input(torch.full((1, 8, 8), 255, dtype=torch.uint8), margin=4)[0, 0, [0, 14], 14].tolist()
    [0.0, 1.0]
    """
    if pixels_nhw.dim() != 3 or 0 in pixels_nhw.shape[1:] or pixels_nhw.dtype != torch.uint8:
        raise ShapeError(
            f"Grey images are bytes of shape (n, h, w), got {pixels_nhw.dtype} of shape {tuple(pixels_nhw.shape)}."
        )
    x_n1hw = pixels_nhw.unsqueeze(1).float() / 255
    inside = SIZE - 2 * margin
    if tuple(x_n1hw.shape[-2:]) != (inside, inside):
        x_n1hw = F.interpolate(x_n1hw, (inside, inside), mode="bilinear", antialias=True)
    return F.pad(x_n1hw, (margin,) * 4)


@torch.inference_mode()
def predict(network: nn.Module, pixels_nhw: Tensor, margin: int = 0, batch: int = 500) -> Tensor:
    """Log-probabilities of the classes of all images, (n, v), the network in evaluation mode.

    Args:
        network: a classifier.
        pixels_nhw: bytes.
        margin: see `to_input`.
        batch: images at a time.
    """
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    found = [network(to_input(part.to(device), margin)).cpu() for part in pixels_nhw.split(batch)]
    network.train(was_training)
    return torch.cat(found)


def _block(inputs: int, outputs: int, side: int) -> nn.Sequential:
    """Convolution that keeps the size, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, side, padding=side // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def _pooled(inputs: int, outputs: int, side: int) -> nn.Sequential:
    """The same with half the size; pooled first, so that normalisation has a quarter of the work."""
    convolution, norm, rectified = _block(inputs, outputs, side)
    return nn.Sequential(convolution, nn.MaxPool2d(2), norm, rectified)


def _dense(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU())


def _lenet() -> tuple[nn.Module, int]:
    layers = [nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2), nn.ReLU()]
    dense = [nn.Flatten(), nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()]
    return nn.Sequential(*layers, *dense), 84


def _pi_nesy() -> tuple[nn.Module, int]:
    first = [_block(1, 32, 5), _block(32, 32, 5), nn.MaxPool2d(2), nn.Dropout(0.25)]
    second = [_block(32, 64, 3), _block(64, 64, 3), nn.MaxPool2d(2), nn.Dropout(0.25)]
    dense = [nn.Flatten(), _dense(3136, 256), _dense(256, 128), _dense(128, 84), nn.Dropout(0.25)]
    return nn.Sequential(*first, *second, *dense), 84


def _compact() -> tuple[nn.Module, int]:
    layers = [_pooled(1, 16, 5), _block(16, 32, 3), _pooled(32, 32, 3), _block(32, 64, 3), _pooled(64, 64, 3)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3)), 576


NETWORKS = {"compact": _compact, "lenet": _lenet, "pi-nesy": _pi_nesy}
