"""Phase diagrams: which state is the stable one, over load and temperature or over dilution and temperature.

Shape letters: t temperature, l load, d dilution, k pattern.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algorism.errors import ShapeError

from . import dense, multitask
from .checks import Floats, checked
from .fixed_point import last_true

RETRIEVED = 0.05  # overlap above which a state counts as retrieved
GLASSY = 0.01  # q above which a state without overlap counts as frozen
DENSE_PHASES = ("R", "R, metastable", "SG", "E")


@dataclass(frozen=True)
class PhaseDiagram:
    """A labelled grid, rows temperatures.

    Attributes:
        temperatures: of the rows; of a multitasking network in units of 1 − d.
        across: the loads, or dilutions, of the columns.
        label: name of the phase of each cell.
        m: overlap of the retrieval state, or those of the stable state, (t, l) or (t, d, k).
        free_energy: of that state.
        converged: whether every solution behind the cell converged.
    """

    temperatures: Floats
    across: Floats
    label: NDArray[np.str_]
    m: Floats
    free_energy: Floats
    converged: NDArray[np.bool_]

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary for each cell, for pictures."""
        return [
            {"temperature": float(t), "across": float(x), "phase": str(self.label[i, j])}
            for i, t in enumerate(self.temperatures)
            for j, x in enumerate(self.across)
        ]


def phase_diagram(
    order: int,
    rho: float,
    loads: ArrayLike,
    temperatures: ArrayLike,
    *,
    sweeps: int = 3_000,
    tolerance: float = 1e-9,
) -> PhaseDiagram:
    """Phases of a dense Hebbian network.

    "R": there is a retrieval state (m > 0.05), and no other has lower free energy. "R, metastable": there is one, but
    the state without overlap has lower free energy. "SG": none, and the equations have a solution with m = 0, q > 0.
    "E": neither.

    Args:
        order: P.
        rho: dataset entropy.
        loads: γ of the columns.
        temperatures: T of the rows; 0 is allowed.
        sweeps: of the iteration, at most.
        tolerance: of the iteration.

    Raises:
        UsageError, ShapeError: for arguments out of range, or axes that are no lists of numbers.

    >>> phase_diagram(4, 0.0, loads=[0.1, 0.3, 1.0], temperatures=[0.1, 1.2]).label.tolist()
    [['R', 'R, metastable', 'SG'], ['E', 'E', 'E']]
    """
    load_l, t_t = _axis("loads", checked("loads", loads, 0, below=True)), _temperatures(temperatures)
    with np.errstate(divide="ignore"):
        beta_t1 = 1 / t_t[:, None]
    both = [
        dense.solve(beta_t1, order, rho, load_l, start, sweeps=sweeps, tolerance=tolerance)
        for start in ("retrieval", "spin_glass")
    ]
    retrieval, other = both
    there = np.abs(retrieval.m) > RETRIEVED
    lower = retrieval.free_energy <= other.free_energy
    label = np.select([there & lower, there, other.q > GLASSY], DENSE_PHASES[:3], DENSE_PHASES[3])
    converged = retrieval.converged & other.converged
    return PhaseDiagram(t_t, load_l, label, np.abs(retrieval.m), retrieval.free_energy, converged)


def transition_load(order: ArrayLike, rho: ArrayLike, beta: ArrayLike, *, precision: float = 1e-5) -> Floats:
    """The load up to which the retrieval state has the lowest free energy, by bisection below its spinodal.

    Raises:
        UsageError, ShapeError: for arguments out of range.

    >>> 0.1 < float(transition_load(4, 0.0, np.inf)) < 0.3957
    True
    """
    order, rho, beta = np.broadcast_arrays(order, rho, beta)
    highest = dense.critical_load(order, rho, beta)

    def lowest(load: Floats) -> NDArray[np.bool_]:
        here, other = (
            dense.solve(beta, order, rho, load, start, tolerance=1e-9) for start in ("retrieval", "spin_glass")
        )
        return np.asarray((np.abs(here.m) > RETRIEVED) & (here.free_energy <= other.free_energy))

    # Just below the spinodal the state may still be the lowest; then the two lines are one.
    end = np.maximum(highest - precision, 0.0)
    whole = lowest(end)
    found = last_true(lowest, np.zeros_like(highest), end, precision)[0]
    return np.where(whole, highest, found)


def multitask_diagram(
    patterns: int,
    dilutions: ArrayLike,
    temperatures: ArrayLike,
    rho: float = 0.0,
    *,
    starts: Sequence[str | ArrayLike] = ("hierarchical", "spread", "single"),
    regime_tolerance: float = 0.02,
    sweeps: int = 2_000,
    tolerance: float = 1e-9,
) -> PhaseDiagram:
    """Regimes of a multitasking network: the state of lowest free energy at each dilution and temperature, named.

    Args:
        patterns: K.
        dilutions: d of the columns.
        temperatures: T/(1 − d) of the rows: as overlaps are at most 1 − d, this is the noise that a state feels.
        rho: dataset entropy.
        starts: of the iteration.
        regime_tolerance: τ of `multitask.regime`.
        sweeps: of the iteration, at most.
        tolerance: of the iteration.

    Raises:
        UsageError, ShapeError: for arguments out of range, or axes that are no lists of numbers.

    >>> multitask_diagram(3, [0.3, 0.95], [0.02, 0.3, 1.5]).label.tolist()
    [['hierarchical', 'hierarchical'], ['hybrid', 'parallel'], ['ergodic', 'ergodic']]
    """
    d_d = _axis("dilutions", checked("dilutions", dilutions, 0, 1, below=True))
    t_t = _temperatures(temperatures)
    with np.errstate(divide="ignore"):
        beta_td = 1 / (t_t[:, None] * (1 - d_d))
    dilution_td = np.broadcast_to(d_d, beta_td.shape)
    found = multitask.ground_states(beta_td, dilution_td, patterns, rho, starts, sweeps=sweeps, tolerance=tolerance)
    label = multitask.regime(found.m, dilution_td, tolerance=regime_tolerance)
    return PhaseDiagram(t_t, d_d, label, found.m, found.free_energy, found.converged)


def _temperatures(values: ArrayLike) -> Floats:
    return _axis("temperatures", checked("temperatures", values, 0, below=True))


def _axis(name: str, values: Floats) -> Floats:
    if values.ndim != 1 or not values.size:
        raise ShapeError(f"{name} must be a list of numbers, got shape {values.shape}.")
    return values
