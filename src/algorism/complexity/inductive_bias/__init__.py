"""How much inductive bias a target error asks for (arXiv 2406.15941). Names that need torch are imported when used.

>>> law = Ncx2(df=10, nc=0, scale=0.1)  # of the losses of hypotheses that fit the training data
>>> round(required_inductive_bias(law.sample(10_000, seed=0), 0.3, "empirical").value, 1)
4.0
"""

from typing import TYPE_CHECKING, Any

from .compare import Curve, compare
from .fitting import Fit, fit
from .hypotheses import Data, Sample, Space, targets
from .kernel_space import AdamSolve, KernelSpace, Posterior
from .kernels import NNGP, NTK, RBF, Laplace, RandomFeatures, median_distance
from .losses import GaussianLoss, mean_squared_error
from .ncx2 import Ncx2, sankaran
from .required import METHODS, ExtrapolationWarning, RequiredBias, required_inductive_bias, sample_bounds
from .tail import log_probability

if TYPE_CHECKING:
    from .architectures import CNN, MLP
    from .networks import NetworkSpace

__all__ = [
    "CNN",
    "METHODS",
    "MLP",
    "NNGP",
    "NTK",
    "RBF",
    "AdamSolve",
    "Curve",
    "Data",
    "ExtrapolationWarning",
    "Fit",
    "GaussianLoss",
    "KernelSpace",
    "Laplace",
    "Ncx2",
    "NetworkSpace",
    "Posterior",
    "RandomFeatures",
    "RequiredBias",
    "Sample",
    "Space",
    "compare",
    "fit",
    "log_probability",
    "mean_squared_error",
    "median_distance",
    "required_inductive_bias",
    "sample_bounds",
    "sankaran",
    "targets",
]

_LATER = {"CNN": "architectures", "MLP": "architectures", "NetworkSpace": "networks"}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
