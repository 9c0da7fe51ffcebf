"""How much the bits change with each input: which number must be known well, and which hardly matters."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from .tasks import SMALLEST, TaskRecord

_STEP = 1e-4  # in ln x; the error of the central difference is then below 1e-6 of the elasticity
_LARGEST = 1e300  # a number of samples may be a whole number beyond float64, and then does not matter


@dataclass(frozen=True)
class Sensitivity:
    """What one input does to the bits.

    Attributes:
        name, value: of the input.
        elasticity: ∂ ln bits / ∂ ln value: per cent more bits for one per cent more of the input.
        change: a change that a person can picture, in words.
        decades: log10 of the factor by which that change multiplies the bits; −inf if nothing is left of them.
    """

    name: str
    value: float
    elasticity: float
    change: str
    decades: float

    def to_json(self) -> dict[str, Any]:
        """Plain numbers; a change that leaves 0 bits has null decades."""
        return {**asdict(self), "decades": self.decades if math.isfinite(self.decades) else None}


_Change = tuple[str, Callable[[float], float]]
_MORE: _Change = ("one more", lambda v: v + 1)
_FINER: _Change = ("half of it", lambda v: v / 2)
_TENFOLD: _Change = ("ten times as many", lambda v: 10 * v)
_TENTH: _Change = ("a tenth of it", lambda v: v / 10)
_LARGER: _Change = ("a tenth more", lambda v: 1.1 * v)
_DOUBLE: _Change = ("twice as many", lambda v: 2 * v)
CHANGES: dict[str, _Change] = {
    "samples": _TENFOLD,
    "steps": _TENFOLD,
    "dimension": _MORE,
    "within": _MORE,
    "across": _MORE,
    "resolution": _FINER,
    "error": _TENTH,
    "radius": _LARGER,
    "bound": _LARGER,
    "classes": _DOUBLE,
    "way": _MORE,
    "outputs": _DOUBLE,
    "actions": _DOUBLE,
    "factors": _DOUBLE,
}


def sensitivities(task: TaskRecord) -> list[Sensitivity]:
    """The sensitivity of a task's difficulty to each of its inputs, the strongest elasticity first.

    Args:
        task: any record of `tasks`.

    Returns:
        One entry per input; none if the task asks for 0 bits, which have no logarithm.

    >>> from .tasks import ClassificationTask
    >>> found = sensitivities(ClassificationTask(50_000, 27, 54.915678678, 10, 2.75064146, 0.01))
    >>> [(s.name, round(s.elasticity, 3)) for s in found][0], found[-1].name, round(found[-1].decades, 4)
    (('dimension', 41.396), 'samples', -0.0029)
    """
    here = task.difficulty().log10_bits
    if here == -math.inf:
        return []
    found = []
    for name in (f.name for f in fields(task)):
        value = getattr(task, name)
        if value is None or value > _LARGEST:
            continue
        words, change = CHANGES[name]
        changed = replace(task, **{name: change(value)}).difficulty().log10_bits
        found.append(Sensitivity(name, float(value), _elasticity(task, name), words, changed - here))
    return sorted(found, key=lambda s: -abs(s.elasticity))


def _elasticity(task: TaskRecord, name: str) -> float:
    value = float(getattr(task, name))
    low, high = value * math.exp(-_STEP), value * math.exp(_STEP)
    if low < SMALLEST.get(name, 0):  # at the edge of what is allowed (one output, dimension 1) look to the right only
        low = value
    below, above = (replace(task, **{name: v}).difficulty().log10_bits for v in (low, high))
    return (above - below) * math.log(10) / (math.log(high) - math.log(low))
