"""How many numbers a point really varies in: intrinsic dimension from distances to nearest neighbours.

Both estimators are biased low for dimensions of about ten and more (Gaussian spheres of dimension 19: about 16), by an
amount that depends on k and on the number of points. So compare two sets only at the same settings.

Sources: Levina and Bickel 2004 (NeurIPS 17); MacKay and Ghahramani 2005 (comments on it); Facco et al. 2017
(arXiv 1803.06992), TwoNN.

Shape letters: q query, p point, d coordinate, k neighbour, b bootstrap sample.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DataError, UsageError
from .neighbours import nearest
from .points import Points, distinct

Averaging = Literal["harmonic", "arithmetic"]
_RESAMPLES = 1_000


@dataclass(frozen=True)
class Dimension:
    """An intrinsic dimension and how it was found.

    Attributes:
        value: the estimate.
        low, high: 95 % bootstrap interval over the queries. It shows the scatter, not the estimator's bias.
        method: in words.
        k: neighbours used.
        queries, points: points whose neighbours were looked up, and different points among which they were.
        duplicates, constant_columns: rows and columns of the data that were left out.
        searched_again: queries whose first, approximate search could not be vouched for.
    """

    value: float
    low: float
    high: float
    method: str
    k: int
    queries: int
    points: int
    duplicates: int = 0
    constant_columns: int = 0
    searched_again: int = 0

    @property
    def rounded(self) -> int:
        """The nearest whole dimension, at least 1, as the paper uses it."""
        return max(1, math.floor(self.value + 0.5))

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return asdict(self)


def likelihood_dimension(
    table: ArrayLike | Points,
    k: int = 5,
    *,
    averaging: Averaging = "harmonic",
    queries: int | None = 10_000,
    seed: int = 0,
    device: str = "cpu",
) -> Dimension:
    """Levina and Bickel's maximum-likelihood dimension from the distances T_1 … T_k to the k nearest neighbours.

    Args:
        table: (n, …) points or images; copies and constant columns are left out and counted.
        k: neighbours, at least 2 (3 for the arithmetic mean).
        averaging: "harmonic" is 1 / mean ln(T_k/T_j) over all points and j, the likelihood of all points together
            (MacKay and Ghahramani), which the paper uses; "arithmetic" is the mean over points of
            (k−2) / Σ_j ln(T_k/T_j), as Levina and Bickel first had it, with their correction for its bias.
        queries: points whose neighbours are looked up, drawn without replacement; None for all.
        seed: of that draw, and of the bootstrap.
        device: for the search.

    Raises:
        DataError: fewer points than neighbours, all points the same, or all neighbours equally far.

    >>> angle_p = np.random.default_rng(0).uniform(0, 2 * np.pi, 2_000)
    >>> circle = np.stack([np.cos(angle_p), np.sin(angle_p)], axis=1)
    >>> 0.95 < likelihood_dimension(circle).value < 1.05
    True
    """
    return likelihood_dimensions(table, (k,), averaging=averaging, queries=queries, seed=seed, device=device)[0]


def likelihood_dimensions(
    table: ArrayLike | Points,
    ks: Sequence[int],
    *,
    averaging: Averaging = "harmonic",
    queries: int | None = 10_000,
    seed: int = 0,
    device: str = "cpu",
) -> list[Dimension]:
    """The same for several numbers of neighbours, from one search and the same queries."""
    if averaging not in ("harmonic", "arithmetic"):
        raise UsageError(f"averaging must be 'harmonic' or 'arithmetic', got {averaging!r}.")
    least = 2 if averaging == "harmonic" else 3
    if not ks or min(ks) < least:
        raise UsageError(f"likelihood_dimension: the {averaging} mean needs k ≥ {least}, got {list(ks)}.")
    points = table if isinstance(table, Points) else distinct(table)
    distances_qk, facts = _distances(points, max(ks), queries, seed, device)
    return [
        from_distances(distances_qk[:, :k], averaging=averaging, seed=seed, **facts, points=len(points)) for k in ks
    ]


def from_distances(
    distances_qk: NDArray[np.float64], *, averaging: Averaging = "harmonic", seed: int = 0, **facts: int
) -> Dimension:
    """The maximum-likelihood dimension from distances that are already known.

    Args:
        distances_qk: of each query to its k nearest other points, ascending. Queries with a neighbour at distance 0
            are left out.
        averaging: as for `likelihood_dimension`.
        seed: of the bootstrap.
        facts: counts for the record, such as `points`.

    >>> round(from_distances(np.array([[1.0, 2.0], [1.0, 2.0]])).value, 4)  # 1 / ln 2
    1.4427
    """
    distances_qk = np.asarray(distances_qk, dtype=np.float64)
    if distances_qk.ndim != 2 or distances_qk.shape[1] < 2:
        raise UsageError(f"from_distances: expected (queries, k ≥ 2), got {distances_qk.shape}.")
    distances_qk = distances_qk[distances_qk[:, 0] > 0]
    k = distances_qk.shape[1]
    logs_q = np.log(distances_qk[:, -1:] / distances_qk[:, :-1]).sum(axis=1)
    if averaging == "arithmetic":
        _refuse_ties(logs_q.size > 0 and logs_q.min() > 0, "for at least one point, its")
        logs_q = (k - 2) / logs_q
        estimate: Callable[[Any], Any] = _same
        name = "mean of the points' estimates (Levina and Bickel)"
    else:
        _refuse_ties(logs_q.sum() > 0, "the")
        logs_q = logs_q / (k - 1)
        estimate = _inverse
        name = "likelihood of all points (MacKay and Ghahramani)"
    low, high = _interval(logs_q, estimate, seed)
    return Dimension(
        value=float(estimate(logs_q.mean())),
        low=low,
        high=high,
        method=f"maximum likelihood, k = {k}, {name}",
        k=k,
        queries=len(logs_q),
        **{"points": len(logs_q), **facts},
    )


def two_nn_dimension(
    table: ArrayLike | Points, *, discard: float = 0.1, queries: int | None = 10_000, seed: int = 0, device: str = "cpu"
) -> Dimension:
    """TwoNN: from μ = T_2/T_1 alone, whose distribution 1 − μ^−m does not depend on the density.

    −ln(1 − F(μ)) is a line of slope m through the origin. F is the empirical i/N, and the largest ratios, where it is
    unreliable and finally 1, are discarded.

    Args:
        table: as for `likelihood_dimension`.
        discard: share of the largest ratios left out of the fit.
        queries: as for `likelihood_dimension`.
        seed: of the draw, and of the bootstrap.
        device: for the search.

    Raises:
        DataError: as for `likelihood_dimension`; also fewer than 10 points.
    """
    if not 0 < discard < 1:
        raise UsageError(f"two_nn_dimension: discard is a share between 0 and 1, got {discard}.")
    points = table if isinstance(table, Points) else distinct(table)
    if len(points) < 10:
        raise DataError(
            f"TwoNN fits a line through ratios of distances: 10 different points are needed, not {len(points)}."
        )
    distances_qk, facts = _distances(points, 2, queries, seed, device)
    ratio_q = distances_qk[:, 1] / distances_qk[:, 0]
    _refuse_ties(np.median(ratio_q) > 1, "for half of the points, the")

    def slope(ratios_q: NDArray[np.float64]) -> float:
        n = len(ratios_q)
        kept = min(n - 1, max(2, int((1 - discard) * n)))  # the last ratio, where F is 1, is never used
        x_i = np.log(np.sort(ratios_q)[:kept])
        y_i = -np.log1p(-np.arange(1, kept + 1) / n)
        return float(x_i @ y_i / (x_i @ x_i))

    rng = np.random.default_rng([seed, 1])
    resampled = [slope(rng.choice(ratio_q, len(ratio_q))) for _ in range(200)]
    low, high = np.quantile(resampled, [0.025, 0.975])
    value = slope(ratio_q)
    return Dimension(
        value=value,
        low=min(value, float(low)),
        high=max(value, float(high)),
        method=f"TwoNN, the largest {discard:.0%} of the ratios left out",
        k=2,
        queries=len(ratio_q),
        points=len(points),
        **facts,
    )


def _distances(
    points: Points, k: int, queries: int | None, seed: int, device: str
) -> tuple[NDArray[np.float64], dict[str, int]]:
    if len(points) < k + 1:
        raise DataError(
            f"{len(points):,} different points cannot have {k} neighbours each; {k + 1} are needed. "
            f"({points.duplicates:,} copies were left out.) Give more points or a smaller k."
        )
    if queries is not None and queries < 2:
        raise UsageError(f"At least 2 queries are needed, got {queries}.")
    places_q = np.arange(len(points))
    if queries is not None and queries < len(points):
        places_q = np.sort(np.random.default_rng(seed).choice(len(points), queries, replace=False))
    found = nearest(points.values_pd, places_q, k, device=device)
    # Rows may differ by so little that the square of the difference is 0 in float64.
    distances_qk = found.distances_qk[found.distances_qk[:, 0] > 0]
    if len(distances_qk) == 0:
        raise DataError("Every point has a neighbour at distance 0. Choose a smaller unit for the columns.")
    facts = {
        "duplicates": points.duplicates,
        "constant_columns": points.constant_columns,
        "searched_again": found.again,
    }
    return distances_qk, facts


def _interval(values_q: NDArray[np.float64], estimate: Callable[[Any], Any], seed: int) -> tuple[float, float]:
    """The 95 % bootstrap interval of estimate(mean) over queries."""
    rng = np.random.default_rng([seed, 1])
    n = len(values_q)
    means_b = np.array([rng.choice(values_q, n).mean() for _ in range(_RESAMPLES if n <= 10_000 else 200)])
    means_b = means_b[means_b > 0]  # a tiny sample can be drawn so that only ties are in it
    ends = np.sort(np.quantile(estimate(means_b), [0.025, 0.975]))
    centre = float(estimate(values_q.mean()))
    return min(centre, float(ends[0])), max(centre, float(ends[1]))


def _inverse(x: Any) -> Any:
    return 1 / x


def _same(x: Any) -> Any:
    return x


def _refuse_ties(differ: bool | np.bool_, whose: str) -> None:
    if not differ:
        raise DataError(
            f"The dimension is undefined: {whose} nearest neighbours are all equally far, as on a grid or among "
            "one-hot vectors. Give the dimension yourself, or use a larger k."
        )
