"""Rule following in `number_cookbook`: a network that writes the chain of a rule, and one that answers at once."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..evaluation.suites.rules import MARKER, Problem, check
from ..evaluation.suites.rules.chains import problem
from ..tasks.numeracy import Item, combination
from ._lines import Line, Lines, continuations, train_lines
from ._number_cookbook import config, device, drawn, recipe

if TYPE_CHECKING:
    from .number_cookbook import Settings

RULE = "add-integer"


class ChainTokens:
    """Chains as ids: what a line of the rule always says is one token, each character of a value one.

    >>> tokens, asked = ChainTokens("add-integer"), Problem("add-integer", ("57", "8"))
    >>> from algorism.evaluation.suites.rules import chain
    >>> ids, prompt = tokens.line(asked)
    >>> tokens.text(ids[prompt:-1]) == chain(asked), tokens.text(ids[:prompt])
    (True, '57+8=')
    """

    stop = 1

    def __init__(self, name: str) -> None:
        pieces: dict[str, None] = dict.fromkeys("0123456789+=")
        for operands in (("0", "0"), ("99", "9")):  # between them they execute every line
            for piece in self._pieces(Problem(name, operands)):
                pieces.setdefault(piece)
        self.pieces = ["", "", *pieces]
        self.ids = {piece: at for at, piece in enumerate(self.pieces) if piece}

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        return len(self.pieces)

    @staticmethod
    def _pieces(asked: Problem) -> list[str]:
        found: list[str] = []
        fixed = ""
        for step in asked.steps:
            fixed += step.code
            for at, (name, value) in enumerate(step.values):
                fixed += (", " if at else "  # ") + (f"{name} = " if name else "")
                before, inner, after = re.fullmatch(r"('?)(.*?)('?)", value).groups()  # type: ignore[union-attr]
                found += [fixed + before, *inner]
                fixed = after
            fixed += "\n"
            if not step.values:
                found.append(fixed)
                fixed = ""
        return [*found, f"{fixed}{MARKER} ", *asked.answer]

    def line(self, asked: Problem) -> Line:
        """A problem and its chain."""
        prompt = [self.ids[c] for c in f"{'+'.join(asked.operands)}="]
        return [*prompt, *(self.ids[piece] for piece in self._pieces(asked)), self.stop], len(prompt)

    def at_once(self, asked: Problem) -> Line:
        """A problem and its answer alone."""
        prompt = [self.ids[c] for c in f"{'+'.join(asked.operands)}="]
        return [*prompt, *(self.ids[c] for c in asked.answer), self.stop], len(prompt)

    def text(self, ids: Sequence[int]) -> str:
        """The text of ids."""
        return "".join(self.pieces[i] for i in ids)


def followed(scale: "Settings", seed: int) -> dict[str, Any]:
    """Train both kinds with each seed, ask sums of trained lengths and one digit more, and check every line."""
    tokens, row = ChainTokens(RULE), combination(RULE)
    longest = scale.rule_digits
    asked = [item for length in range(2, longest + 2) for item in row.items(length, scale.test, seed=10**6)]
    held = {item.body for item in asked}
    some = [
        [
            problem(item)
            for item in row.items(length, min(scale.pool // 3, 100**length // 3), seed)
            if item.body not in held
        ]
        for length in range(1, longest + 1)
    ]
    found: dict[str, Any] = {"chain": [], "direct": []}
    jobs = []
    for write in (tokens.line, tokens.at_once):
        tested = [write(problem(item)) for item in asked]
        shape = config(scale, tokens.vocab_size, max(len(ids) for ids, _ in tested) + 4)
        plan = _plan(scale)
        make = drawn([[write(one) for one in group] for group in some])
        jobs += [Lines(shape, make, plan, seed + k, device=device(scale)) for k in range(scale.seeds)]
    trained = train_lines(jobs)
    for one in trained[: scale.seeds]:
        lines = [tokens.line(problem(item)) for item in asked]
        texts = [tokens.text(ids) for ids in continuations(one.model, lines, tokens.stop)]
        found["chain"].append([_checked(item, text) for item, text in zip(asked, texts, strict=True)])
    for one in trained[scale.seeds :]:
        lines = [tokens.at_once(problem(item)) for item in asked]
        texts = [tokens.text(ids) for ids in continuations(one.model, lines, tokens.stop)]
        found["direct"].append([[item.length, text == item.answer] for item, text in zip(asked, texts, strict=True)])
    inside = [problem(item) for item in asked if item.length <= longest]
    sizes = [[len(ids) - prompt for ids, prompt in map(write, inside)] for write in (tokens.line, tokens.at_once)]
    return {**found, "tokens": [sum(size) / len(inside) for size in sizes]}


def _plan(scale: "Settings") -> Any:
    from dataclasses import replace

    return replace(recipe(scale, scale.rule_steps), batch=scale.rule_batch)


def _checked(item: Item, text: str) -> list[Any]:
    verdict = check(problem(item), text)
    return [item.length, verdict.correct, verdict.valid, verdict.kind]
