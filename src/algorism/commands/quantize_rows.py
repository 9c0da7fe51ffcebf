"""Rows of a quantization's report that runs and `transformers` folders share: before against after, and the front."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def paired(
    name: str,
    before: "ArrayLike",
    after: "ArrayLike",
    strict_before: "ArrayLike",
    strict_after: "ArrayLike",
) -> dict[str, Any]:
    """One set of problems before and after, problem by problem.

    Args:
        name: of the set.
        before: (n,) whether a careful reader finds the right answer.
        after: (n,) the same afterwards.
        strict_before: (n,) whether it is also written as asked.
        strict_after: (n,) the same afterwards.

    Returns:
        accuracies with the Wilson interval of the second, the change with its paired bootstrap interval, problems only
        one of them solves, and McNemar's exact p.

    >>> row = paired("sums", [1, 1, 0], [1, 0, 0], [1, 1, 0], [1, 0, 0])
    >>> row["n"], row["lost"], row["gained"], row["p"]
    (3, 1, 0, 1.0)
    """
    import numpy as np

    from ..evaluation.statistics import mcnemar, paired_bootstrap, wilson

    before_n, after_n = np.asarray(before, dtype=bool), np.asarray(after, dtype=bool)
    interval, change = wilson(int(after_n.sum()), len(after_n)), paired_bootstrap(after_n, before_n)
    test = mcnemar(before_n, after_n)
    return {
        "set": name,
        "n": len(after_n),
        "before": float(before_n.mean()),
        "after": interval.value,
        "low": interval.low,
        "high": interval.high,
        "strict_before": float(np.asarray(strict_before, dtype=bool).mean()),
        "strict_after": float(np.asarray(strict_after, dtype=bool).mean()),
        "change": change.value,
        "change_low": change.low,
        "change_high": change.high,
        "lost": test.only_a,
        "gained": test.only_b,
        "p": test.p,
    }


def with_front(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of bits and accuracy, each marked by whether nothing with as few bits is as often right.

    >>> [row["front"] for row in with_front([{"bits": 4, "accuracy": 1.0}, {"bits": 8, "accuracy": 1.0}])]
    [True, False]
    """
    return [{**row, "front": not any(better(other, row) for other in rows)} for row in rows]


def better(other: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether another point is at least as good in both, and better in one.

    >>> better({"bits": 4, "accuracy": 1.0}, {"bits": 8, "accuracy": 1.0})
    True
    """
    no_worse = other["bits"] <= row["bits"] and other["accuracy"] >= row["accuracy"]
    return no_worse and (other["bits"] < row["bits"] or other["accuracy"] > row["accuracy"])
