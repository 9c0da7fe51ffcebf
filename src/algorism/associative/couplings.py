"""Hebbian couplings of any even order P without their tensor: energy and local fields in O(N K P).

The energy is a weighted sum over patterns v^k (archetypes, average examples, or single examples):

    H(σ) = −(P!/(2 N^{P−1})) Σ_k c_k Σ_{i₁<…<i_P} Π_l v^k_{i_l} σ_{i_l}

Neurons of a group are all different. With repeated ones, H would be −(N/2) Σ_k A_k^P: the same at low load, but with
K ~ N^{P−1} patterns the repeated indices make a pairwise noise that destroys retrieval. For P = 2 this is the Hopfield
network without its diagonal.

Protocols (arXiv 2212.00606, 2211.14067 and 2308.04106; normalisation as stated above, β' the inverse temperature):
- *stored*: v = ξ, c = 1;
- *supervised*: v = average example/√R, c = 1, R = r² + (1 − r²)/M;
- *unsupervised*: every example is a pattern with c = 1/(M R^{P/2}).

Shape letters: b replica, k pattern, m example, n neuron, l power.
"""

import math
from collections.abc import Iterator

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from algorism.errors import ShapeError, UsageError

from .checks import checked_order, checked_rows, checked_spins, per_pattern, require_memory
from .patterns import normalised_weights, second_moment
from .symmetric import elementary

_BLOCK = 1 << 22  # entries of v that are held as floating point at a time


class Couplings:
    """The network: its patterns, their weights in the energy, and the order P of the interaction.

    Args:
        vectors_kn: real patterns v; int8 is kept as it is, which is what makes N = 100,000 small.
        order: P, even.
        weights_k: c; 1 by default.
        dtype: in which fields are computed, float32 or float64.
        device: where; by default where `vectors_kn` is.

    Raises:
        ShapeError, UsageError: for entries that are not finite, an odd order, fewer neurons than the order, or
            patterns that cannot fit in memory.

    >>> net = Couplings(torch.tensor([[1, 1, -1, 1]], dtype=torch.int8), order=4)
    >>> net.energy(torch.tensor([[1, 1, -1, 1], [1, 1, 1, 1]])).tolist()  # −4!/(2·4³) and its opposite
    [-0.1875, 0.1875]
    """

    def __init__(
        self,
        vectors_kn: Tensor | ArrayLike,
        order: int = 2,
        weights_k: Tensor | ArrayLike | None = None,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
    ) -> None:
        if dtype not in (torch.float32, torch.float64):
            raise UsageError(f"dtype must be torch.float32 or torch.float64, got {dtype}.")
        self.order, self.dtype = checked_order(order), dtype
        rows_kn = checked_rows("vectors_kn", vectors_kn)
        kept = torch.int8 if rows_kn.dtype == torch.int8 else dtype
        self.patterns, self.neurons = rows_kn.shape
        if self.neurons < self.order:
            raise ShapeError(f"An energy of order {self.order} needs at least as many neurons, got {self.neurons}.")
        require_memory(rows_kn.numel() * kept.itemsize, f"{self.patterns} patterns of {self.neurons} neurons")
        # A neuron's row in one piece, because a flip reads one; a copy of its own, whatever the caller does with his.
        where = rows_kn.device if device is None else torch.device(device)
        self.v_nk = torch.empty(self.neurons, self.patterns, dtype=kept, device=where).copy_(rows_kn.T)
        ones_k = torch.ones(self.patterns) if weights_k is None else torch.as_tensor(weights_k)
        if ones_k.shape != (self.patterns,):
            raise ShapeError(f"weights_k must be {self.patterns} numbers, got shape {tuple(ones_k.shape)}.")
        self.weights_k = ones_k.to(device=self.v_nk.device, dtype=torch.float64)
        # For −1, 0 and +1 all odd powers are the entries themselves, and all even ones their absolute values.
        self.ternary = kept == torch.int8 and bool((self.v_nk.abs() <= 1).all())
        self.even_lk = self._even_powers()

    @property
    def device(self) -> torch.device:
        """Where states have to be."""
        return self.v_nk.device

    def states(self, sigma_bn: Tensor | ArrayLike) -> Tensor:
        """Checked states of −1 and +1, int8, on this network's device.

        Raises:
            ShapeError, UsageError: for another width or other entries.
        """
        return checked_spins("states", sigma_bn, neurons=self.neurons).to(self.device)

    def alignments(self, sigma_bn: Tensor) -> Tensor:
        """A_bk = (1/N) Σ_i v_i^k σ_i."""
        return self.odd_powers(sigma_bn, 1)[0] / self.neurons

    def energy(self, sigma_bn: Tensor) -> Tensor:
        """H of each state, float64."""
        e_bk = self.polynomials(sigma_bn, self.order)[self.order]
        return -(self.neurons * math.factorial(self.order) / 2) * (e_bk @ self.weights_k)

    def fields(self, sigma_bn: Tensor) -> Tensor:
        """Local fields h_bn of all neurons at once: H(σ with i flipped) − H(σ) = 2 σ_i h_i.

        Leaving neuron i out of the polynomial is a division by (1 + u_i t) of its generating function, hence
        e_{P−1}^{(−i)} = Σ_j (−u_i)^j e_{P−1−j}, and each term is one matrix product over the patterns.
        """
        e_j = self.polynomials(sigma_bn, self.order - 1)
        terms = [e_j[self.order - 1 - j] / float(self.neurons) ** j for j in range(self.order)]
        if self.ternary:  # v^{j+1} is v or |v|: the terms of one parity are one product
            terms = [torch.stack(terms[0::2]).sum(0), torch.stack(terms[1::2]).sum(0)]
        sigma_bn = sigma_bn.to(self.dtype)
        h_bn = torch.empty(sigma_bn.shape, dtype=self.dtype, device=self.device)
        for rows, v_nk in self._blocks():
            total_bn = torch.zeros(len(sigma_bn), len(v_nk), dtype=self.dtype, device=self.device)
            for j, term_bk in enumerate(terms):
                weighted_bk = (term_bk * self.weights_k).to(self.dtype)
                power_nk = v_nk if j == 0 else v_nk.abs() if self.ternary else v_nk ** (j + 1)
                part_bn = weighted_bk @ power_nk.T
                total_bn += part_bn if j % 2 == 0 else -sigma_bn[:, rows] * part_bn
            h_bn[:, rows] = total_bn
        return h_bn * (math.factorial(self.order) / 2)

    def odd_powers(self, sigma_bn: Tensor, highest: int) -> list[Tensor]:
        """Power sums p_l = Σ_i (v_i σ_i)^l for l = 1, 3, … up to `highest`; each (b, k). Even ones need no state."""
        states_bn = sigma_bn.to(self.dtype)
        count = (highest + 1) // 2
        sums = [torch.zeros(len(states_bn), self.patterns, dtype=self.dtype, device=self.device) for _ in range(count)]
        for rows, v_nk in self._blocks():
            for index in range(1 if self.ternary else count):
                sums[index] += states_bn[:, rows] @ (v_nk ** (2 * index + 1) if index else v_nk)
        return [sums[0]] * count if self.ternary else sums

    def polynomials(self, sigma_bn: Tensor, highest: int) -> list[Tensor]:
        """e_0 … e_highest of v σ/N; each (b, k), float64, because the power sums cancel at low overlaps."""
        odd = self.odd_powers(sigma_bn, highest)
        sums = [odd[(p - 1) // 2] if p % 2 else self.even_lk[p // 2 - 1] for p in range(1, highest + 1)]
        scaled = [s.double() / float(self.neurons) ** p for p, s in enumerate(sums, start=1)]
        return [torch.ones_like(scaled[0]), *elementary(scaled, highest)[1:]]

    def _even_powers(self) -> Tensor:
        """Σ_i v_i^l for l = 2, 4, …, P: the same for every state."""
        even_lk = torch.zeros(self.order // 2, self.patterns, dtype=torch.float64, device=self.device)
        for _, v_nk in self._blocks():
            square_nk = v_nk.double() ** 2
            for index in range(self.order // 2):
                even_lk[index] += (square_nk ** (index + 1)).sum(0)
        return even_lk

    def _blocks(self) -> Iterator[tuple[slice, Tensor]]:
        """The patterns some neurons at a time, as floating point: powers of all of them would not fit."""
        step = max(1, _BLOCK // self.patterns)
        for first in range(0, self.neurons, step):
            rows = slice(first, first + step)
            yield rows, self.v_nk[rows].to(self.dtype)


def stored(
    xi_kn: Tensor | ArrayLike,
    order: int = 2,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Couplings:
    """The network that stores archetypes of −1, +1 and 0.

    Args:
        xi_kn: archetypes.
        order: P.
        dtype: float32 or float64.
        device: where the network lives; by default where `xi_kn` is.

    >>> stored([[1, -1, 1, 0]], order=2).fields(torch.tensor([[1, -1, -1, 1]])).tolist()
    [[0.0, 0.0, 0.5, 0.0]]
    """
    return Couplings(checked_spins("xi_kn", xi_kn, zeros=True), order, dtype=dtype, device=device)


def supervised(
    mean_kn: Tensor | ArrayLike,
    quality: ArrayLike,
    number: ArrayLike,
    order: int = 2,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Couplings:
    """The network taught with grouped examples: only each class's average enters.

    Args:
        mean_kn: average example of each class.
        quality: r, one or one for each class; with `number` it fixes the scale √R.
        number: M, one or one for each class.
        order: P.
        dtype: float32 or float64.
        device: where the network lives; by default where `mean_kn` is.
    """
    means = checked_rows("mean_kn", mean_kn)
    w_kn = normalised_weights(means.cpu().numpy(), quality, number)
    return Couplings(w_kn, order, dtype=dtype, device=means.device if device is None else device)


def unsupervised(
    eta_kmn: Tensor | ArrayLike,
    quality: ArrayLike,
    order: int = 2,
    *,
    number: ArrayLike | None = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Couplings:
    """The network shown examples without a teacher: every example enters by itself, with c = 1/(M R^{P/2}).

    The sum over examples does not ask which archetype they are of; the grouping here only gives M and R.

    Args:
        eta_kmn: examples of −1, +1 and 0.
        quality: r, one or one for each archetype.
        order: P.
        number: M, one or one for each archetype; all rows by default (see `patterns.examples` on rows of zeros).
        dtype: float32 or float64.
        device: where the network lives; by default where `eta_kmn` is.
    """
    eta = torch.as_tensor(eta_kmn)
    if eta.ndim != 3:
        raise ShapeError(f"eta_kmn must have three dimensions (patterns, examples, neurons), got {tuple(eta.shape)}.")
    patterns, most, neurons = eta.shape
    order = checked_order(order)
    number_k = per_pattern("number", most if number is None else number, patterns, 1, most)
    quality_k = per_pattern("quality", quality, patterns, 0, 1)
    weights_k = 1 / (number_k * second_moment(quality_k, number_k) ** (order / 2))
    rows = checked_spins("eta_kmn", eta.reshape(-1, neurons), zeros=True)
    return Couplings(rows, order, torch.from_numpy(weights_k).repeat_interleave(most), dtype=dtype, device=device)
