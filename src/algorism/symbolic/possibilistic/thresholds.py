"""Which samples to learn from: a threshold for each family of rule sets, chosen on validation samples.

Source: Π-NeSy (arXiv 2504.07055).
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from ...errors import UsageError
from .inference import RuleInference, check_inputs, decide
from .learning import Labels, Learned, NoSampleLeftError, check_labels, learn
from .rule_base import RuleBase

MARGIN = 1e-4  # a threshold is raised only for more accuracy than this: 0.01 percentage points


def grid(points: int = 30, power: float = 5.0) -> list[float]:
    """Thresholds to try: (i / points)^power · 1.001, finer near 0; the last is above every distance.

    >>> [round(t, 3) for t in grid(4, power=2)]
    [0.063, 0.25, 0.563, 1.001]
    """
    if points < 1 or not power > 0:
        raise UsageError(f"A grid has at least one point and a power above 0, got {points} and {power}.")
    return [(i / points) ** power * 1.001 for i in range(1, points + 1)]


def accuracy(inference: RuleInference, inputs: Mapping[str, Tensor], labels: Labels) -> float:
    """Share of samples for which every answer of the rules is right; a tie is wrong.

    Args:
        inference: the rules.
        inputs: distributions of the input attributes, (b, v).
        labels: true values, at least of the base's outputs.
    """
    found = inference(inputs)
    samples = len(next(iter(inputs.values())))
    right_b = torch.ones(samples, dtype=torch.bool, device=next(iter(inputs.values())).device)
    targets = check_labels(inference.base, labels, samples, inference.base.outputs)
    for name in inference.base.outputs:
        value_b, tie_b = decide(found[name])
        right_b &= (value_b == targets[name].to(value_b.device)) & ~tie_b
    return float(right_b.double().mean())


def learn_with_thresholds(
    base: RuleBase,
    inputs: Mapping[str, Tensor],
    labels: Labels,
    validation: tuple[Mapping[str, Tensor], Labels],
    *,
    thresholds: list[float] | None = None,
) -> tuple[Learned, dict[str, float], float]:
    """Learn with the thresholds that validation samples prefer.

    Each family starts at the smallest threshold that leaves every set of it a sample. Then, family by family in the
    order of the cascade, the threshold walks upward as long as each step gains more than `MARGIN`.

    Args:
        base: the rules.
        inputs: distributions of the training samples, as for `learn`.
        labels: their true values, as for `learn`.
        validation: inputs and labels of other samples.
        thresholds: those to try, rising; None for `grid()`.

    Returns:
        What was learned, the threshold of each family, and the validation accuracy.

    Raises:
        UsageError, ShapeError, DataError: see `learn`.
    """
    steps = grid() if thresholds is None else thresholds
    if not steps or sorted(set(steps)) != list(steps) or not steps[0] > 0:
        raise UsageError(f"Thresholds must rise from above 0, got {steps}.")
    check_inputs(base, validation[0])
    check_labels(base, validation[1], len(next(iter(validation[0].values()))), base.outputs)
    families = list(dict.fromkeys(part.family for part in base.sets))
    learned, at = _with_samples(base, inputs, labels, dict.fromkeys(families, 0), steps)
    best = accuracy(learned.inference, *validation)
    for family in families:
        while at[family] + 1 < len(steps):
            raised = at | {family: at[family] + 1}
            candidate, tried = _with_samples(base, inputs, labels, raised, steps, learned)
            score = accuracy(candidate.inference, *validation)
            if score <= best + MARGIN:
                break
            learned, at, best = candidate, tried, score
    return learned, {family: steps[i] for family, i in at.items()}, best


def _with_samples(
    base: RuleBase,
    inputs: Mapping[str, Tensor],
    labels: Labels,
    at: dict[str, int],
    steps: list[float],
    reuse: Learned | None = None,
) -> tuple[Learned, dict[str, int]]:
    """Learn, and raise the threshold of every family of which a set would have no sample."""
    while True:
        try:
            return learn(base, inputs, labels, {name: steps[i] for name, i in at.items()}, reuse), at
        except NoSampleLeftError as error:
            above = [i for i, step in enumerate(steps) if error.least is not None and step > error.least]
            if not above:
                raise
            at = at | {base[error.output].family: above[0]}
