"""Lloyd-Max: the levels of least squared error for one-dimensional values, for many rows at once.

Shape letters: o rows, n values of a row, k levels.
"""

import torch
from torch import Tensor

ITERATIONS = 50


def lloyd_max(x_on: Tensor, levels: int, iterations: int = ITERATIONS) -> Tensor:
    """Fit levels to each row: k-means in one dimension, begun at the row's quantiles.

    Values are sorted once; then a cluster is a stretch of the row, and its mean a difference of running sums.

    Args:
        x_on: finite values.
        levels: how many levels.
        iterations: the most steps; fewer where nothing moves any more.

    Returns:
        Ascending levels (o, k), float32. Rows with fewer distinct values repeat levels.

    >>> lloyd_max(torch.tensor([[0.0, 0.1, 5.0, 5.1]]), 2).tolist()
    [[0.05000000074505806, 5.050000190734863]]
    """
    o, n = x_on.shape
    sorted_on = x_on.double().sort(dim=1).values
    zero = sorted_on.new_zeros(o, 1)
    running_on = torch.cat((zero, sorted_on.cumsum(1)), dim=1)
    at_k = ((torch.arange(levels, device=x_on.device, dtype=torch.float64) + 0.5) / levels * n).long().clamp(max=n - 1)
    levels_ok = sorted_on[:, at_k].contiguous()
    first, last = torch.zeros(o, 1, dtype=torch.long, device=x_on.device), torch.full((o, 1), n, device=x_on.device)
    for _ in range(iterations):
        edges_oe = (levels_ok[:, 1:] + levels_ok[:, :-1]) / 2
        cuts = torch.cat((first, torch.searchsorted(sorted_on, edges_oe.contiguous(), right=True), last), dim=1)
        sums = running_on.gather(1, cuts).diff(dim=1)
        counts = cuts.diff(dim=1)
        moved = torch.where(counts > 0, sums / counts.clamp(min=1), levels_ok)
        if torch.equal(moved, levels_ok):
            break
        levels_ok = moved
    # Running sums may lose the last bits; an empty cluster keeps its place and is never out of order.
    return levels_ok.float().sort(dim=1).values
