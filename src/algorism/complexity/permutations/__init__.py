"""Exact learning of permutations, and of programs, from basis vectors alone by ensembles of wide networks.

`networks_needed` says how many networks to average; `moments` what one of them answers; `train_ensemble` trains them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .accuracy import ensemble_accuracy, expected_accuracy, log_accuracy, midway
from .ensembles import GaussianEnsemble, Passages, trained_passages
from .inputs import all_inputs, hot_inputs, unit_rows
from .kernels import (
    REGIMES,
    Parameterisation,
    Regime,
    basis_eigenvalues,
    basis_gram,
    basis_gram_inverse,
    function_rate,
    kernel,
    lambda_max,
    nngp_kernel,
    regime_of,
)
from .moments import Descent, Moments, covariance, moments, weights
from .needed import NetworksNeeded, bound, networks_for, networks_needed
from .programs import Certificate, Execution, Program, Template, add, addition_program, permutation_program

if TYPE_CHECKING:
    from .networks import TrainedEnsemble, steps_needed, train_ensemble

__all__ = [
    "REGIMES",
    "Certificate",
    "Descent",
    "Execution",
    "GaussianEnsemble",
    "Moments",
    "NetworksNeeded",
    "Parameterisation",
    "Passages",
    "Program",
    "Regime",
    "Template",
    "TrainedEnsemble",
    "add",
    "addition_program",
    "all_inputs",
    "basis_eigenvalues",
    "basis_gram",
    "basis_gram_inverse",
    "bound",
    "covariance",
    "ensemble_accuracy",
    "expected_accuracy",
    "function_rate",
    "hot_inputs",
    "kernel",
    "lambda_max",
    "log_accuracy",
    "midway",
    "moments",
    "networks_for",
    "networks_needed",
    "nngp_kernel",
    "permutation_program",
    "regime_of",
    "steps_needed",
    "train_ensemble",
    "trained_passages",
    "unit_rows",
    "weights",
]


def __getattr__(name: str) -> Any:
    if name in ("TrainedEnsemble", "steps_needed", "train_ensemble"):  # torch is only imported to train
        return getattr(import_module(".networks", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
