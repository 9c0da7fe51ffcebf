"""The scaled non-central chi-square law: density, and a log CDF that holds where the CDF itself underflows.

Shape letters: x losses; j term of the Poisson mixture.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammainc, gammaincc, gammaln, ive

from algorism.errors import UsageError

Floats = NDArray[np.float64]

_DEBYE_FROM = 60.0  # orders from here take the uniform expansion; its error is below 1e-10, and ive underflows later
_LARGEST = 1e11  # of df + nc: the law's spread is then 1e-5 of its mean, and its sums have millions of terms
_NEGLIGIBLE = 45.0  # terms this much below the largest one, in logarithms, do not change a double


@dataclass(frozen=True)
class Ncx2:
    """The law of scale · χ²_df(nc), the natural one for a mean squared error of a Gaussian function.

    Args:
        df: degrees of freedom, above 0.
        nc: non-centrality, at least 0.
        scale: above 0.

    Raises:
        UsageError: a parameter out of range.

    >>> round(float(Ncx2(df=10, nc=3).log_cdf(5.0)), 7)
    -3.1583019
    """

    df: float
    nc: float
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not (0 < self.df < math.inf and 0 <= self.nc < math.inf and 0 < self.scale < math.inf):
            raise UsageError(f"Ncx2: expected df > 0, nc >= 0 and scale > 0, all finite, got {self}.")
        if self.df + self.nc > _LARGEST:
            raise UsageError(f"Ncx2: df + nc may be {_LARGEST:g} at most, where the loss is a constant, got {self}.")

    @property
    def mean(self) -> float:
        """Mean loss, scale · (df + nc)."""
        return self.scale * (self.df + self.nc)

    @property
    def variance(self) -> float:
        """Variance of the loss, 2 · scale² · (df + 2 nc)."""
        return 2 * self.scale**2 * (self.df + 2 * self.nc)

    def log_pdf(self, x: ArrayLike) -> Floats:
        """Logarithm of the density at x > 0, of x's shape."""
        return log_density(np.asarray(x, dtype=float), self.df, self.nc, self.scale)

    def log_cdf(self, x: ArrayLike) -> Floats:
        """Logarithm of P(loss ≤ x), of x's shape; −∞ for x ≤ 0."""
        values = np.asarray(x, dtype=float)
        flat = [_log_cdf(float(v) / self.scale, self.df, self.nc) for v in values.ravel()]
        return np.reshape(flat, values.shape)

    def sample(self, number: int, seed: int = 0) -> Floats:
        """`number` independent losses."""
        return self.scale * np.random.default_rng(seed).noncentral_chisquare(self.df, self.nc, number)


def log_density(x: Floats, df: ArrayLike, nc: ArrayLike, scale: ArrayLike) -> Floats:
    """Logarithm of the density of scale · χ²_df(nc); all arguments broadcast.

    ln f(y) = −(y + nc)/2 + ν ln(y/2) − ln 2 + ln[ I_ν(z) / (z/2)^ν ],  ν = df/2 − 1, z = √(nc·y), y = x/scale.
    """
    nu = np.asarray(df, dtype=float) / 2 - 1
    y = x / np.asarray(scale, dtype=float)
    z = np.sqrt(nc * y)
    power = np.where(nu == 0, 0.0, nu * np.log(y / 2))
    return -(y + nc) / 2 + power - math.log(2) + log_bessel_ratio(nu, z) - np.log(scale)


def log_bessel_ratio(nu: ArrayLike, z: ArrayLike) -> Floats:
    """ln[ I_ν(z) / (z/2)^ν ] for ν > −1 and z ≥ 0, finite also where I_ν under- or overflows.

    Three ranges: the power series near z = 0, SciPy's scaled function for small orders, Debye's uniform expansion for
    large ones (Abramowitz and Stegun, 9.7.7).

    >>> round(float(log_bessel_ratio(0.0, 0.0)), 12), round(float(log_bessel_ratio(1000.0, 10.0)), 6)
    (0.0, -5912.103204)
    """
    nu, z = np.broadcast_arrays(np.asarray(nu, dtype=float), np.asarray(z, dtype=float))
    found = np.empty(nu.shape)
    quarter = z * z / 4
    near_zero = quarter < 1e-5 * (nu + 1)
    large = (nu >= _DEBYE_FROM) & ~near_zero
    small = ~near_zero & ~large
    n, q = nu[near_zero], quarter[near_zero]
    found[near_zero] = np.log1p(q / (n + 1) * (1 + q / (2 * (n + 2)))) - gammaln(n + 1)
    n, w = nu[small], z[small]
    found[small] = np.log(ive(n, w)) + w - n * np.log(w / 2)
    n, w = nu[large], z[large] / nu[large]
    root = np.sqrt(1 + w * w)
    series = sum(u(1 / root) / n**k for k, u in enumerate(_debye_polynomials()))
    exponent = n * (root - np.log((1 + root) / 2) - np.log(n))
    found[large] = exponent - 0.5 * np.log(2 * math.pi * n * root) + np.log(series)
    return found


@cache
def _debye_polynomials(number: int = 6) -> tuple[Polynomial, ...]:
    """u_0 … u_number of the uniform expansion, by their recurrence (Abramowitz and Stegun, 9.3.10)."""
    t = Polynomial([0, 1])
    found = [Polynomial([1.0])]
    for _ in range(number):
        last = found[-1]
        found.append(t**2 * (1 - t**2) * last.deriv() / 2 + ((1 - 5 * t**2) * last).integ() / 8)
    return tuple(found)


def _log_cdf(y: float, df: float, nc: float) -> float:
    """Logarithm of P(χ²_df(nc) ≤ y): a Poisson mixture of central laws, summed in logarithms around its largest term.

    Terms are ln Poisson(j; nc/2) + ln P(df/2 + j, y/2). They are concave in j, so a window whose ends are negligible
    holds everything.
    """
    if y <= 0:
        return -math.inf
    a, half, rate = df / 2, y / 2, nc / 2
    if rate == 0:
        return log_gamma_cdf(a, half)
    # Far below the mean, neighbouring terms are equal where j (a + j) = rate · half; above it at the Poisson mode.
    centre = min(rate, (math.sqrt(a * a + 4 * rate * half) - a) / 2)
    width = 10 * math.sqrt(centre) + 50
    while True:
        first, last = max(0, math.floor(centre - width)), math.ceil(centre + width)
        j = np.arange(first, last + 1, dtype=float)
        # P(a + j, y) is P at the last j plus all steps P(b, y) − P(b + 1, y) = y^b e^−y / Γ(b + 1) above j.
        steps = (a + j) * math.log(half) - half - gammaln(a + j + 1)
        steps[-1] = log_gamma_cdf(a + last, half)
        terms_j = j * math.log(rate) - rate - gammaln(j + 1) + np.logaddexp.accumulate(steps[::-1])[::-1]
        top = terms_j.max()
        if (first == 0 or terms_j[0] < top - _NEGLIGIBLE) and terms_j[-1] < top - _NEGLIGIBLE:
            return min(0.0, float(top + np.log(np.exp(terms_j - top).sum())))
        width *= 2


def log_gamma_cdf(a: float, y: float) -> float:
    """Logarithm of the regularised lower incomplete gamma function P(a, y), also where P underflows.

    There: a ln y − y − ln Γ(a + 1) + ln Σ_n yⁿ Γ(a+1)/Γ(a+1+n), whose terms fall at least like (y/a)ⁿ.

    Args:
        a: shape, above 0.
        y: above 0.

    >>> math.isclose(log_gamma_cdf(1.0, 1e-250), math.log(1e-250))
    True
    """
    share = float(gammainc(a, y))
    if share > 1e-200:
        return math.log(share) if share < 0.5 else math.log1p(-float(gammaincc(a, y)))
    total = term = 1.0
    n = 0
    while term > 1e-17 * total:
        n += 1
        term *= y / (a + n)
        total += term
    return a * math.log(y) - y - math.lgamma(a + 1) + math.log(total)


def sankaran(x: float, law: Ncx2) -> float:
    """Required bias in nats by Sankaran's normal approximation, as the released code falls back to it: z²/2.

    Kept for comparison only. In the deep tail it is far too small (13.1 for 19.8 nats at χ²₁₀/10 ≤ 0.01), since the
    true tail is no Gaussian one and the prefactor is dropped.

    Args:
        x: target error.
        law: fitted law.

    Raises:
        UsageError: x at or above the median, where z²/2 would *grow* with x.

    >>> round(sankaran(0.01, Ncx2(df=10, nc=0, scale=0.1)), 2)
    13.08
    """
    df, nc, y = law.df, law.nc, x / law.scale
    h = 1 - (2 / 3) * (df + nc) * (df + 3 * nc) / (df + 2 * nc) ** 2
    p = (df + 2 * nc) / (df + nc) ** 2
    m = (h - 1) * (1 - 3 * h)
    z = ((y / (df + nc)) ** h - (1 + h * p * (h - 1 - (2 - h) * m * p / 2))) / (h * math.sqrt(2 * p) * (1 + m * p / 2))
    if z >= 0:
        raise UsageError(
            f"sankaran: error {x:g} is not below the median of the fitted law (z = {z:.2f}); "
            f"use Ncx2.log_cdf, which gives {-float(law.log_cdf(x)):.4g} nats."
        )
    return z * z / 2
