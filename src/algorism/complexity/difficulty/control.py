"""The difficulty of a policy, from recorded steps.

Shape letters: t time step, d number in an observation, o number in an action.
"""

import numpy as np
from numpy.typing import ArrayLike

from ...errors import DataError, ShapeError, UsageError
from .estimate import Estimate
from .measured import DEFAULT, Measured, Settings, dimension_of, error_of, put_together
from .points import distinct, numbers
from .tasks import ControlTask


def measure_control(
    observations: ArrayLike,
    actions: ArrayLike,
    *,
    episodes: ArrayLike | None = None,
    history: int = 1,
    resolution: float = 0.001,
    error: float = 0.001,
    estimate_dimension: bool = False,
    settings: Settings = DEFAULT,
) -> Measured:
    """The difficulty of a policy, from recorded steps of an MDP, or of a POMDP with `history` > 1.

    Args:
        observations: (t, …), one row per time step, in order.
        actions: (t,) or (t, D); only their number of components counts.
        episodes: (t,) which episode a step belongs to; windows do not reach over its ends. One episode by default.
        history: observations that the policy sees at a time.
        resolution: chosen, in radians of a period of 2π; the paper takes 0.001.
        error: chosen, allowed distance from the best action.
        estimate_dimension: take the intrinsic dimension of the windows, where the paper counts their numbers.
        settings: of the estimator of the dimension.
    """
    observations_td, actions_to = numbers(observations).astype(np.float64), numbers(actions)
    steps = len(observations_td)
    episode_t = np.zeros(steps, dtype=np.int64) if episodes is None else np.asarray(episodes)
    if len(actions_to) != steps or episode_t.shape != (steps,):
        raise ShapeError(
            f"Expected as many actions and episodes as observations ({steps:,}), "
            f"got {len(actions_to):,} and {episode_t.shape}."
        )
    if history < 1:
        raise UsageError(f"measure_control: history must be at least 1, got {history}.")
    moving_d = observations_td.max(axis=0) > observations_td.min(axis=0)
    if not moving_d.any():
        raise DataError("All observations are the same: there is nothing to act upon.")
    starts = np.arange(steps - history + 1)
    starts = starts[episode_t[starts] == episode_t[starts + history - 1]]
    if len(starts) == 0:
        raise DataError(f"No episode has {history} steps. Use a shorter history.")
    columns = int(moving_d.sum()) * history
    numbers_seen = f"{int(moving_d.sum())} numbers that vary × {history} observations remembered"
    notes: tuple[str, ...] = ("Every observed number is taken as an angle: its range is one period.",)
    found_dimension = Estimate.exact(columns, f"counted: {numbers_seen}")
    if estimate_dimension:
        low_d, high_d = observations_td[:, moving_d].min(axis=0), observations_td[:, moving_d].max(axis=0)
        angles_td = 2 * np.pi * (observations_td[:, moving_d] - low_d) / (high_d - low_d)
        windows = np.concatenate([angles_td[starts + lag] for lag in range(history)], axis=1)
        found_dimension, more = dimension_of(distinct(windows), None, settings)
        notes += more
    inputs = {
        "steps": Estimate.exact(len(starts), "counted"),
        "dimension": found_dimension,
        "actions": Estimate.exact(actions_to.shape[1], "counted"),
        "resolution": Estimate.exact(resolution, "chosen, where a period is 2π"),
        "error": error_of(error, "distance from the best action"),
    }
    return put_together(ControlTask, inputs, notes)
