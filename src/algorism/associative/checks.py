"""What every entry of this room asks of its arguments, and the sentences it answers with.

Shape letters: b replica, k pattern, n neuron.
"""

import math
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from algorism.errors import ShapeError, UsageError

LARGEST_ORDER = 64  # P!/2 and the symmetric polynomials stay far inside double precision


def checked_order(order: int) -> int:
    """The interaction order P, if it is one this room covers: even, from 2 to 64.

    Raises:
        UsageError: otherwise.
    """
    if isinstance(order, bool) or int(order) != order or order < 2 or order > LARGEST_ORDER:
        raise UsageError(f"order must be an even whole number from 2 to {LARGEST_ORDER}, got {order!r}.")
    if order % 2:
        raise UsageError(
            f"order {order} is odd. Energies of odd order have no σ → −σ symmetry and are not covered; "
            f"use {order - 1 if order > 2 else 2} or {order + 1}."
        )
    return int(order)


def checked_count(name: str, value: int, least: int = 1) -> int:
    """A whole number of at least `least`.

    Raises:
        UsageError: otherwise.
    """
    if isinstance(value, bool) or not np.isfinite(value) or int(value) != value or value < least:
        raise UsageError(f"{name} must be a whole number ≥ {least}, got {value!r}.")
    return int(value)


def checked_temperatures(temperature: float | Sequence[float] | NDArray[Any], sweeps: int) -> NDArray[np.float64]:
    """One temperature for each sweep.

    Raises:
        UsageError: for a negative or not finite temperature, or a schedule of another length.
    """
    given = np.asarray(temperature, dtype=np.float64)
    if given.ndim == 0:
        given = np.full(sweeps, float(given))
    if given.shape != (sweeps,):
        raise UsageError(
            f"A temperature schedule needs one value for each of {sweeps} sweeps, got shape {given.shape}."
        )
    wrong = given[~(np.isfinite(given) & (given >= 0))]
    if wrong.size:
        raise UsageError(f"temperature must be finite and ≥ 0, got {wrong[0]:g}; 0 is the noiseless dynamics.")
    return given


def per_pattern(
    name: str, value: ArrayLike, patterns: int, low: float, high: float, *, open_low: bool = False
) -> NDArray[np.float64]:
    """A number for each pattern, from one number or from as many as there are patterns.

    Raises:
        ShapeError: another number of values.
        UsageError: a value outside [low, high] (or (low, high]).
    """
    values = np.asarray(value, dtype=np.float64)
    if values.ndim > 1 or (values.ndim == 1 and len(values) != patterns):
        raise ShapeError(f"{name} must be one number or {patterns}, one for each pattern; got shape {values.shape}.")
    inside = (values > low if open_low else values >= low) & (values <= high)
    if not np.all(inside):
        bracket, end = "(" if open_low else "[", "∞)" if math.isinf(high) else f"{high:g}]"
        wrong = values[~inside].ravel()[0]
        raise UsageError(f"{name} must lie in {bracket}{low:g}, {end}, got {wrong:g}.")
    return np.broadcast_to(values, (patterns,)).copy()


def checked_rows(what: str, rows: Any, *, neurons: int | None = None) -> Tensor:
    """A matrix with one state or pattern a row, as a tensor that shares memory where it can; one row may stand alone.

    Raises:
        ShapeError: not a matrix, empty, or of another width.
        UsageError: not numbers, or not finite.
    """
    try:
        given = rows if isinstance(rows, Tensor) else np.asarray(rows)
        require_memory(4 * math.prod(given.shape), f"Looking through {what}")
        # torch warns of arrays that must not be written to; nothing here writes, but the warning would reach the user.
        found = (
            given if isinstance(given, Tensor) else torch.as_tensor(given if given.flags.writeable else given.copy())
        )
    except (TypeError, ValueError) as error:
        raise UsageError(f"{what} must be an array of numbers: {error}") from None
    found = found[None] if found.ndim == 1 else found
    if found.ndim != 2:
        raise ShapeError(f"{what} must have two dimensions, (rows, neurons); got shape {tuple(found.shape)}.")
    if found.numel() == 0:
        raise ShapeError(f"{what}: nothing there; got shape {tuple(found.shape)}.")
    if neurons is not None and found.shape[1] != neurons:
        raise ShapeError(f"{what}: expected {neurons} neurons in a row, got {found.shape[1]}.")
    if found.is_complex():
        raise UsageError(f"{what} must be real numbers, got {found.dtype}.")
    if found.is_floating_point() and not bool(torch.isfinite(found).all()):
        raise UsageError(f"{what}: some entries are NaN or infinite.")
    return found


def checked_spins(what: str, rows: Any, *, neurons: int | None = None, zeros: bool = False) -> Tensor:
    """A matrix of −1 and +1 (and 0, where declared) as int8.

    Raises:
        ShapeError, UsageError: as `checked_rows`, or for other entries.
    """
    found = checked_rows(what, rows, neurons=neurons)
    if found.dtype == torch.bool:
        raise UsageError(f"{what} must be −1 and +1, got booleans. Map them with 2 * x - 1.")
    spins = found.to(torch.int8)
    legal = (spins == found) & (spins.abs() <= 1)
    if not zeros:
        legal &= spins != 0
    if not bool(legal.all()):
        wrong = found[~legal][0].item()
        hint = "Map 0 and 1 with 2 * x - 1." if wrong == 0 else "Binarise first, e.g. with sign(x - threshold)."
        if wrong == 0:
            hint += " If zeros mean blanks, declare them (diluted=True)."
        raise UsageError(f"{what} must be −1 and +1{' or 0' if zeros else ''}, got {wrong:g}. {hint}")
    return spins


def require_memory(needed: int, what: str) -> None:
    """Refuse work that cannot fit, before it is begun.

    Raises:
        UsageError: if `needed` bytes are more than the machine has free.
    """
    free = free_memory()
    if free is not None and needed > free:
        raise UsageError(
            f"{what} needs {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free. "
            "Use fewer patterns or examples, protocol='supervised' (which keeps only averages), or fewer replicas."
        )


def free_memory() -> int | None:
    """Bytes that can be had without swapping; None where the system does not say."""
    with suppress(OSError, StopIteration, ValueError, IndexError), open("/proc/meminfo", encoding="ascii") as lines:
        return 1024 * int(next(line for line in lines if line.startswith("MemAvailable")).split()[1])
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None
