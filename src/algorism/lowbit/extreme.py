"""One and two bits: binary and ternary weights, sums of binary tensors, and dot products by counting bits.

Binary and ternary weights are `Quantized` on the grids {−1, +1} and {−1, 0, +1}; only their scales are found in another
way than from a range. Source: arXiv 2103.13630, section IV-E. Shape letters: o rows, n values of a row, m binary terms.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import ShapeError, UsageError
from .layout import as_rows, checked, from_rows
from .spec import QuantSpec
from .uniform import SMALLEST_SCALE, Quantized, quantize_on

TWN_THRESHOLD = 0.7  # of mean |w|: close to the best for Gaussian and uniform weights (arXiv 1605.04711)


def binary_connect(w: Tensor, *, stochastic: bool = False, seed: int = 0) -> Quantized:
    """Signs of the weights, sign(0) = +1, with scale 1 (arXiv 1511.00363).

    Args:
        w: weights; as training keeps them, between −1 and 1.
        stochastic: +1 with probability clip((w + 1) / 2, 0, 1), which is unbiased between −1 and 1.
        seed: for the draw.

    >>> binary_connect(torch.tensor([0.3, -0.2, 0.0])).dequantize().tolist()
    [1.0, -1.0, 1.0]
    """
    spec = QuantSpec(bits=1, rounding="stochastic" if stochastic else "nearest")
    return _scaled(w, torch.ones(1, 1, device=w.device), spec, seed)


def xnor(w: Tensor, *, axis: int = 0) -> Quantized:
    """Signs times mean |w| of each filter: the best α and B in ‖W − α B‖ (arXiv 1603.05279, equation 6).

    >>> xnor(torch.tensor([[1.0, -3.0], [0.5, 0.5]])).dequantize().tolist()
    [[2.0, -2.0], [0.5, 0.5]]
    """
    spec = QuantSpec(bits=1, granularity="channel", axis=axis)
    return _scaled(w, as_rows(checked(w), spec).abs().mean(1, keepdim=True), spec)


def ternary(w: Tensor, *, per_channel: bool = True, threshold: float = TWN_THRESHOLD) -> Quantized:
    """Ternary weight networks: 0 up to Δ = 0.7 · mean |w|, beyond it ±α, the mean of |w| there (arXiv 1605.04711).

    Args:
        w: weights.
        per_channel: one Δ and α for each channel of axis 0, or one for the tensor.
        threshold: Δ in units of mean |w|.

    >>> ternary(torch.tensor([[1.0, -3.0, 0.1]])).dequantize().tolist()
    [[2.0, -2.0, 0.0]]
    """
    spec = QuantSpec(bits=2, granularity="channel" if per_channel else "tensor")
    w_on = as_rows(checked(w), spec)
    size_on = w_on.abs()
    large_on = size_on > threshold * size_on.mean(1, keepdim=True)
    count_o1 = large_on.sum(1, keepdim=True).clamp(min=1)
    alpha_o1 = ((size_on * large_on).sum(1, keepdim=True) / count_o1).clamp(min=SMALLEST_SCALE)
    q = from_rows((torch.sign(w_on) * large_on).to(torch.int8), w.shape, spec).contiguous()
    return Quantized(q, alpha_o1, torch.zeros_like(alpha_o1, dtype=torch.int32), spec)


def _scaled(w: Tensor, scale_og: Tensor, spec: QuantSpec, seed: int = 0) -> Quantized:
    scale_og = scale_og.clamp(min=SMALLEST_SCALE)
    return quantize_on(w, scale_og, torch.zeros_like(scale_og, dtype=torch.int32), spec, seed=seed, what="weights")


@dataclass(frozen=True, eq=False)
class BitBasis:
    """A tensor as Σ α_i B_i with B_i of ±1.

    Args:
        signs_mon: int8, the binary terms.
        alpha_om: their factors, for each row.
        shape: the tensor's shape; axis 0 are the rows.
    """

    signs_mon: Tensor
    alpha_om: Tensor
    shape: tuple[int, ...]

    def dequantize(self) -> Tensor:
        """The sum."""
        return torch.einsum("mon,om->on", self.signs_mon.to(torch.float32), self.alpha_om).reshape(self.shape)


def residual_binary(w: Tensor, terms: int) -> BitBasis:
    """Binarise, then binarise what is left, and so on (HORQ, arXiv 1708.08687): each α is mean |what is left|.

    Args:
        w: weights; axis 0 are the rows.
        terms: binary terms, 1 to 8.

    Raises:
        UsageError: another number of terms.

    >>> residual_binary(torch.tensor([[3.0, 1.0, -1.0, -3.0]]), 2).dequantize().tolist()
    [[3.0, 1.0, -1.0, -3.0]]
    """
    _check_terms(terms, 8)
    left_on = checked(w, "weights").reshape(w.shape[0], -1).clone()
    signs, alphas = [], []
    for _ in range(terms):
        sign_on = torch.where(left_on >= 0, 1.0, -1.0)
        alpha_o1 = left_on.abs().mean(1, keepdim=True)
        left_on -= alpha_o1 * sign_on
        signs.append(sign_on.to(torch.int8))
        alphas.append(alpha_o1)
    return BitBasis(torch.stack(signs), torch.cat(alphas, dim=1), tuple(w.shape))


def bit_basis(w: Tensor, terms: int, iterations: int = 20) -> BitBasis:
    """Fit all α together: in turn the nearest code of each value, and least squares for α (LQ-Nets, arXiv 1807.10029).

    Begins with `residual_binary`; neither step can raise the squared error.

    Args:
        w: weights; axis 0 are the rows.
        terms: binary terms, 1 to 4: all 2^terms codes are compared.
        iterations: the most rounds.

    Raises:
        UsageError: another number of terms.
    """
    _check_terms(terms, 4)
    w_on = checked(w, "weights").reshape(w.shape[0], -1).double()
    alpha_om = residual_binary(w, terms).alpha_om.double()
    codes_cm = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=terms)), dtype=torch.float64, device=w.device)
    signs_onm = _nearest_codes(w_on, alpha_om, codes_cm)
    for _ in range(iterations):
        # Ridge of 1e-12 of the diagonal (which is n): two terms may be equal in all values of a row.
        gram_omm = signs_onm.mT @ signs_onm
        gram_omm = gram_omm + 1e-12 * w_on.shape[1] * torch.eye(terms, dtype=torch.float64, device=w.device)
        alpha_om = torch.linalg.solve(gram_omm, (signs_onm.mT @ w_on[..., None]))[..., 0]
        renewed = _nearest_codes(w_on, alpha_om, codes_cm)
        if torch.equal(renewed, signs_onm):
            break
        signs_onm = renewed
    return BitBasis(signs_onm.permute(2, 0, 1).to(torch.int8), alpha_om.float(), tuple(w.shape))


def _nearest_codes(w_on: Tensor, alpha_om: Tensor, codes_cm: Tensor) -> Tensor:
    """For each value the signs (o, n, m) whose sum is nearest."""
    values_oc, order_oc = (alpha_om @ codes_cm.T).sort(dim=1)
    edges = (values_oc[:, 1:] + values_oc[:, :-1]) / 2
    at_on = torch.searchsorted(edges.contiguous(), w_on.contiguous())
    return codes_cm[order_oc.gather(1, at_on)]


def _check_terms(terms: int, most: int) -> None:
    if isinstance(terms, bool) or not isinstance(terms, int) or not 1 <= terms <= most:
        raise UsageError(f"Binary terms: a whole number from 1 to {most}; got {terms!r}.")


COUNTS = np.array([bin(byte).count("1") for byte in range(256)], dtype=np.int64)


def binary_matmul(a_in: Tensor, b_on: Tensor) -> Tensor:
    """Products of ±1 matrices by XOR and counting of bits: a · b = n − 2 · popcount(a xor b).

    Args:
        a_in: rows of ±1.
        b_on: rows of ±1, of the same width.

    Returns:
        int64 (i, o), the same as a_in @ b_on.T.

    Raises:
        ShapeError: different widths.

    >>> binary_matmul(torch.tensor([[1, -1, 1]]), torch.tensor([[1, 1, 1], [-1, 1, -1]])).tolist()
    [[1, -3]]
    """
    n = a_in.shape[1]
    if b_on.shape[1] != n:
        raise ShapeError(f"binary_matmul: rows of {n} and of {b_on.shape[1]} values; they must be equally wide.")
    a_bits = np.packbits(a_in.numpy() > 0, axis=1)  # the same zeros are filled in on both sides: they never differ
    b_bits = np.packbits(b_on.numpy() > 0, axis=1)
    differ = np.stack([COUNTS[row ^ b_bits].sum(1) for row in a_bits])
    return torch.from_numpy(n - 2 * differ)
