"""Learning rates over a run: linear warm-up, then cosine, linear or constant. Pure arithmetic, no state to save."""

import math


def learning_rate(
    step: int, *, steps: int, peak: float, end: float, warmup: int = 0, schedule: str = "cosine"
) -> float:
    """Learning rate of optimiser step `step`, counted from 0.

    Args:
        step: 0 … steps − 1.
        steps: length of the run.
        peak: reached after `warmup` steps.
        end: of the last step ("constant" stays at the peak).
        warmup: steps of linear growth, the first of them at peak / warmup.
        schedule: "cosine", "linear" or "constant".

    >>> [round(learning_rate(s, steps=4, peak=1.0, end=0.0, warmup=2), 3) for s in range(4)]
    [0.5, 1.0, 1.0, 0.0]
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    if schedule == "constant" or steps - 1 <= warmup:
        return peak
    done = (step - warmup) / (steps - 1 - warmup)
    if schedule == "linear":
        return peak + (end - peak) * done
    return end + (peak - end) * 0.5 * (1 + math.cos(math.pi * done))
