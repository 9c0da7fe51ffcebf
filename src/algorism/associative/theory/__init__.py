"""What replica theory says of associative memories. NumPy and SciPy; knows nothing of Monte Carlo.

`dense` is for networks of even order P that learn from noisy examples, `multitask` for pairwise ones whose diluted
patterns are retrieved together, `phases` for diagrams of both. `plefka` gives the mean magnetisations of one given
network, `states` the hierarchical one, and the identity of energy and squared error. Solutions say whether they
converged.
"""

from . import dense, multitask
from .fixed_point import Roots, Solution, continuation, fixed_points
from .phases import PhaseDiagram, multitask_diagram, phase_diagram, transition_load
from .plefka import Magnetisations, plefka
from .quadrature import Rule, Thermal, gauss_hermite, thermal, uniform
from .states import Losses, energy_from_losses, hierarchical_state, squared_losses

__all__ = [
    "Losses",
    "Magnetisations",
    "PhaseDiagram",
    "Roots",
    "Rule",
    "Solution",
    "Thermal",
    "continuation",
    "dense",
    "energy_from_losses",
    "fixed_points",
    "gauss_hermite",
    "hierarchical_state",
    "multitask",
    "multitask_diagram",
    "phase_diagram",
    "plefka",
    "squared_losses",
    "thermal",
    "transition_load",
    "uniform",
]
