"""Bits of inductive bias that a task asks for, whatever model is used: the closed formulas, evaluated in logarithms.

The hypotheses are the band-limited functions on the manifold of the inputs. Those that fit the training set form a
space of dimension dim Θ_q; the ones that also generalise lie in a small ball of it. The difficulty is minus the log of
the ratio of the two volumes: dimensions left free × bits per dimension. Both factors overflow float64 long before a
task is unusual, so every quantity is kept as its natural logarithm until it is reported.

Source: Boopathy, Liu, Hwang, Ge, Mohammedsaleh, Fiete 2023, arXiv 2305.01034, and the constants of its public code.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ...errors import UsageError

LN2, LN10 = math.log(2), math.log(10)
_STIRLING_FROM = 16.0  # from here the asymptotic series of ln Γ is exact to 1e-12


@dataclass(frozen=True)
class Difficulty:
    """The difficulty of a task, with every term of the product.

    Attributes:
        log10_bits: decadic logarithm of the bits; −inf for 0 bits.
        log10_dim_theta: of the dimension of the hypothesis space, dim Θ.
        log10_constraints: of the dimensions that interpolating the training set fixes, n·D.
        log10_free: of what is left, dim Θ_q = dim Θ − n·D; −inf if nothing is left.
        bits_per_dimension: log2 of the radius of the whole space over that of the good ball; never below 0.
        terms: intermediate values by name: cutoff M, degree K, log10 of the eigenfunctions E, and others.
        warnings: what the person should know before using the number.

    >>> Difficulty(16.0, 15.0, 5.0, 15.0, 10.0).bits
    1e+16
    """

    log10_bits: float
    log10_dim_theta: float
    log10_constraints: float
    log10_free: float
    bits_per_dimension: float
    terms: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def bits(self) -> float:
        """The difficulty in bits; inf where it exceeds float64, in which case `log10_bits` still holds it."""
        return 10.0**self.log10_bits if self.log10_bits < 308 else math.inf

    @property
    def dim_theta(self) -> float:
        """Dimension of the hypothesis space; inf where it exceeds float64."""
        return 10.0**self.log10_dim_theta if self.log10_dim_theta < 308 else math.inf

    def text(self) -> str:
        """The bits as people write them, also beyond float64.

        >>> Difficulty(512.5, 0, 0, 0, 0).text(), Difficulty(-math.inf, 0, 0, 0, 0).text()
        ('3.16e512 bits', '0 bits')
        """
        if self.log10_bits == -math.inf:
            return "0 bits"
        if self.log10_bits < 5:
            return f"{10**self.log10_bits:,.4g} bits"
        exponent = math.floor(self.log10_bits)
        digits = f"{10 ** (self.log10_bits - exponent):.2f}"
        if digits == "10.00":
            digits, exponent = "1.00", exponent + 1
        return f"{digits}e{exponent} bits"

    def to_json(self) -> dict[str, Any]:
        """Plain numbers; 0 bits have a log10 of null, and bits beyond float64 are null."""
        plain = {**asdict(self), "bits": self.bits, "terms": dict(self.terms), "warnings": list(self.warnings)}
        return {key: None if isinstance(v, float) and math.isinf(v) else v for key, v in plain.items()}


def band_limited(
    *,
    ln_samples: float,
    dimension: float,
    radius: float,
    resolution: float,
    error: float,
    ln_outputs: float,
    ln_factors: float = 0.0,
    ln_bound: float = 0.0,
) -> Difficulty:
    """The formula for functions on spheres: classification, regression, meta-learning, unions of tasks.

    The records of `tasks` call this with checked values; it takes logarithms because n and D may exceed float64.

    Args:
        ln_samples: natural log of n, the number of training points.
        dimension: m ≥ 1, intrinsic dimension of the inputs; need not be whole.
        radius: R, radius of the sphere that stands for the inputs.
        resolution: δ, smallest distance at which the task tells inputs apart.
        error: ε, target error divided by the loss's Lipschitz constant.
        ln_outputs: natural log of D, the output dimension.
        ln_factors: natural log of Π, the number of combinations of the discrete factors of the input.
        ln_bound: natural log of B, the bound on the output's size.

    >>> mnist = band_limited(ln_samples=math.log(60_000), dimension=14, radius=17.179045827, resolution=2.39870848,
    ...                      error=0.001, ln_outputs=math.log(9), ln_factors=math.log(10))
    >>> mnist.text(), round(mnist.bits_per_dimension, 4), round(mnist.terms["degree"], 3)
    ('1.48e16 bits', 19.9753, 38.966)
    """
    m = dimension
    cutoff = 2 * math.pi * radius / resolution
    degree = degree_of_cutoff(cutoff, m)
    ln_count = ln_eigenfunctions(degree, m)
    ln_area = LN2 + (m + 1) / 2 * math.log(math.pi) - math.lgamma((m + 1) / 2)  # of the unit sphere
    ln_displacement = math.log(m / 6) / 2 + (ln_area + ln_factors - ln_samples) / m + math.log(radius)
    ln_lipschitz = math.log(degree) + ln_outputs / 2 - math.log(radius)
    bits = (ln_bound + ln_outputs / 2 + ln_factors / 2 - math.log(error) + ln_lipschitz + ln_displacement) / LN2
    warnings = []
    if resolution > 2 * radius:
        warnings.append(
            f"The resolution {resolution:.4g} exceeds the diameter {2 * radius:.4g} of the inputs: no two inputs "
            "are so far apart. Check that both are in the same unit."
        )
    return _product(
        ln_dim=LN2 + ln_outputs + ln_factors + ln_count,
        ln_constraints=ln_samples + ln_outputs,
        bits_per_dimension=bits,
        terms={
            "cutoff": cutoff,
            "degree": degree,
            "log10_eigenfunctions": ln_count / LN10,
            "log10_displacement": ln_displacement / LN10,
            "log10_lipschitz": ln_lipschitz / LN10,
        },
        warnings=warnings,
    )


def on_torus(*, ln_samples: float, dimension: float, resolution: float, error: float, ln_outputs: float) -> Difficulty:
    """The formula for policies: inputs are angles, actions are a point in D dimensions.

    Args:
        ln_samples: natural log of n, the time steps seen.
        dimension: m ≥ 1, numbers in one input (observations × how many of them are remembered).
        resolution: δ, in the unit of the angles, whose period is 2π.
        error: ε, allowed distance from the best action.
        ln_outputs: natural log of D, numbers in one action.

    >>> on_torus(ln_samples=math.log(1e6), dimension=6, resolution=0.001, error=0.001, ln_outputs=math.log(2)).text()
    '2.91e25 bits'
    """
    m = dimension
    ln_ball = m / 2 * math.log(math.pi) - math.lgamma(m / 2 + 1)
    ln_count = LN2 + m * math.log(2 * math.pi / resolution) + ln_ball  # waves shorter than the cut-off, sine and cosine
    ln_scale = math.log(4 * math.pi**2 / math.sqrt(6)) + math.log(m) / 2 - ln_samples / m
    bits = (ln_scale + ln_outputs - math.log(resolution) - math.log(error)) / LN2
    return _product(
        ln_dim=ln_outputs + ln_count,
        ln_constraints=ln_samples + ln_outputs,
        bits_per_dimension=bits,
        terms={"cutoff": 2 * math.pi / resolution, "log10_eigenfunctions": ln_count / LN10},
        warnings=[],
    )


def degree_of_cutoff(cutoff: float, dimension: float) -> float:
    """The real K with K(K+m−1) = M², the largest degree on the m-sphere. Rounding it would cost tens of per cent.

    >>> round(degree_of_cutoff(44.99885, 14), 4)
    38.9659
    """
    half = dimension - 1
    return cutoff * (2 * cutoff / (math.hypot(half, 2 * cutoff) + half))  # the textbook form cancels for m ≫ M


def ln_eigenfunctions(degree: float, dimension: float) -> float:
    """Natural log of E = C(m+K, m) + C(m+K−1, m), the harmonics up to degree K on the m-sphere; K may be real.

    >>> round(math.exp(ln_eigenfunctions(2, 2)), 12)  # degrees 0, 1, 2 on the ordinary sphere: 1 + 3 + 5
    9.0
    """
    m = dimension
    ln_binomial = _ln_rising(degree + 1, m) - math.lgamma(m + 1)
    return ln_binomial + math.log1p(degree / (m + degree))


def _ln_rising(z: float, a: float) -> float:
    """Evaluate ln Γ(z+a) − ln Γ(z) without the cancellation that a large z brings."""
    if z < _STIRLING_FROM:
        return math.lgamma(z + a) - math.lgamma(z)

    def tail(x: float) -> float:
        return (1 / 12 - (1 / 360 - 1 / (1260 * x * x)) / (x * x)) / x

    return (z - 0.5) * math.log1p(a / z) + a * math.log(z + a) - a + tail(z + a) - tail(z)


def _product(
    ln_dim: float, ln_constraints: float, bits_per_dimension: float, terms: dict[str, float], warnings: list[str]
) -> Difficulty:
    """Free dimensions × bits per dimension; neither factor is allowed below 0, and the person is told."""
    if not all(map(math.isfinite, (ln_dim, ln_constraints, bits_per_dimension))):
        raise UsageError(
            f"difficulty: the values are too extreme to evaluate (ln dim Θ {ln_dim}, ln n·D {ln_constraints}, "
            f"{bits_per_dimension} bits per dimension). Check their units."
        )
    if ln_constraints < ln_dim:
        ln_free = ln_dim + math.log1p(-math.exp(ln_constraints - ln_dim))
    else:
        ln_free = -math.inf
        warnings.append(
            "0 bits: the training points fix as many dimensions as the hypothesis space has (n·D = "
            f"10^{ln_constraints / LN10:.2f}, dim Θ = 10^{ln_dim / LN10:.2f}). At this resolution nothing is left open."
        )
    if bits_per_dimension < 0:
        warnings.append(
            f"0 bits: a dimension would need {bits_per_dimension:.3g} bits, which was set to 0. The target error "
            "is so loose, or the training points so dense, that every hypothesis that fits them is good enough."
        )
    bits_per_dimension = max(0.0, bits_per_dimension)
    ln_bits = ln_free + math.log(bits_per_dimension) if bits_per_dimension > 0 else -math.inf
    return Difficulty(
        log10_bits=ln_bits / LN10,
        log10_dim_theta=ln_dim / LN10,
        log10_constraints=ln_constraints / LN10,
        log10_free=ln_free / LN10,
        bits_per_dimension=bits_per_dimension,
        terms=terms,
        warnings=tuple(warnings),
    )
