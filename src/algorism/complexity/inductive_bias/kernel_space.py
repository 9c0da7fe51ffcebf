"""Functions drawn from a Gaussian process and conditioned on the training data without noise.

Shape letters: n training point, t test point, d input, c output, s hypothesis, i direction.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh, solve_triangular

from algorism.errors import DataError, UsageError

from .hypotheses import Data, Sample
from .kernels import RBF, Kernel, with_length
from .losses import Floats, GaussianLoss, mean_squared_error

FLOOR = 1e-10  # of the prior variance; smaller variances are the eigenvalue solver's rounding, not freedom


@dataclass(frozen=True)
class AdamSolve:
    """The released code's solve: least squares on rows of K by Adam, so that K is never stored whole or inverted.

    Args:
        epochs: passes over the rows.
        batch: rows of one step.
        mean_rate, covariance_rate: learning rates of the coefficients of the mean and of the covariance.
    """

    epochs: int = 10_000
    batch: int = 5
    mean_rate: float = 1e-2
    covariance_rate: float = 1e-3

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or not (self.mean_rate > 0 and self.covariance_rate > 0):
            raise UsageError(f"AdamSolve: expected positive epochs, batch and rates, got {self}.")

    def solve(self, kernel: Kernel, x_nd: Floats, wanted_nk: Floats, rate: float, seed: int) -> Floats:
        """Coefficients a (n, k) with K a ≈ wanted; blocks of K are computed as they are needed."""
        random = np.random.default_rng(seed)
        found_nk, first_nk, second_nk = (np.zeros_like(wanted_nk) for _ in range(3))
        step = 0
        for _ in range(self.epochs):
            order_n = random.permutation(len(x_nd))
            for start in range(0, len(order_n), self.batch):
                rows = order_n[start : start + self.batch]
                block_rn = kernel(x_nd[rows], x_nd)
                slope_nk = block_rn.T @ (block_rn @ found_nk - wanted_nk[rows]) * (2 / wanted_nk[rows].size)
                step += 1
                first_nk = 0.9 * first_nk + 0.1 * slope_nk
                second_nk = 0.999 * second_nk + 0.001 * slope_nk**2
                size_nk = np.sqrt(second_nk / (1 - 0.999**step)) + 1e-8
                found_nk -= rate * first_nk / (1 - 0.9**step) / size_nk
        return found_nk


@dataclass(frozen=True)
class Posterior:
    """A Gaussian process on the test points, given the training data; outputs are independent with one covariance.

    Args:
        mean_tc, covariance_tt: its law.
        train_loss: MSE of the mean on the training points; the paper's space fits them exactly.
        kernel: the kernel with its length-scale as used.
        prior_variance: mean variance of a test value before the data.
    """

    mean_tc: Floats
    covariance_tt: Floats
    train_loss: float
    kernel: Kernel
    prior_variance: float = 1.0
    _spectrum: list[tuple[Floats, Floats]] = field(default_factory=list, repr=False, compare=False)

    def _eigen(self) -> tuple[Floats, Floats]:
        if not self._spectrum:
            lam_i, vectors_ti = eigh(self.covariance_tt)
            # Rounding makes small eigenvalues negative; a square root by any other way would turn complex.
            self._spectrum.append((np.maximum(lam_i, 0.0), vectors_ti))
        return self._spectrum[0]

    def loss_law(self, y_tc: Floats) -> GaussianLoss:
        """The exact law of a hypothesis' mean squared error on these targets, in the basis of the covariance."""
        lam_i, vectors_ti = self._eigen()
        offsets_ic = vectors_ti.T @ (self.mean_tc - y_tc)
        lam_i = np.where(lam_i > FLOOR * self.prior_variance, lam_i, 0.0)
        return GaussianLoss(lam_i, (offsets_ic**2).sum(axis=1), y_tc.shape[1], len(y_tc))

    def draw(self, number: int, seed: int = 0) -> Floats:
        """Hypotheses' values on the test points, (s, t, c)."""
        lam_i, vectors_ti = self._eigen()
        z_sic = np.random.default_rng(seed).standard_normal((number, *self.mean_tc.shape))
        return self.mean_tc + (vectors_ti * np.sqrt(lam_i)) @ z_sic


@dataclass(frozen=True)
class KernelSpace:
    """The space of a kernel's Gaussian process, conditioned on the training data.

    Args:
        kernel: `RBF`, `Laplace`, `NNGP`, `NTK`, `RandomFeatures`, or any function of two tables of inputs.
        prior: covariance before training if it is not the kernel. `KernelSpace(NTK(2), prior=NNGP(2))` is the ensemble
            of infinitely wide networks trained by gradient descent, which is no posterior of either (1902.06720).
        jitter: added to K's diagonal, in units of its mean.
        solver: None for Cholesky; an `AdamSolve` for the paper's iterative one.
        fits_below: largest training MSE with which hypotheses count as conditioned on the data.
        label: name in curves; the kernel by default.

    Source: arXiv 2406.15941, algorithm 1.

    >>> data = Data.of([[0.0], [1.0]], [0.0, 1.0], [[0.0], [5.0]], [0.0, 0.0])
    >>> posterior = KernelSpace().posterior(data)
    >>> np.round(np.diag(posterior.covariance_tt), 3).tolist()  # known at 0, free at 5
    [0.0, 1.0]
    """

    kernel: Any = field(default_factory=RBF)
    prior: Any = None
    jitter: float = 1e-8
    solver: AdamSolve | None = None
    fits_below: float = 1e-4
    label: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.jitter < 1 or not self.fits_below > 0:
            raise UsageError(
                f"KernelSpace: expected 0 <= jitter < 1 and fits_below > 0, got {self.jitter} and {self.fits_below}."
            )

    @property
    def name(self) -> str:
        """What curves and tables call it."""
        return self.label or str(self.kernel)

    def posterior(self, data: Data, seed: int = 0) -> Posterior:
        """Condition on the training data.

        Raises:
            DataError: K is singular, or the training data is not fitted (contradicting targets, too few features,
                an iterative solve that was stopped early).
        """
        x_nd, x_td = (x.reshape(len(x), -1) for x in (data.x_train, data.x_test))
        kernel = with_length(self.kernel, x_nd)
        k_nn, k_nt, k_tt = kernel(x_nd, x_nd), kernel(x_nd, x_td), kernel(x_td, x_td)
        alpha_nc, coefficients_nt = self._solve(kernel, k_nn, k_nt, data, seed)
        train_loss = float(mean_squared_error(k_nn @ alpha_nc, data.y_train))
        if not train_loss <= self.fits_below:
            raise DataError(
                f"{self.name}: the training data is fitted to an MSE of {train_loss:.3g} only, above fits_below = "
                f"{self.fits_below:g}. {_why(x_nd, data.y_train)}"
            )
        before = with_length(self.prior, x_nd) if self.prior is not None else kernel
        if self.prior is not None:
            p_nt, p_nn = before(x_nd, x_td), before(x_nd, x_nd)
            k_tt = before(x_td, x_td)
            cross_tt = coefficients_nt.T @ p_nt
            covariance = k_tt + coefficients_nt.T @ p_nn @ coefficients_nt - cross_tt - cross_tt.T
        else:
            covariance = k_tt - k_nt.T @ coefficients_nt
        covariance = (covariance + covariance.T) / 2
        return Posterior(k_nt.T @ alpha_nc, covariance, train_loss, kernel, float(np.trace(k_tt)) / len(k_tt))

    def _solve(self, kernel: Kernel, k_nn: Floats, k_nt: Floats, data: Data, seed: int) -> tuple[Floats, Floats]:
        """K⁻¹ Y and K⁻¹ K_XT."""
        if self.solver is not None:
            x_nd = data.x_train.reshape(len(data.x_train), -1)
            adam = self.solver
            alpha_nc = adam.solve(kernel, x_nd, data.y_train, adam.mean_rate, seed)
            return alpha_nc, adam.solve(kernel, x_nd, k_nt, adam.covariance_rate, seed + 1)
        try:
            factor = cho_factor(self._jittered(k_nn), lower=True, overwrite_a=True)
        except LinAlgError:
            x_nd = data.x_train.reshape(len(data.x_train), -1)
            raise DataError(
                f"{self.name}: the training kernel is singular at jitter {self.jitter:g}. {_why(x_nd, data.y_train)}"
            ) from None
        return cho_solve(factor, data.y_train), cho_solve(factor, k_nt)

    def _jittered(self, k_nn: Floats) -> Floats:
        raised_nn = k_nn.copy()
        raised_nn[np.diag_indices(len(k_nn))] += self.jitter * k_nn.diagonal().mean()
        return raised_nn

    def sample(self, data: Data, number: int, seed: int = 0) -> Sample:
        """Losses of `number` hypotheses, with their exact law."""
        posterior = self.posterior(data, seed)
        law = posterior.loss_law(data.y_test)
        rule = f"training MSE ≤ {self.fits_below:g}"
        return Sample(law.sample(number, seed), np.full(number, posterior.train_loss), 0, rule, law)

    def log_evidence(self, data: Data) -> float:
        """Log density of the training targets under the prior, in nats: for choosing a kernel or its length-scale.

        Raises:
            DataError: K is singular.
        """
        x_nd = data.x_train.reshape(len(data.x_train), -1)
        k_nn = with_length(self.kernel, x_nd)(x_nd, x_nd)
        try:
            lower_nn = np.linalg.cholesky(self._jittered(k_nn))
        except np.linalg.LinAlgError:
            raise DataError(f"{self.name}: the training kernel is singular. {_why(x_nd, data.y_train)}") from None
        whitened = solve_triangular(lower_nn, data.y_train, lower=True)
        per_output = 2 * np.log(lower_nn.diagonal()).sum() + len(k_nn) * np.log(2 * np.pi)
        return -0.5 * float((whitened**2).sum() + data.y_train.shape[1] * per_output)


def _why(x_nd: Floats, y_nc: Floats) -> str:
    """What is wrong with training data that cannot be fitted."""
    distinct, group_n = np.unique(x_nd, axis=0, return_inverse=True)
    repeated = len(x_nd) - len(distinct)
    contradicting = repeated and len(np.unique(np.column_stack([group_n.ravel(), y_nc]), axis=0)) > len(distinct)
    if contradicting:
        return f"{repeated} training rows repeat another one, some with other targets; no function fits both."
    if repeated:
        return f"{repeated} training rows repeat another one: remove them, or raise the jitter."
    return "Raise the number of features or epochs, shorten the kernel's length, or raise fits_below knowingly."
