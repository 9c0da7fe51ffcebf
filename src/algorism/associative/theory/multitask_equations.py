"""The replica-symmetric equations of Hebbian networks (P = 2) that hold a few diluted patterns.

A neuron is known by its entries ξ = (ξ^1 … ξ^K), each 0 with probability d and ±1 otherwise. Its field is
Σ_k ξ^k n_k + Z √(Σ_k ρ_k n_k² (ξ^k)²), the second term from the examples' noise, and

    m_k = E ξ^k tanh(h/T),   n_k = [ E ξ^k tanh(h/T) + ρ_k n_k E (ξ^k)² (1/T) sech²(h/T) ] / (1 + ρ_k),

the same with and without a teacher, because at low load all examples of a pattern are aligned with the state alike
(arXiv 2308.04106). The kinds of neurons are enumerated; of ξ and −ξ, which do the same, one is kept.

For a finite number of examples the entry of an average example, ξ x with x binomial, takes the place of ξ, and the
Gaussian term goes: the kinds of neurons are then told apart by the values of their averages.

Shape letters: b point, k pattern, s kind of neuron, x value of one entry.
"""

import math
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from algorism.errors import UsageError

from .checks import Floats
from .dense_equations import binomial_values
from .fixed_point import Update
from .quadrature import Thermal, thermal

_MOST_KINDS = 2_000_000


class Alphabet(NamedTuple):
    """What one entry can be: values in the field, mean of ξ given the value, and probability given ξ ≠ 0.

    Values are sorted and symmetric, with the blank (value 0) in the middle.
    """

    value_x: Floats
    archetype_x: Floats
    share_x: Floats


GAUSSIAN = Alphabet(np.array([-1.0, 0.0, 1.0]), np.array([-1.0, 0.0, 1.0]), np.array([0.5, 0.0, 0.5]))


def binomial_alphabet(quality: float, examples: int) -> Alphabet:
    """Entries of an average of M examples, in units of r: v = ξx/r, so that the field is Σ v n as before."""
    x, weight_x = binomial_values(quality, examples)
    values: dict[float, list[float]] = {}
    for sign in (-1.0, 1.0):  # both signs of ξ
        for value, weight in zip(sign * x, weight_x):
            entry = values.setdefault(round(float(value), 12) + 0.0, [0.0, 0.0])  # + 0.0 turns −0 into 0
            entry[0] += weight / 2
            entry[1] += sign * weight / 2
    values.setdefault(0.0, [0.0, 0.0])
    order = sorted(values)
    share_x = np.array([values[v][0] for v in order])
    archetype_x = np.array([values[v][1] for v in order])
    mean_x = np.divide(archetype_x, share_x, out=np.zeros_like(share_x), where=share_x > 0)
    return Alphabet(np.array(order) / quality, mean_x, share_x)


@dataclass(frozen=True)
class Kinds:
    """Kinds of neurons, one of each pair ξ and −ξ.

    Attributes:
        value_sk: entry of each pattern in the field.
        archetype_sk: mean of ξ given the entry.
        shares_kx: for each pattern, probabilities of the entries of an alphabet, given ξ ≠ 0.
        codes_sk: places of the entries in their alphabets.
        spread: whether the examples' noise is Gaussian (many examples), or already in the entries.
    """

    value_sk: Floats
    archetype_sk: Floats
    shares_kx: tuple[Floats, ...]
    codes_sk: np.ndarray
    spread: bool

    def weights(self, dilution_b: Floats) -> Floats:
        """Probability (b, s) of each kind together with its negative, at each dilution."""
        weight_bs = np.ones((len(dilution_b), len(self.codes_sk)))
        for k, share_x in enumerate(self.shares_kx):
            probability_bx = (1 - dilution_b[:, None]) * share_x
            probability_bx[:, len(share_x) // 2] += dilution_b
            weight_bs *= probability_bx[:, self.codes_sk[:, k]]
        weight_bs[:, 1:] *= 2
        return weight_bs


def kinds(alphabets: tuple[Alphabet, ...], *, spread: bool) -> Kinds:
    """Enumerate the kinds of neurons; the first is blank everywhere.

    Raises:
        UsageError: if there are more than two million.
    """
    sizes = [len(a.value_x) for a in alphabets]
    total = math.prod(sizes)
    if total > 2 * _MOST_KINDS:
        raise UsageError(
            f"{total:.1e} kinds of neurons are more than can be enumerated. Use the Gaussian equations, which are "
            "right for many examples, or fewer patterns."
        )
    # Sorted symmetric alphabets: code i and total − 1 − i are each other's negative, and the middle one is all blank.
    codes_sk = np.array(list(product(*(range(size) for size in sizes))), dtype=np.int32)[total // 2 :]
    columns = list(enumerate(alphabets))
    return Kinds(
        np.stack([a.value_x[codes_sk[:, k]] for k, a in columns], axis=1),
        np.stack([a.archetype_x[codes_sk[:, k]] for k, a in columns], axis=1),
        tuple(a.share_x for a in alphabets),
        codes_sk,
        spread,
    )


class Settings(NamedTuple):
    """Control parameters of many points: temperature and dilution (b,), dataset entropies (b, k)."""

    temperature: Floats
    dilution: Floats
    rho: Floats

    def at(self, rows: np.ndarray) -> "Settings":
        """Some of the points."""
        return Settings(*(values[rows] for values in self))


def averages(of: Kinds, settings: Settings, n_bk: Floats, *, free: bool = False) -> Thermal:
    """Averages (b, s) over the noise in the field that n produces on each kind of neuron."""
    a_bs = n_bk @ of.value_sk.T
    # Ties, such as ξ = (1, −1, 0) at equal n, are real: rounding must not decide them at zero temperature.
    a_bs[np.abs(a_bs) < 1e-13 * np.abs(n_bk).max(1, keepdims=True)] = 0.0
    s_bs = np.sqrt((settings.rho * n_bk**2) @ (of.value_sk**2).T) if of.spread else np.zeros(1)
    return thermal(a_bs, s_bs, settings.temperature[:, None], free=free)


def equations(of: Kinds, settings: Settings) -> Update:
    """F with n = F(n)."""
    weight_bs = of.weights(settings.dilution)

    def update(n_bk: Floats) -> Floats:
        found = averages(of, settings, n_bk)
        new_bk = (found.tanh * weight_bs) @ of.value_sk
        if of.spread:
            new_bk += settings.rho * n_bk * ((found.response * weight_bs) @ of.value_sk**2)
        # What is zero by symmetry stays zero, or rounding would choose which unstable state is left, and how.
        new_bk[np.abs(new_bk) < 1e-15] = 0.0
        return new_bk / (1 + settings.rho)

    return update


class State(NamedTuple):
    """What n implies at each point: m (b, k), q (b,), and the free energy per neuron (b,)."""

    m: Floats
    q: Floats
    free_energy: Floats


def state(of: Kinds, settings: Settings, n_bk: Floats) -> State:
    """Overlaps, q, and f = ½ Σ (1 + ρ) n² − T E ln 2cosh(h/T), whose stationary points solve the equations."""
    weight_bs = of.weights(settings.dilution)
    found = averages(of, settings, n_bk, free=True)
    m_bk = (found.tanh * weight_bs) @ of.archetype_sk
    f_b = ((1 + settings.rho) * n_bk**2).sum(1) / 2 - (found.free * weight_bs).sum(1)
    return State(m_bk, (found.square * weight_bs).sum(1), f_b)
