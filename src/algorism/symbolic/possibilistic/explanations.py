"""Why an answer is what it is: the rules that rule out the other values, and the concepts that made them apply.

A rule bounds the possibility of every value. The necessity of the answer is 1 minus the possibility of the best
other value, and the rules named here are enough to bound all others by that: without the rest it would be as certain.

Shape letters: v value, n rule.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ...errors import UsageError
from .inference import RuleInference, RuleSetInference, check_inputs
from .possibility import normalise
from .rules import Rule, Value, show


@dataclass(frozen=True)
class Reason:
    """A rule that rules values out.

    Args:
        rule: the rule.
        holds: whether its premise holds (values outside its conclusion are ruled out) or fails (those inside are).
        excluded: the values of which it bounds the possibility, none of them named by an earlier reason.
        bound: how possible they can still be.
        doubt: whether the bound is the rule's own parameter (r or s), and not what is known about the premise.
        premises: attributes that show that the premise holds or fails; none for a default rule.
    """

    rule: Rule
    holds: bool
    excluded: tuple[Value, ...]
    bound: float
    doubt: bool
    premises: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """An attribute's most possible value and what justifies it.

    Args:
        attribute: its name.
        value: the most possible value; the first of them if several are equal.
        possibility: its degree; below 1 where the rules disagree.
        necessity: how certain it is: 1 minus the degree of the best other value; 0 if others are as possible.
        rivals: other values that are exactly as possible.
        reasons: rules that are enough for the necessity; empty for attributes that were given.
        concepts: explanations of the attributes named in the reasons.
    """

    attribute: str
    value: Value
    possibility: float
    necessity: float
    rivals: tuple[Value, ...]
    reasons: tuple[Reason, ...]
    concepts: dict[str, "Explanation"] = field(repr=False, compare=False)  # may be thousands deep

    @property
    def is_ambiguous(self) -> bool:
        """Whether nothing speaks for the value rather than another."""
        return bool(self.rivals)

    def __str__(self) -> str:
        return self.sentence()

    def sentence(self, depth: int = 3) -> str:
        """The explanation in words.

        Args:
            depth: how many rule sets to go back; 1 for the rules about this attribute alone.
        """
        return " ".join(_sentences(self, depth))


def explain(inference: RuleInference, distributions: Mapping[str, Tensor], output: str, sample: int = 0) -> Explanation:
    """Explain the most possible value of an attribute.

    Args:
        inference: the rules.
        distributions: of the input attributes, (b, v).
        output: the attribute to explain.
        sample: which row.

    Raises:
        UsageError: no such attribute or sample.
        ShapeError, DataError: as for `RuleInference.forward`.

    >>> from algorism.symbolic.possibilistic import read_rules
    >>> base = read_rules('''
    ... attributes: {digit: 0..3, parity: [even, odd]}
    ... rules: ["iff digit is {0, 2} then parity is even"]
    ... ''')
    >>> found = explain(RuleInference(base), {"digit": torch.tensor([[0.25, 0.25, 1.0, 0.0]])}, "parity")
    >>> print(found)
    parity is even (certain to 0.75): 'rule 1' (iff digit is {0, 2} then parity is {even}) excludes odd \
down to 0.25, since digit is 2 (certain to 0.75).
    """
    inference.base[output]  # refuses an unknown name
    known_vb = check_inputs(inference.base, distributions)
    samples = next(iter(known_vb.values())).shape[1]
    if not -samples <= sample < samples:
        raise UsageError(f"There is no sample {sample}; there are {samples}.")
    known_v1 = {name: pi_vb[:, [sample]] for name, pi_vb in known_vb.items()}
    raw_v1 = dict(known_v1)
    with torch.no_grad():
        for part in inference.parts:
            name = part.rule_set.output.name
            raw_v1[name] = part(known_v1)
            known_v1[name] = normalise(raw_v1[name].T).T

        reasons: dict[str, tuple[Reason, ...]] = {}
        waiting = [output]
        concluded = {part.rule_set.output.name: part for part in inference.parts}
        while waiting:
            name = waiting.pop()
            if name in reasons:
                continue
            reasons[name] = _reasons(concluded[name], known_v1, raw_v1[name][:, 0]) if name in concluded else ()
            waiting.extend(premise for reason in reasons[name] for premise in reason.premises)

    found: dict[str, Explanation] = {}
    for name in [*inference.base.inputs, *concluded]:  # what an attribute rests on comes before it
        if name in reasons:
            concepts = {p: found[p] for reason in reasons[name] for p in reason.premises}
            found[name] = _explanation(
                inference.base.attributes[name].domain, name, raw_v1[name][:, 0], reasons[name], concepts
            )
    return found[output]


def _explanation(
    domain: tuple[Value, ...],
    name: str,
    pi_v: Tensor,
    reasons: tuple[Reason, ...],
    concepts: dict[str, Explanation],
) -> Explanation:
    top = int(pi_v.argmax())
    rivals = tuple(domain[v] for v in (pi_v == pi_v[top]).nonzero()[:, 0].tolist() if v != top)
    necessity = 0.0 if rivals else 1 - _runner_up(pi_v)
    return Explanation(name, domain[top], float(pi_v[top]), necessity, rivals, reasons, concepts)


def _runner_up(pi_v: Tensor) -> float:
    return float(pi_v.topk(2).values[1]) if len(pi_v) > 1 else 0.0


def _reasons(part: RuleSetInference, known_v1: Mapping[str, Tensor], pi_v: Tensor) -> tuple[Reason, ...]:
    """The fewest rules, found greedily, that bound every other value by the degree of the best of them."""
    top, level = int(pi_v.argmax()), _runner_up(pi_v)
    if level == float(pi_v[top]):
        return ()
    lambda_n, rho_n = (x_n1[:, 0] for x_n1 in part.premises(known_v1))
    s_n, r_n = part.s_n.to(lambda_n), part.r_n.to(lambda_n)
    alpha_n, beta_n = torch.maximum(s_n, lambda_n), torch.maximum(r_n, rho_n)
    inside_nv = part.sign_cn[part.cell_of_v].T
    bound_nv = torch.where(inside_nv, alpha_n[:, None], beta_n[:, None])
    open_v = torch.ones_like(pi_v, dtype=torch.bool)
    open_v[top] = False
    found = []
    while bool(open_v.any()):
        covers_nv = (bound_nv <= level) & open_v
        n = int(covers_nv.sum(1).argmax())
        covered_v = covers_nv[n]
        at = int(covered_v.nonzero()[0, 0])
        holds = not bool(inside_nv[n, at])
        covered_v &= (
            inside_nv[n] != holds
        )  # a rule whose premise is in doubt could bound both sides; tell one at a time
        degree_n, parameter_n = (rho_n, r_n) if holds else (lambda_n, s_n)
        values = tuple(part.rule_set.output.domain[v] for v in covered_v.nonzero()[:, 0].tolist())
        bound = float(bound_nv[n, at])
        doubt = bool(parameter_n[n] > degree_n[n])
        found.append(Reason(part.rule_set.rules[n], holds, values, bound, doubt, _evidence(part, known_v1, n, holds)))
        open_v &= ~covered_v
    return tuple(found)


def _evidence(part: RuleSetInference, known_v1: Mapping[str, Tensor], n: int, holds: bool) -> tuple[str, ...]:
    """All attributes of a premise that holds; of one that fails, the attribute whose condition is least possible."""
    premise = part.rule_set.premises[n]
    if holds or not premise:
        return tuple(premise)
    return (min(premise, key=lambda name: float(known_v1[name][list(premise[name]), 0].amax())),)


def _sentences(top: Explanation, depth: int) -> Iterator[str]:
    """One sentence for each attribute, from the answer backward; an attribute is told once."""
    level, told = [top], {top.attribute}
    for _ in range(depth):
        following: list[Explanation] = []
        for explanation in level:
            yield _sentence(explanation)
            for concept in explanation.concepts.values():
                if concept.reasons and concept.attribute not in told:
                    told.add(concept.attribute)
                    following.append(concept)
        level = following


def _sentence(explanation: Explanation) -> str:
    name = explanation.attribute
    if explanation.rivals:
        values = ", ".join(map(show, (explanation.value, *explanation.rivals[:4])))
        more = len(explanation.rivals) - 4
        return f"{name} is undecided: {values}{f' and {more} more' if more > 0 else ''} are equally possible."
    head = f"{name} is {show(explanation.value)} (certain to {explanation.necessity:.3g})"
    if explanation.possibility < 1 - 1e-6:
        head += f", though the rules disagree: its possibility is {explanation.possibility:.3g}"
    clauses = []
    for reason in explanation.reasons:
        values = ", ".join(map(show, reason.excluded[:4])) + (" …" if len(reason.excluded) > 4 else "")
        facts = [_fact(explanation.concepts[premise]) for premise in reason.premises]
        since = " and ".join(facts) or f"{'no' if reason.holds else 'an'}other rule applies".replace(
            "noother", "no other"
        )
        limit = f"; its own {'r' if reason.holds else 's'} sets this limit" if reason.doubt else ""
        clauses.append(
            f"{reason.rule.label} ({reason.rule}) excludes {values} down to {reason.bound:.3g}, since {since}{limit}"
        )
    return f"{head}: {'; '.join(clauses)}." if clauses else f"{head}."


def _fact(explanation: Explanation) -> str:
    if explanation.rivals:
        return f"{explanation.attribute} is undecided"
    return f"{explanation.attribute} is {show(explanation.value)} (certain to {explanation.necessity:.3g})"
