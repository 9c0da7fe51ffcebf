"""Rule parameters from training samples, in closed form: no gradient, no iteration.

A sample whose true value is known gives a min-max system Γ □ x = b in the unknowns x = (s_1, r_1, …, s_n, r_n): b is 1
for the true cell and 0 elsewhere. Samples whose systems are too far from solvable are left out, the others are changed
as little as possible, and the lowest approximate solution of all of them together gives s and r.

Γ is never written down. A rule enters a row by one of two numbers, λ or ρ, and a column's part of every formula depends
on a sample only through the greatest right-hand side among the rows that the column touches.

Shape letters: b sample, n rule, c cell, m column (s of all rules, then r of all rules), q different right-hand sides.

Source: Π-NeSy (arXiv 2504.07055).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import DataError, ShapeError, UsageError
from .equations import Envelope, rounding
from .inference import RuleInference, RuleSetInference, check_inputs
from .labels import places
from .possibility import normalise
from .rule_base import RuleBase
from .rules import Value

Labels = Mapping[str, Tensor | Sequence[Value]]

KEEP_ALL = 1.01  # above every distance
MOST_ENTRIES = 1 << 24  # of an intermediate tensor


class NoSampleLeftError(DataError):
    """A threshold that is not above the distance of any sample.

    Args:
        output: the attribute whose rules have no sample left.
        threshold: the threshold.
        least: the smallest distance; None if there are no samples.
    """

    def __init__(self, output: str, threshold: float, least: float | None) -> None:
        reason = "there are no samples" if least is None else f"the smallest distance is {least:.4g}; raise it"
        super().__init__(f"Rules about '{output}': the threshold {threshold:.4g} leaves no sample ({reason}).")
        self.output, self.least = output, least


@dataclass(frozen=True)
class LearnedSet:
    """What was learned for the rules about one attribute.

    Args:
        s_n, r_n: the parameters.
        distance_b: Chebyshev distance of each sample's system.
        kept_b: which samples were used, those below the threshold.
        shift: Chebyshev distance of all kept samples together, from the rows below the threshold.
        threshold: as given.
    """

    s_n: Tensor
    r_n: Tensor
    distance_b: Tensor
    kept_b: Tensor
    shift: float
    threshold: float


@dataclass(frozen=True)
class Learned:
    """A whole rule base with learned parameters.

    Args:
        inference: ready to use.
        sets: what was learned, by output attribute.
    """

    inference: RuleInference
    sets: dict[str, LearnedSet]

    def doubts(self) -> dict[str, tuple[float, float]]:
        """Rules that the data made uncertain: name, and s and r, where one of them is above 0."""
        return {
            rule.name or "": (float(s), float(r))
            for part in self.inference.base.sets
            for rule, s, r in zip(part.rules, self.sets[part.output.name].s_n, self.sets[part.output.name].r_n)
            if s > 0 or r > 0
        }


def learn(
    base: RuleBase,
    inputs: Mapping[str, Tensor],
    labels: Labels,
    thresholds: Mapping[str, float] | float = KEEP_ALL,
    reuse: Learned | None = None,
) -> Learned:
    """Learn s and r of every rule, one set after the other; each set is trained on what the sets before it conclude.

    Args:
        base: the rules.
        inputs: for each input attribute the possibility distributions of the samples, (b, v).
        labels: for each attribute that rules conclude about, the true values; see `labels.places`.
        thresholds: a sample is used where its distance is below this; one number, or one for each family.
        reuse: an earlier result on the same samples; sets for which nothing has changed are taken from it.

    Raises:
        UsageError: labels or a threshold are missing, or are not for this rule base.
        ShapeError, DataError: inputs are no distributions, labels no values, or a threshold leaves no sample.

    >>> from algorism.symbolic.possibilistic import read_rules
    >>> base = read_rules('''
    ... attributes: {digit: 0..3, parity: [even, odd]}
    ... rules: [if digit is 1 then parity is odd, if digit is 3 then parity is odd]
    ... ''')
    >>> learn(base, {"digit": torch.eye(4)}, {"parity": ["even", "odd", "even", "odd"]}).doubts()
    {'rule 1': (0.5, 0.0), 'rule 2': (0.5, 0.0)}
    """
    known_vb = check_inputs(base, inputs)
    targets = check_labels(base, labels, next(iter(known_vb.values())).shape[1])
    families = {part.family for part in base.sets}
    if isinstance(thresholds, Mapping) and (missing := families - thresholds.keys()):
        raise UsageError(
            f"No threshold for the families {', '.join(sorted(missing))}; give one for each, or one number."
        )
    inference = RuleInference(base).to(next(iter(known_vb.values())).device)
    sets: dict[str, LearnedSet] = {}
    changed: set[str] = set()
    for part in inference.parts:
        name = part.rule_set.output.name
        threshold = thresholds[part.rule_set.family] if isinstance(thresholds, Mapping) else thresholds
        same = reuse is not None and reuse.sets[name].threshold == threshold and not changed & set(part.rule_set.inputs)
        if reuse is not None and same:
            sets[name] = reuse.sets[name]
        else:
            sets[name] = learn_set(
                part, known_vb, targets[name].to(known_vb[part.rule_set.inputs[0]].device), threshold
            )
            changed.add(name)
        part.set_parameters(sets[name].s_n, sets[name].r_n)
        known_vb[name] = normalise(part(known_vb).T).T
    return Learned(inference, sets)


def learn_set(part: RuleSetInference, known_vb: Mapping[str, Tensor], target_b: Tensor, threshold: float) -> LearnedSet:
    """Learn s and r of the rules about one attribute.

    Args:
        part: the rules; their present parameters play no part.
        known_vb: distributions of the attributes in the premises, normalised, (v, b).
        target_b: places of the true values in the output's domain.
        threshold: a sample is used where its distance is below this.

    Raises:
        UsageError: the threshold is not above 0.
        NoSampleLeftError: the threshold leaves no sample.
    """
    if not threshold > 0:
        raise UsageError(f"Rules about '{part.rule_set.output.name}': a threshold is above 0, got {threshold}.")
    lambda_nb, rho_nb = part.premises(known_vb)
    distance_b = sample_distances(part, lambda_nb, rho_nb, target_b)
    kept_b = distance_b < threshold
    if not bool(kept_b.any()):
        least = float(distance_b.min()) if len(distance_b) else None
        raise NoSampleLeftError(part.rule_set.output.name, threshold, least)
    lambda_nb, rho_nb, target_b = lambda_nb[:, kept_b], rho_nb[:, kept_b], target_b[kept_b]
    degree_cb = nearest_reachable(part, lambda_nb, rho_nb, target_b, distance_b[kept_b])

    # The greatest right-hand side among the rows a column touches: inside the conclusion for s, outside for r.
    greatest_mb = torch.cat((_greatest(degree_cb, part.sign_cn), _greatest(degree_cb, ~part.sign_cn)))
    entry_mb = torch.cat((lambda_nb, rho_nb))
    shift = stacked_distance(part, degree_cb, entry_mb, greatest_mb, threshold)
    y_mb = (greatest_mb - shift).clamp(min=0)
    x_m = torch.where(entry_mb < y_mb - rounding(y_mb.dtype), y_mb, 0).amax(1)
    s_n, r_n = x_m.chunk(2)
    return LearnedSet(s_n, r_n, distance_b, kept_b, shift, threshold)


def sample_distances(part: RuleSetInference, lambda_nb: Tensor, rho_nb: Tensor, target_b: Tensor) -> Tensor:
    """∇ of each sample's own system, (b,).

    For a one-hot right-hand side the inner maximum over rows is that of the true row alone. A column touches both the
    true row and another one exactly if the rule has the same sign on them; then it adds min(1/2, 1 − entry).
    """
    cell_b = part.cell_of_v[target_b]
    true_nb = part.sign_cn[cell_b].T
    alpha_nb = torch.where(true_nb, _with_pull(lambda_nb), lambda_nb)
    beta_nb = torch.where(true_nb, rho_nb, _with_pull(rho_nb))
    distance_cb = part.combine(alpha_nb, beta_nb)
    return distance_cb.scatter(0, cell_b[None], 0.0).amax(0)  # the true row itself needs no change


def nearest_reachable(
    part: RuleSetInference, lambda_nb: Tensor, rho_nb: Tensor, target_b: Tensor, distance_b: Tensor
) -> Tensor:
    """The lowest right-hand side at the Chebyshev distance from each sample's one-hot one, (c, b)."""
    true_nb = part.sign_cn[part.cell_of_v[target_b]].T
    y_b = 1 - distance_b
    below_b = y_b - rounding(y_b.dtype)
    s_nb = torch.where(true_nb & (lambda_nb < below_b), y_b, 0)
    r_nb = torch.where(~true_nb & (rho_nb < below_b), y_b, 0)
    return part.combine(torch.maximum(lambda_nb, s_nb), torch.maximum(rho_nb, r_nb))


def stacked_distance(
    part: RuleSetInference, degree_cb: Tensor, entry_mb: Tensor, greatest_mb: Tensor, threshold: float
) -> float:
    """The greatest ∇_i below the threshold among all rows of all samples, as one system."""
    different_q, place_cb = degree_cb.unique(return_inverse=True)
    pull_mq = Envelope(greatest_mb, entry_mb)(different_q.expand(len(entry_mb), -1))
    n = len(entry_mb) // 2
    best = 0.0
    # A column that does not touch a row has the entry 1 there, never the least: one column for each rule is left.
    column_cn = torch.arange(n, device=entry_mb.device) + torch.where(part.sign_cn, 0, n)
    for cells in torch.arange(len(degree_cb), device=entry_mb.device).split(
        max(1, MOST_ENTRIES // (entry_mb.shape[1] * n))
    ):
        degree_kb = degree_cb[cells]
        distance_kb = torch.ones_like(degree_kb)
        for rule in range(n):
            column_k = column_cn[cells, rule]
            short_kb = (entry_mb[column_k] - degree_kb).clamp(min=0)
            pull_kb = pull_mq[column_k[:, None], place_cb[cells]]
            distance_kb = torch.minimum(distance_kb, torch.maximum(short_kb, pull_kb))
        below_kb = distance_kb[distance_kb < threshold]
        best = max(best, float(below_kb.max()) if below_kb.numel() else 0.0)
    return best


def check_labels(base: RuleBase, labels: Labels, samples: int, names: Sequence[str] | None = None) -> dict[str, Tensor]:
    """Check labels, and return their places in the domains.

    Args:
        base: the rules.
        labels: true values by attribute.
        samples: how many there must be.
        names: attributes that need labels; None for all that rules conclude about.

    Raises:
        UsageError, ShapeError, DataError: see `learn`.
    """
    found = {}
    for name in [part.output.name for part in base.sets] if names is None else names:
        if name not in labels:
            given = ", ".join(labels) or "none"
            raise UsageError(f"Labels of '{name}', which rules conclude about, are missing; given: {given}.")
        found[name] = places(base.attributes[name], labels[name])
        if len(found[name]) != samples:
            raise ShapeError(f"'{name}' has {len(found[name])} labels for {samples} samples.")
    return found


def _with_pull(entry_nb: Tensor) -> Tensor:
    return torch.maximum(entry_nb, (1 - entry_nb).clamp(max=0.5))


def _greatest(degree_cb: Tensor, touches_cn: Tensor) -> Tensor:
    """For each rule the greatest degree among the cells it touches, (n, b)."""
    return torch.stack([degree_cb[touches_c].amax(0) for touches_c in touches_cn.T])
