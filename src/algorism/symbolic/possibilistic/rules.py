"""Rules and the domains they speak about, as plain declarations. Needs no torch.

A rule "if P then Q" has two degrees of doubt: `r`, how possible "P but not Q" is, and `s`, how possible "not P but Q"
is. `if` leaves s at 1 (nothing is said about what holds without P); `iff` sets it to 0, so that P and Q stand and fall
together. What is declared here is checked and put in order by `RuleBase`.

Source: Π-NeSy: A Possibilistic Neuro-Symbolic Approach (arXiv 2504.07055), after Farreny and Prade.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ...errors import UsageError, nearest

Atom = int | str
Value = int | str | tuple[Atom, ...]
Values = Iterable[Value] | Callable[[Value], bool]

ANY: Final = "*"  # in a value of a product domain: whatever stands there
MOST_VALUES = 1 << 20


@dataclass(frozen=True)
class Attribute:
    """A quantity with a finite domain, such as the digit in a picture.

    Args:
        name: a word.
        domain: its different values, in the order of the tensors' last dimension: whole numbers, words, or tuples.
        family: attributes of one family share a threshold when rules are learned; None for a family of its own.

    Raises:
        UsageError: the domain is empty, repeats a value, or holds something that is no value.

    >>> Attribute("parity", ["even", "odd"]).index
    {'even': 0, 'odd': 1}
    """

    name: str
    domain: tuple[Value, ...]
    family: str | None = None
    index: dict[Value, int] = field(init=False, repr=False, compare=False)

    def __init__(self, name: str, domain: Iterable[Value], family: str | None = None) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            raise UsageError(f"Attribute {name!r}: a name is one word of letters, digits and '_', such as 'digit_1'.")
        values = tuple(itertools.islice(domain, MOST_VALUES + 1))
        if not values:
            raise UsageError(f"Attribute '{name}' has an empty domain; list at least one value.")
        if len(values) > MOST_VALUES:
            raise UsageError(
                f"Attribute '{name}' has more than {MOST_VALUES:,} values; split it into several attributes."
            )
        for value in values:
            _check_value(value, f"Attribute '{name}'")
        index = {value: i for i, value in enumerate(values)}
        if len(index) < len(values):
            twice = next(v for i, v in enumerate(values) if index[v] != i)
            raise UsageError(
                f"Attribute '{name}' lists the value {show(twice)} twice; a domain's values are different."
            )
        for key, content in (("name", name), ("domain", values), ("family", family), ("index", index)):
            object.__setattr__(self, key, content)

    @classmethod
    def product(cls, name: str, *parts: "Attribute", family: str | None = None) -> "Attribute":
        """The attribute whose values are all tuples of the parts' values.

        >>> Attribute.product("pair", Attribute("a", [0, 1]), Attribute("b", [5])).domain
        ((0, 5), (1, 5))
        """
        size = math.prod(len(part.domain) for part in parts)
        if size > MOST_VALUES:
            raise UsageError(f"Attribute '{name}' would have {size:,} values, more than {MOST_VALUES:,}.")
        values: list[Any] = list(itertools.product(*(part.domain for part in parts)))
        return cls(name, values, family)

    def indices(self, values: Values) -> frozenset[int]:
        """Places of values in the domain; a tuple may hold `ANY`, and a function picks the values it is true of.

        Raises:
            UsageError: a value is not in the domain; the nearest one is named.

        >>> sorted(Attribute("pair", [(0, 0), (0, 1), (1, 0)]).indices([(0, ANY)]))
        [0, 1]
        """
        if callable(values):
            return frozenset(i for i, value in enumerate(self.domain) if values(value))
        found: set[int] = set()
        for value in values:
            if isinstance(value, tuple) and ANY in value:
                hits = {i for i, known in enumerate(self.domain) if _matches(value, known)}
            else:
                hits = {self.index[value]} if _is_value(value) and value in self.index else set()
            if not hits:
                known = nearest(show(value), (show(v) for v in self.domain[:50]))
                raise UsageError(f"{show(value)} is not a value of '{self.name}'. {known}")
            found |= hits
        return frozenset(found)


@dataclass(frozen=True)
class Condition:
    """That an attribute has one of these values.

    Args:
        attribute: its name.
        values: values, tuples with `ANY`, or a function that is true of the values meant.
    """

    attribute: str
    values: tuple[Value, ...] | Callable[[Value], bool]

    def __init__(self, attribute: str, values: Values) -> None:
        if isinstance(values, str | bytes) or not (callable(values) or isinstance(values, Iterable)):
            raise UsageError(f"A condition on '{attribute}' needs a set of values, got {values!r}; write [{values!r}].")
        object.__setattr__(self, "attribute", attribute)
        object.__setattr__(self, "values", values if callable(values) else tuple(values))


@dataclass(frozen=True)
class Rule:
    """If all conditions of the premise hold, then the conclusion does.

    Args:
        premise: conditions joined by "and"; empty for a default rule, which applies when no other rule about the same
            attribute does.
        conclusion: one condition.
        name: what messages and explanations call it; None for its number.
        r: how possible it is that the premise holds and the conclusion does not; 0 for a rule without exceptions.
        s: how possible it is that the conclusion holds though the premise does not; 1 for a mere "if", 0 for "iff".

    Raises:
        UsageError: r or s is no number in [0, 1].
    """

    premise: tuple[Condition, ...]
    conclusion: Condition
    name: str | None = None
    r: float = 0.0
    s: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "premise", tuple(self.premise))
        for key, degree in (("r", self.r), ("s", self.s)):
            number = isinstance(degree, int | float) and not isinstance(degree, bool)
            if not number or not 0 <= degree <= 1:  # NaN fails the comparison
                raise UsageError(f"Rule {self.label}: {key} is a degree between 0 and 1, got {degree!r}.")

    @property
    def label(self) -> str:
        """Its name in quotes, or its text as long as it has none."""
        return f"'{self.name}'" if self.name else f"'{self}'"

    @property
    def is_default(self) -> bool:
        """Whether it applies only when no other does."""
        return not self.premise

    def __str__(self) -> str:
        premise = " and ".join(map(show_condition, self.premise))
        opening = f"{'iff' if self.s == 0 else 'if'} {premise} then" if premise else "otherwise"
        return f"{opening} {show_condition(self.conclusion)}"


def iff(premise: Mapping[str, Values], conclusion: Mapping[str, Values], name: str | None = None) -> Rule:
    """A rule whose premise and conclusion stand and fall together: r = s = 0.

    >>> str(iff({"a": [3]}, {"pair": [(3, ANY)]}))
    'iff a is {3} then pair is {(3, *)}'
    """
    return replace(if_then(premise, conclusion, name), s=0.0)


def if_then(premise: Mapping[str, Values], conclusion: Mapping[str, Values], name: str | None = None) -> Rule:
    """A rule without exceptions that says nothing about what holds without its premise: r = 0, s = 1.

    >>> str(if_then({"a1": [3], "a2": [4]}, {"sum": [7]}))
    'if a1 is {3} and a2 is {4} then sum is {7}'
    """
    if len(conclusion) != 1:
        raise UsageError(f"A rule has one conclusion, got {len(conclusion)}: {', '.join(conclusion)}.")
    (target, values), *_ = conclusion.items()
    return Rule(tuple(Condition(a, v) for a, v in premise.items()), Condition(target, values), name)


def otherwise(conclusion: Mapping[str, Values], name: str | None = None, r: float = 0.0) -> Rule:
    """A default rule: it applies when the premise of no other rule about the same attribute holds.

    >>> str(otherwise({"sum": [0]}))
    'otherwise sum is {0}'
    """
    return replace(if_then({}, conclusion, name), r=r)


def show(value: object) -> str:
    """A value as it is written in a rule's text."""
    return f"({', '.join(map(show, value))})" if isinstance(value, tuple) else str(value)


def show_condition(condition: Condition, most: int = 8) -> str:
    """A condition as it is written in a rule's text, shortened when it has many values."""
    if callable(condition.values):
        return f"{condition.attribute} is {{…}}"
    shown = [show(value) for value in condition.values[:most]]
    if len(condition.values) > most:
        shown.append(f"… {len(condition.values) - most} more")
    return f"{condition.attribute} is {{{', '.join(shown)}}}"


def _is_value(value: object) -> bool:
    if isinstance(value, tuple):
        return all(_is_value(part) and not isinstance(part, tuple) for part in value)
    return isinstance(value, int | str) and not isinstance(value, bool)


def _check_value(value: object, owner: str) -> None:
    if not _is_value(value) or value == "":
        raise UsageError(
            f"{owner}: {value!r} is no value; values are whole numbers, words, or tuples of these (quote yes, no, on, "
            "off and decimals in YAML)."
        )
    if value == ANY or (isinstance(value, tuple) and ANY in value):
        raise UsageError(f"{owner}: '{ANY}' stands for any value in a rule and cannot itself be a value of a domain.")


def _matches(pattern: tuple[Atom, ...], value: Value) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) == len(pattern)
        and all(p in (ANY, v) for p, v in zip(pattern, value, strict=True))
    )
