"""The text form of rules: `if a1 is {3} and a2 is {4} then sum is {7}`, `iff …`, `otherwise sum is {0}`.

rule      = ("if" | "iff") condition {"and" condition} "then" condition | "otherwise" condition
condition = attribute "is" (value | "{" item {"," item} "}")
item      = value | number ".." number
value     = number | word | "quoted text" | "(" (value | "*") {"," (value | "*")} ")"
"""

import re
from typing import NoReturn

from ...errors import UsageError
from .rules import ANY, MOST_VALUES, Atom, Condition, Rule, Value

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>-?\d+)|(?P<word>[^\W\d]\w*)|"(?P<quoted>[^"]+)"|(?P<sign>\.\.|[{}(),*])|(?P<end>$))"""
)
_KEYWORDS = {"if", "iff", "and", "then", "otherwise", "is"}


def parse_rule(text: str, name: str | None = None) -> Rule:
    """Read one rule.

    Args:
        text: its text; see the grammar above.
        name: what messages call it.

    Raises:
        UsageError: the text is no rule; the message says where and what was expected.

    >>> rule = parse_rule("if a1 is {3} and a2 is {0..2} then pair is {(3, *)}")
    >>> str(rule)
    'if a1 is {3} and a2 is {0, 1, 2} then pair is {(3, *)}'
    """
    return _Reader(text, name).rule()


def parse_values(text: str, owner: str) -> tuple[Value, ...]:
    """Read what may stand between braces: "0..9", "red, green".

    >>> parse_values("0..3, 9", "a domain")
    (0, 1, 2, 3, 9)
    """
    reader = _Reader(f"{{{text}}}", None, owner)
    values = reader.values()
    reader.expect("")
    return values


class _Reader:
    """A position in a rule's text."""

    def __init__(self, text: str, name: str | None, owner: str | None = None) -> None:
        self.text, self.name = text, name
        self.owner = owner or (f"Rule '{name}'" if name else f"Rule '{text}'")
        self.tokens: list[tuple[str, str, int]] = []  # kind, text, column
        at = 0
        while True:
            match = _TOKEN.match(text, at)
            if match is None:
                column = at + len(text[at:]) - len(text[at:].lstrip())
                raise UsageError(f"{self.owner}: cannot read {text[column]!r} at column {column + 1} of '{text}'.")
            kind = match.lastgroup or "end"
            self.tokens.append((kind, match[kind], match.start(kind)))
            if kind == "end":
                break
            at = match.end()
        self.next = 0

    def rule(self) -> Rule:
        opening = self.word()
        premise: list[Condition] = []
        if opening in ("if", "iff"):
            premise.append(self.condition())
            while self.peek() == "and":
                self.next += 1
                premise.append(self.condition())
            self.expect("then")
        elif opening != "otherwise":
            self.next -= 1
            self.fail("'if', 'iff' or 'otherwise'")
        conclusion = self.condition()
        self.expect("")
        return Rule(tuple(premise), conclusion, self.name, s=0.0 if opening == "iff" else 1.0)

    def condition(self) -> Condition:
        attribute = self.word()
        if attribute in _KEYWORDS:
            self.next -= 1
            self.fail("an attribute")
        self.expect("is")
        return Condition(attribute, self.values() if self.peek() == "{" else (self.value(),))

    def values(self) -> tuple[Value, ...]:
        self.expect("{")
        found: list[Value] = []
        if self.peek() == "}":
            raise UsageError(f"{self.owner}: an empty set {{}} allows nothing; name at least one value.")
        while True:
            found.extend(self.item())
            if self.peek() != ",":
                break
            self.next += 1
        self.expect("}")
        return tuple(found)

    def item(self) -> tuple[Value, ...]:
        first = self.value()
        if self.peek() != "..":
            return (first,)
        self.next += 1
        last = self.value()
        if not (isinstance(first, int) and isinstance(last, int) and first <= last < first + MOST_VALUES):
            raise UsageError(f"{self.owner}: {first}..{last} is no range of whole numbers from low to high.")
        return tuple(range(first, last + 1))

    def value(self) -> Value:
        if self.peek() != "(":
            return self.atom(wild=False)
        self.next += 1
        parts = [self.atom(wild=True)]
        while self.peek() == ",":
            self.next += 1
            parts.append(self.atom(wild=True))
        self.expect(")")
        return tuple(parts)

    def atom(self, wild: bool) -> Atom:
        kind, text, _ = self.tokens[self.next]
        if kind not in ("number", "word", "quoted") and not (wild and text == ANY):
            self.fail("a value")
        self.next += 1
        return int(text) if kind == "number" else text

    def word(self) -> str:
        kind, text, _ = self.tokens[self.next]
        if kind != "word":
            self.fail("a word")
        self.next += 1
        return text

    def peek(self) -> str:
        kind, text, _ = self.tokens[self.next]
        return "" if kind == "quoted" else text

    def expect(self, text: str) -> None:
        if self.tokens[self.next][1] != text:
            self.fail(f"'{text}'" if text else "the end")
        self.next += 1

    def fail(self, expected: str) -> NoReturn:
        _, text, column = self.tokens[self.next]
        got = f"'{text}' at column {column + 1}" if text else "the end"
        raise UsageError(f"{self.owner}: expected {expected}, got {got} of '{self.text}'.")
