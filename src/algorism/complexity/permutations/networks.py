"""Ensembles of two-layer ReLU networks of finite width, really trained on the basis vectors, many at once.

The networks are trained by full-batch gradient descent on the mean squared error, without biases. The training inputs
are the identity matrix, so a first-layer weight *is* a pre-activation, and a step is three batched matrix products.

Shape letters: m networks of a chunk; n all networks; h hidden units; k bits, as many as training inputs; o outputs;
t test inputs.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ...errors import ShapeError, TrainingError, UsageError
from ...memory import freed_memory_kept
from .inputs import unit_rows
from .kernels import (
    Parameterisation,
    basis_eigenvalues,
    checked_bits,
    checked_sigma,
    function_rate,
    lambda_max,
    regime_of,
)

_TESTS = 64  # test inputs asked at a time


@dataclass(frozen=True)
class TrainedEnsemble:
    """What really trained networks answer.

    Args:
        outputs_nto: each network's output on each test input, which was scaled to length 1.
        train_mse_n: each network's mean squared error on the basis vectors after the last step.
        steps_n: gradient steps each network took.
        learning_rate: of both layers.
        converged: whether every training error is below the tolerance asked for.
    """

    outputs_nto: NDArray[np.float32]
    train_mse_n: NDArray[np.float32]
    steps_n: NDArray[np.int64]
    learning_rate: float
    converged: bool


def train_ensemble(
    targets_ko: ArrayLike,
    inputs_tk: ArrayLike,
    networks: int,
    width: int,
    parameterisation: Parameterisation = "standard",
    *,
    learning_rate: float | None = None,
    steps: int | None = None,
    tolerance: float = 1e-7,
    sigma_w: float = 1.0,
    seed: int = 0,
    memory_mb: int = 64,
    device: str | torch.device = "cpu",
) -> TrainedEnsemble:
    """Train independent networks on e_1 … e_k and ask them the test inputs.

    Args:
        targets_ko: target of each basis vector; for a permutation a permutation matrix.
        inputs_tk: test inputs, scaled to length 1 here.
        networks: how many; network i starts from (seed, i), whatever is trained beside it.
        width: hidden units. Finite width moves the means; 20·k² and more leaves the theory's ordering intact.
        parameterisation: "ntk", or "standard" (weights of variance σ_w²/fan-in, as torch users write them).
        learning_rate: of both layers; 1/λ_max by default. Above 2/λ_max training is unstable.
        steps: gradient steps; by default each network goes on until its training error is below the tolerance, at most
            four times as long as an infinitely wide one would.
        tolerance: training error below which a network has converged.
        sigma_w: standard deviation of the weights before scaling.
        seed: of the initial weights.
        memory_mb: bounds the networks trained at once. Little stays in a processor's caches; give a GPU much.
        device: where to train. Initial weights are drawn there, so they differ between kinds of device.

    Raises:
        ShapeError: if targets and inputs do not fit together.
        UsageError: for counts or rates out of range.
        TrainingError: if the weights of a network stop being finite.

    >>> found = train_ensemble(np.eye(3), [[1, 1, 0]], networks=2, width=256)
    >>> found.outputs_nto.shape, found.converged
    ((2, 1, 3), True)
    """
    target_ko = np.asarray(targets_ko, dtype=np.float32)
    unit_tk = unit_rows(inputs_tk).astype(np.float32)
    if target_ko.ndim != 2 or target_ko.shape[0] != unit_tk.shape[1] or not np.isfinite(target_ko).all():
        raise ShapeError(
            f"Expected finite targets of shape ({unit_tk.shape[1]}, outputs), one for each basis vector, because test "
            f"inputs have {unit_tk.shape[1]} bits; got shape {target_ko.shape}."
        )
    bits, outputs = target_ko.shape
    if networks < 1 or width < 1 or memory_mb < 1 or not tolerance > 0:
        raise UsageError(
            f"networks, width, memory_mb and tolerance must be positive, got {networks}, {width}, {memory_mb}, "
            f"{tolerance}."
        )
    top = lambda_max(bits, parameterisation, width, outputs=outputs, sigma_w=sigma_w)
    rate = 1 / top if learning_rate is None else float(learning_rate)
    if not (math.isfinite(rate) and rate > 0):
        raise UsageError(f"learning_rate must be a finite number > 0, got {learning_rate}.")
    if steps is not None and steps < 0:
        raise UsageError(f"steps must be >= 0, got {steps}.")
    most, stop_below = steps, 0.0
    if most is None:
        shape = {"outputs": outputs, "sigma_w": sigma_w}
        most = 4 * steps_needed(bits, rate, parameterisation, width, tolerance=tolerance, **shape)
        stop_below = tolerance

    y_ok = torch.from_numpy(target_ko).T.contiguous().to(device)
    x_kt = torch.from_numpy(unit_tk).T.contiguous().to(device)
    answers, errors, taken = [], [], []
    for chunk in _chunks(networks, _floats_of_one(width, bits, outputs, unit_tk.shape[0]), memory_mb):
        stack = _Stack(chunk, width, bits, outputs, parameterisation, checked_sigma(sigma_w), seed, y_ok.device)
        with freed_memory_kept():
            taken.append(stack.train(y_ok, rate, most, stop_below))
        error_m = stack.error(y_ok)
        if not torch.isfinite(error_m).all():
            diverged = int((~torch.isfinite(error_m)).sum())
            raise TrainingError(
                f"{diverged} of {len(error_m)} networks diverged at learning rate {rate:.3g}; descent is stable below "
                f"{2 / top:.3g}."
            )
        errors.append(error_m.cpu().numpy())
        answers.append(stack.answers(x_kt).cpu().numpy())
    error_n = np.concatenate(errors)
    converged = bool((error_n < tolerance).all())
    return TrainedEnsemble(np.concatenate(answers), error_n, np.concatenate(taken), rate, converged)


def steps_needed(
    bits: int,
    learning_rate: float,
    parameterisation: Parameterisation = "standard",
    width: int = 50_000,
    *,
    outputs: int | None = None,
    sigma_w: float = 1.0,
    tolerance: float = 1e-7,
) -> int:
    """Gradient steps until the training error of an infinitely wide network is below the tolerance.

    Nearly all of the initial error lies orthogonal to the vector of ones, where all modes shrink alike.

    Raises:
        UsageError: for a rate at which a mode does not shrink.

    >>> [steps_needed(5, 1 / lambda_max(5, p, 2048), p, 2048) for p in ("ntk", "standard")]
    [11, 21]
    """
    checked_bits(bits)
    low, high = basis_eigenvalues(bits, regime_of(parameterisation, bits, width))
    rate = function_rate(learning_rate, bits, parameterisation, width, outputs=outputs, sigma_w=sigma_w)
    shrink = max(abs(1 - rate * float(low)), abs(1 - rate * float(high)))
    if shrink >= 1:
        raise UsageError(
            f"At learning rate {learning_rate:.3g} descent does not converge: it is stable below "
            f"{2 * learning_rate / (rate * float(high)):.3g}. Lower it, or set steps to train all the same."
        )
    initial = (1 + sigma_w**4 / 2) / bits  # mean square of a target and of an untrained output
    if shrink == 0:
        return 1
    return max(1, math.ceil(math.log(tolerance / initial) / (2 * math.log(shrink))))


class _Stack:
    """The weights of some networks, one behind the other, and what is done with them."""

    def __init__(
        self,
        chunk: range,
        width: int,
        bits: int,
        outputs: int,
        parameterisation: Parameterisation,
        sigma_w: float,
        seed: int,
        device: torch.device,
    ) -> None:
        first, second = sigma_w / math.sqrt(bits), sigma_w / math.sqrt(width)
        self.u_mhk = torch.empty(len(chunk), width, bits, device=device)
        self.v_moh = torch.empty(len(chunk), outputs, width, device=device)
        for place, network in enumerate(chunk):
            state = np.random.SeedSequence([seed, network]).generate_state(1, np.uint64)
            random = torch.Generator(device).manual_seed(int(state[0]) & (2**63 - 1))
            self.u_mhk[place].normal_(generator=random)
            self.v_moh[place].normal_(generator=random)
        # In the tangent parameterisation the scales stand in front of the weights, in the standard one inside them.
        self.scale_u, self.scale_v = (first, second) if parameterisation == "ntk" else (1.0, 1.0)
        if parameterisation == "standard":
            self.u_mhk *= first
            self.v_moh *= second

    def train(self, y_ok: Tensor, rate: float, steps: int, stop_below: float) -> NDArray[np.int64]:
        """Gradient steps of both layers on the mean squared error; (m,) how many each network took.

        A network stops by its own error, so that it does not matter which others are trained beside it.
        """
        scale = self.scale_u * self.scale_v
        taken_m = torch.zeros(len(self.u_mhk), dtype=torch.int64, device=y_ok.device)
        for _ in range(steps):
            hidden_mhk = torch.relu(self.u_mhk)
            slope_mok = torch.matmul(self.v_moh, hidden_mhk).mul_(scale).sub_(y_ok)
            active_m = (slope_mok**2).mean(dim=(1, 2)) >= stop_below
            if not active_m.any():  # also where every error is NaN, which the caller reports
                break
            taken_m += active_m
            slope_mok *= (active_m * (2 / y_ok.numel() * scale * rate))[:, None, None]
            change_mhk = torch.bmm(self.v_moh.transpose(1, 2), slope_mok).mul_(self.u_mhk > 0)
            self.v_moh.baddbmm_(slope_mok, hidden_mhk.transpose(1, 2), alpha=-1)
            self.u_mhk -= change_mhk
        return taken_m.cpu().numpy()

    def error(self, y_ok: Tensor) -> Tensor:
        """(m,) mean squared errors on the basis vectors."""
        outputs_mok = torch.matmul(self.v_moh, torch.relu(self.u_mhk)) * (self.scale_u * self.scale_v)
        return ((outputs_mok - y_ok) ** 2).mean(dim=(1, 2))

    def answers(self, x_kt: Tensor) -> Tensor:
        """(m, t, o) outputs on test inputs."""
        blocks = [
            torch.matmul(self.v_moh, torch.relu_(torch.matmul(self.u_mhk, block_kt)))
            for block_kt in x_kt.split(_TESTS, dim=1)
        ]
        return torch.cat(blocks, dim=2).transpose(1, 2).mul(self.scale_u * self.scale_v).contiguous()


def _floats_of_one(width: int, bits: int, outputs: int, tests: int) -> int:
    """Numbers held for one network: two layers, four arrays as large as the first, hidden units of some tests."""
    return width * (outputs + 4 * bits + min(tests, _TESTS)) + 3 * tests * outputs


def _chunks(networks: int, floats: int, memory_mb: int) -> Iterator[range]:
    size = max(1, memory_mb * 2**20 // (4 * floats))
    for start in range(0, networks, size):
        yield range(start, min(networks, start + size))
