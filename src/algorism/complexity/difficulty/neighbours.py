"""Distances to the nearest neighbours, exact in float64 and in bounded memory.

A matrix product finds candidates fast, but |a|² + |b|² − 2ab loses neighbours that are close: on a circle of 5,000
points it made a one-dimensional set look half-dimensional. So the product only proposes candidates. Their distances are
computed again from differences in float64, and a bound on the product's rounding shows whether a point that was not
proposed could be nearer. Where it could, the query is searched again in float64, and then by differences alone.

Shape letters: q query, p point, d coordinate, c candidate, k neighbour.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import UsageError

_SPARE = 12  # candidates beyond the neighbours that are wanted
_BUDGET = 64 << 20  # bytes of one block of distances
_FEW = 4  # up to so many coordinates, differences cost no more than a product

Points = NDArray[np.uint8] | NDArray[np.floating]


@dataclass(frozen=True)
class Neighbours:
    """Distances to the k nearest other points.

    Attributes:
        distances_qk: ascending, float64.
        again: queries that the first search could not vouch for, and which were searched again.
    """

    distances_qk: NDArray[np.float64]
    again: int


def nearest(
    points_pd: Points,
    queries_q: NDArray[np.int64],
    k: int,
    *,
    among: NDArray[np.int64] | None = None,
    device: str = "cpu",
) -> Neighbours:
    """Find the k nearest other points of some of the points.

    Args:
        points_pd: all points, bytes or floats.
        queries_q: places of the points that ask.
        k: neighbours wanted; a point is no neighbour of itself, but its exact copies are.
        among: places of the points that may answer; None for all.
        device: where the products are computed; differences are taken on the CPU.

    Raises:
        UsageError: fewer than k other points.

    >>> line = np.array([[0.0], [1.0], [3.0], [7.0]])
    >>> nearest(line, np.array([0, 3]), 2).distances_qk.tolist()
    [[1.0, 3.0], [4.0, 6.0]]
    """
    among_p = np.arange(len(points_pd)) if among is None else np.unique(among)
    others = len(among_p) - int(np.isin(queries_q, among_p).any())
    if not 1 <= k <= others:
        raise UsageError(f"nearest: {k} neighbours were asked for, but there are {others} other points.")
    distances_qk = np.empty((len(queries_q), k))
    left_q = np.arange(len(queries_q))
    again = 0
    for dtype in _precisions(points_pd.shape[1]):
        if len(left_q) == 0:
            break
        found_qk, proven_q = _by_product(points_pd, queries_q[left_q], among_p, k, dtype, device)
        distances_qk[left_q[proven_q]] = found_qk[proven_q]
        left_q = left_q[~proven_q]
        again = again or len(left_q)
    if len(left_q):
        distances_qk[left_q] = _by_difference(points_pd, queries_q[left_q], among_p, k)
    return Neighbours(distances_qk, again)


def _precisions(coordinates: int) -> tuple[torch.dtype, ...]:
    """In which precisions a product is worth trying, and its rounding is as the proof supposes."""
    if coordinates <= _FEW:
        return ()
    if torch.get_float32_matmul_precision() != "highest":  # products in bfloat16 or TF32
        return (torch.float64,)
    return torch.float32, torch.float64


def squared_distances(points_pd: Points, a_n: NDArray[np.int64], b_nc: NDArray[np.int64]) -> NDArray[np.float64]:
    """Squared distances of each point of a to its row of b, from differences in float64, block by block."""
    found_nc = np.empty(b_nc.shape)
    for part in _blocks(len(a_n), b_nc.shape[1] * points_pd.shape[1] * 8):
        difference_ncd = points_pd[b_nc[part]].astype(np.float64)
        difference_ncd -= points_pd[a_n[part], None].astype(np.float64)
        found_nc[part] = np.einsum("ncd,ncd->nc", difference_ncd, difference_ncd)
    return found_nc


def _by_product(
    points_pd: Points,
    queries_q: NDArray[np.int64],
    among_p: NDArray[np.int64],
    k: int,
    dtype: torch.dtype,
    device: str,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Search with a matrix product in `dtype`; also says for which queries the answer is proven."""
    centre_d = _mean(points_pd, among_p)
    wanted = min(k + _SPARE, len(among_p))
    queries_qd = _centred(points_pd[queries_q], centre_d, dtype, device)
    query_norm_q = (queries_qd.double() ** 2).sum(1)
    queries_on_q = torch.from_numpy(queries_q).to(device)
    best_qc = torch.full((len(queries_q), wanted), torch.inf, dtype=dtype, device=device)
    place_qc = torch.full((len(queries_q), wanted), -1, dtype=torch.int64, device=device)
    largest = 0.0
    width = 4 if dtype == torch.float32 else 8
    for part in _blocks(len(among_p), points_pd.shape[1] * width):
        members_p = among_p[part]
        chunk_pd = _centred(points_pd[members_p], centre_d, dtype, device)
        norm_p = (chunk_pd.double() ** 2).sum(1)
        largest = max(largest, float(norm_p.max()))
        places_p = torch.from_numpy(members_p).to(device)
        for rows in _blocks(len(queries_q), len(members_p) * width):
            squared_qp = torch.addmm(norm_p.to(dtype)[None], queries_qd[rows], chunk_pd.T, alpha=-2)
            squared_qp += query_norm_q[rows, None].to(dtype)
            squared_qp.masked_fill_(queries_on_q[rows, None] == places_p, torch.inf)
            near_qc, where_qc = squared_qp.topk(min(wanted, len(members_p)), largest=False, sorted=False)
            pool_qc = torch.cat([best_qc[rows], near_qc], 1)
            pool_place_qc = torch.cat([place_qc[rows], places_p[where_qc]], 1)
            best_qc[rows], chosen_qc = pool_qc.topk(wanted, largest=False)
            place_qc[rows] = pool_place_qc.gather(1, chosen_qc)
    return _checked(points_pd, queries_q, best_qc, place_qc, query_norm_q, largest, k, wanted == len(among_p))


def _checked(
    points_pd: Points,
    queries_q: NDArray[np.int64],
    best_qc: Tensor,
    place_qc: Tensor,
    query_norm_q: Tensor,
    largest: float,
    k: int,
    complete: bool,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Measure the candidates again, and prove that no other point is nearer than the k-th of them.

    The product of two centred rows is off by at most γ|a||b| with γ = d·u/(1−d·u), u the unit roundoff; rounding the
    rows and their norms adds a few u. A point that is not a candidate is therefore at least as far as the last
    candidate's estimate less 2γ(|a|+|b|)².
    """
    place_qc_n = place_qc.cpu().numpy()
    squared_qc = squared_distances(points_pd, queries_q, np.maximum(place_qc_n, 0))
    squared_qc[place_qc_n < 0] = np.inf  # the query itself, where every point is a candidate
    squared_qc[~np.isfinite(best_qc.cpu().numpy())] = np.inf
    squared_qk = np.sort(squared_qc, axis=1)[:, :k]
    if complete:
        return np.sqrt(squared_qk), np.ones(len(queries_q), dtype=bool)
    roundoff = torch.finfo(best_qc.dtype).eps / 2
    gamma = (points_pd.shape[1] + 16) * roundoff
    reach_q = (np.sqrt(query_norm_q.cpu().numpy()) + np.sqrt(largest)) ** 2
    surely_q = best_qc[:, -1].double().cpu().numpy() - 2 * gamma * reach_q
    return np.sqrt(squared_qk), squared_qk[:, -1] <= surely_q


def _by_difference(
    points_pd: Points, queries_q: NDArray[np.int64], among_p: NDArray[np.int64], k: int
) -> NDArray[np.float64]:
    """Search by differences alone: slow in many coordinates, and right whatever the points are."""
    found_qk = np.empty((len(queries_q), k))
    columns_dp = points_pd[among_p].astype(np.float64).T.copy()
    asking_dq = points_pd[queries_q].astype(np.float64).T
    for rows in _blocks(len(queries_q), len(among_p) * 16):
        squared_qp = np.zeros((len(queries_q[rows]), len(among_p)))
        for column_p, asked_q in zip(columns_dp, asking_dq[:, rows]):
            squared_qp += (asked_q[:, None] - column_p) ** 2
        squared_qp[queries_q[rows, None] == among_p] = np.inf
        found_qk[rows] = np.sort(np.partition(squared_qp, k - 1, axis=1)[:, :k], axis=1)
    return np.sqrt(found_qk)


def _mean(points_pd: Points, among_p: NDArray[np.int64]) -> NDArray[np.float64]:
    """The centre of the first ten thousand points: any point near the middle makes the product's rounding small."""
    return np.asarray(points_pd[among_p[:10_000]].mean(axis=0, dtype=np.float64))


def _centred(rows_nd: Points, centre_d: NDArray[np.float64], dtype: torch.dtype, device: str) -> Tensor:
    kind = np.float32 if dtype == torch.float32 else np.float64
    return torch.from_numpy((rows_nd - centre_d).astype(kind)).to(device)


def _blocks(n: int, bytes_each: int) -> list[slice]:
    step = max(1, _BUDGET // max(1, bytes_each))
    return [slice(i, min(i + step, n)) for i in range(0, n, step)]
