"""Rule bases: rules grouped by what they conclude, checked, and put in the order in which they can be applied.

Needs no torch. Each group, a rule set, has one output attribute; the output of one set may be a premise of another, and
so sets form a cascade. A rule base that cannot work is refused with the name of the rule that is at fault.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

from ...errors import UsageError, nearest
from .rules import Attribute, Condition, Rule

Box = dict[str, frozenset[int]]  # a premise: for each attribute it speaks about, the values that satisfy it


@dataclass(frozen=True)
class RuleSet:
    """The rules about one attribute, with values replaced by their places in the domains.

    Args:
        output: what they conclude about.
        rules: as declared, each with a name.
        premises: for each rule, the places of the values its premise allows, by attribute; empty for a default rule.
        conclusions: for each rule, the places of the values it concludes.
    """

    output: Attribute
    rules: tuple[Rule, ...]
    premises: tuple[Box, ...]
    conclusions: tuple[frozenset[int], ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Attributes its premises speak about, in order of appearance."""
        return tuple(dict.fromkeys(name for box in self.premises for name in box))

    @property
    def family(self) -> str:
        """Which threshold it shares."""
        return self.output.family or self.output.name


class RuleBase:
    """Rules over attributes, as a checked cascade of rule sets.

    Args:
        attributes: every attribute that the rules speak about.
        rules: in any order; those about the same attribute form one set.

    Raises:
        UsageError: nothing to apply, names or values that do not exist, empty premises or conclusions, rules that
            contradict each other or depend on their own conclusions. The message names the rules.

    >>> from algorism.symbolic.possibilistic import if_then
    >>> digit, parity = Attribute("digit", range(4)), Attribute("parity", ["even", "odd"])
    >>> base = RuleBase([digit, parity], [if_then({"digit": [0, 2]}, {"parity": ["even"]}),
    ...                                   if_then({"digit": [1, 3]}, {"parity": ["odd"]})])
    >>> base.inputs, base.outputs
    (('digit',), ('parity',))
    """

    def __init__(self, attributes: Iterable[Attribute], rules: Iterable[Rule]) -> None:
        self.attributes: dict[str, Attribute] = {}
        for attribute in attributes:
            if attribute.name in self.attributes:
                raise UsageError(f"Attribute '{attribute.name}' is declared twice; keep one of the two.")
            self.attributes[attribute.name] = attribute
        named = _named(rules)
        if not named:
            raise UsageError("The rule base is empty: it has attributes but no rule. Add at least one rule.")
        groups: dict[str, list[Rule]] = {}
        for rule in named:
            groups.setdefault(rule.conclusion.attribute, []).append(rule)
        unordered = {name: self._rule_set(name, tuple(group)) for name, group in groups.items()}
        self.sets: tuple[RuleSet, ...] = tuple(_in_order(unordered))
        sizes = {name: len(attribute.domain) for name, attribute in self.attributes.items()}
        for rule_set in self.sets:
            _refuse_contradictions(rule_set, sizes)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Attributes that must be given: those in a premise that no rule concludes about."""
        concluded = {rule_set.output.name for rule_set in self.sets}
        used = dict.fromkeys(name for rule_set in self.sets for name in rule_set.inputs)
        return tuple(name for name in used if name not in concluded)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Attributes that rules conclude about and that are in no premise: the answers."""
        used = {name for rule_set in self.sets for name in rule_set.inputs}
        return tuple(rule_set.output.name for rule_set in self.sets if rule_set.output.name not in used)

    def __getitem__(self, output: str) -> RuleSet:
        """The rules about an attribute."""
        for rule_set in self.sets:
            if rule_set.output.name == output:
                return rule_set
        raise UsageError(f"No rule concludes about '{output}'. {nearest(output, [s.output.name for s in self.sets])}")

    def __str__(self) -> str:
        return "\n".join(f"{rule.name}: {rule}" for rule_set in self.sets for rule in rule_set.rules)

    def _rule_set(self, output: str, rules: tuple[Rule, ...]) -> RuleSet:
        defaults = [rule for rule in rules if rule.is_default]
        if len(defaults) > 1:
            raise UsageError(f"Rules {defaults[0].label} and {defaults[1].label} are both the default for '{output}'.")
        if len(defaults) == len(rules):
            raise UsageError(
                f"Rule {rules[0].label} is a default without any other rule about '{output}' to fall back from."
            )
        premises = tuple(self._premise(rule) for rule in rules)
        conclusions = tuple(self._resolve(rule, rule.conclusion, "conclusion") for rule in rules)
        return RuleSet(self.attributes[output], rules, premises, conclusions)

    def _premise(self, rule: Rule) -> Box:
        box: Box = {}
        for condition in rule.premise:
            name = condition.attribute
            if name == rule.conclusion.attribute:
                raise UsageError(f"Rule {rule.label} is circular: '{name}' is in its premise and in its conclusion.")
            values = self._resolve(rule, condition, "premise")
            box[name] = box.get(name, values) & values
            if not box[name]:
                raise UsageError(
                    f"Rule {rule.label} is contradictory: its conditions on '{name}' cannot hold together."
                )
        return box

    def _resolve(self, rule: Rule, condition: Condition, part: str) -> frozenset[int]:
        attribute = self.attributes.get(condition.attribute)
        if attribute is None:
            known = nearest(condition.attribute, self.attributes) if self.attributes else "No attribute is declared."
            raise UsageError(f"Rule {rule.label}: unknown attribute '{condition.attribute}' in its {part}. {known}")
        try:
            found = attribute.indices(condition.values)
        except UsageError as error:
            raise UsageError(f"Rule {rule.label}: in its {part}, {error}") from error
        if not found:
            raise UsageError(f"Rule {rule.label}: its {part} allows no value of '{attribute.name}'; name at least one.")
        if len(found) == len(attribute.domain):
            raise UsageError(
                f"Rule {rule.label}: its {part} allows every value of '{attribute.name}', and so says nothing."
            )
        return found


def _named(rules: Iterable[Rule]) -> list[Rule]:
    found, seen = [], set()
    for number, rule in enumerate(rules, 1):
        name = rule.name or f"rule {number}"
        if name in seen:
            raise UsageError(f"Two rules are called '{name}'; give each its own name.")
        seen.add(name)
        found.append(replace(rule, name=name))
    return found


def _in_order(sets: dict[str, RuleSet]) -> Iterator[RuleSet]:
    """Sets after all those they build on; a loop, not recursion, since cascades may be thousands of sets long."""
    done: set[str] = set()
    for start in sets:
        path = [start]
        on_path = {start}
        while path:
            missing = next((n for n in sets[path[-1]].inputs if n in sets and n not in done), None)
            if missing is None:
                name = path.pop()
                on_path.discard(name)
                if name not in done:
                    done.add(name)
                    yield sets[name]
            elif missing in on_path:
                raise UsageError(_circle(sets, [*path[path.index(missing) :], missing]))
            else:
                path.append(missing)
                on_path.add(missing)


def _circle(sets: dict[str, RuleSet], path: list[str]) -> str:
    """The message for outputs of which each needs the next."""
    guilty = [
        next(rule.label for rule, box in zip(sets[output].rules, sets[output].premises) if needed in box)
        for output, needed in pairwise(path)
    ]
    chain = " needs ".join(f"'{name}'" for name in path)
    return f"The rules are circular: {chain}. Rules at fault: {', '.join(guilty)}. Remove one of these premises."


def _refuse_contradictions(rule_set: RuleSet, sizes: dict[str, int]) -> None:
    """Refuse two rules that leave no value fully possible though their premises can hold, or fail, together."""
    everything = frozenset(range(len(rule_set.output.domain)))
    rows = [row for row in zip(rule_set.rules, rule_set.premises, rule_set.conclusions) if not row[0].is_default]
    for (first, p, q), (second, p_other, q_other) in combinations(rows, 2):
        # what each leaves fully possible when its premise holds, and when it does not
        holds, fails = (q if first.r < 1 else everything), (everything - q if first.s < 1 else everything)
        holds_other = q_other if second.r < 1 else everything
        fails_other = everything - q_other if second.s < 1 else everything
        if not holds & holds_other and _meet(p, p_other):
            how = "both premises can hold, but no value fulfils both conclusions"
        elif not holds & fails_other and not _inside(p, p_other):
            how = f"when only the premise of '{first.name}' holds, no value is left"
        elif not fails & holds_other and not _inside(p_other, p):
            how = f"when only the premise of '{second.name}' holds, no value is left"
        elif not fails & fails_other and not _exhaust(p, p_other, sizes):
            how = "when neither premise holds, no value is left"
        else:
            continue
        raise UsageError(
            f"Rules {first.label} and {second.label} contradict each other about '{rule_set.output.name}': {how}. "
            "Change a conclusion, or allow exceptions (r or s = 1)."
        )


def _meet(p: Box, other: Box) -> bool:
    """Whether two premises can hold together."""
    return all(p[name] & other[name] for name in p.keys() & other.keys())


def _exhaust(p: Box, other: Box, sizes: dict[str, int]) -> bool:
    """Whether one of two premises always holds: two boxes fill the space only along one and the same attribute."""
    return p.keys() == other.keys() and len(p) == 1 and all(len(p[n] | other[n]) == sizes[n] for n in p)


def _inside(p: Box, other: Box) -> bool:
    """Whether a premise implies another."""
    return all(name in p and p[name] <= values for name, values in other.items())
