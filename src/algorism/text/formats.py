"""Formats: how a problem is written, and how an answer is read back. A format is transforms joined by "+".

Transforms apply by stage, so "reverse+dollar" and "dollar+reverse" are one format; reading goes the other way round.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

import algorism.text.positional
import algorism.text.scratchpad  # noqa: F401  (both register their transforms)
from algorism.errors import DataError, UsageError, nearest
from algorism.tasks.numbers import Numbers
from algorism.tasks.operators import OPERATORS
from algorism.tasks.problem import Problems
from algorism.text.draft import Draft
from algorism.text.planes import Plane, Texts
from algorism.text.reading import Parsed, canonical, split_question
from algorism.text.scratchpad import Detailed, Simplified
from algorism.text.transforms import NUMBERED, TRANSFORMS, Transform

# Importing the scratchpads registers them with TRANSFORMS; naming them here keeps that import visible.
SCRATCHPADS = (Simplified, Detailed)

# Names of the paper (arXiv 2307.03381 and its code) for combinations.
ALIASES: dict[str, str] = {
    "plain2": "dollar",
    "reverse2": "reverse-only",
    "zero_pad": "pad",
}


@dataclass(frozen=True)
class Format:
    r"""A way of writing problems and of reading answers back; made by `format_by_name`.

    >>> plain = format_by_name("plain")
    >>> plain.write(Problems.of("+", [128], [367])).strings()
    ['128+367=495\n']
    >>> plain.read_answer("495\n"), plain.read_answer("4x5\n")
    ('495', None)
    """

    name: str
    transforms: tuple[Transform, ...]

    def write(self, problems: Problems, seed: int | tuple[int, ...] = 0) -> Texts:
        """The texts of all problems; `seed` matters only where `random` is true."""
        draft = Draft.of(problems, seed)
        for part in self.transforms:
            part.write(draft)
        return draft.texts()

    def read_answer(self, completion: str) -> str | None:
        """A model's completion as canonical answer text ("495", "-2", "0.8578"); None if it is no number.

        Everything from the first stop character on is ignored; leading zeros do not count.
        """
        rest = completion.partition(self.stop)[0]
        for part in reversed(self.transforms):
            undone = part.read(rest)
            if undone is None:
                return None
            rest = undone
        return canonical(rest)

    def parse(self, text: str) -> Parsed:
        """Read a whole written row back.

        Raises:
            DataError: if the text is not of this format.

        >>> format_by_name("reverse").parse("$128+367=594$")
        Parsed(operator='+', operands=('128', '367'), answer='495')
        """
        halves = self._halves(text)
        if halves is not None:
            question = split_question(halves[0])
            answer = self.read_answer(halves[1])
            if question is not None and answer is not None:
                operands = [self._operand(o) for o in question[1]]
                kept = tuple(o for o in operands if o is not None)
                if len(kept) == len(operands):
                    return Parsed(question[0], kept, answer)
        raise DataError(f"format {self.name!r} cannot read {text!r}.")

    def reference(self, problems: Problems) -> Numbers:
        """The answers this format teaches: exact ones, except where a scratchpad computes an approximation."""
        for part in self.transforms:
            other = part.reference(problems)
            if other is not None:
                return other
        return problems.answer

    @property
    def stop(self) -> str:
        """The character that ends an answer; it does not occur earlier in a completion."""
        return self._frame[2][0]

    @property
    def random(self) -> bool:
        """Whether writing draws random numbers (noisy scratchpads)."""
        return any(part.random for part in self.transforms)

    def supports(self, operator: str) -> bool:
        """Whether problems of this operator can be written."""
        try:
            self.write(_extremes(operator, 1))
        except UsageError:
            return False
        return True

    @cached_property
    def alphabet(self) -> str:
        """All characters this format can write, over all operators it supports, sorted by code point."""
        return "".join(sorted(set("".join(self.alphabet_for(o) for o in OPERATORS if self.supports(o)))))

    def alphabet_for(self, operator: str) -> str:
        """The characters this format can write for one operator, sorted by code point."""
        # Where writing draws, a few seeds show nearly everything; what is chosen from has its own alphabet.
        seen = {
            c
            for s in range(8 if self.random else 1)
            for t in self.write(_extremes(operator, 3), s).strings()
            for c in t
        }
        for part in self.transforms:
            seen |= set(part.characters)
        return "".join(sorted(seen | set("0123456789")))

    def max_length(self, digits: int | tuple[int, int], operator: str = "+", decimals: int | None = None) -> int:
        """Characters of the longest text of a task: what a context must hold.

        Args:
            digits: of the longest operand, as in a Task.
            operator: of the task.
            decimals: of the task; default 4 for sin and sqrt, else 0.

        >>> format_by_name("plain").max_length(3)
        13
        """
        longest = digits if isinstance(digits, int) else digits[1]
        draft = Draft.of(_extremes(operator, longest, decimals))
        draft.longest = True
        for part in self.transforms:
            part.write(draft)
        return int(draft.texts().length_n.max())

    @cached_property
    def _frame(self) -> tuple[str, str, str]:
        """The fixed parts of a row: opening, equals, closing."""
        for operator in OPERATORS:
            try:
                draft = Draft.of(_extremes(operator, 1))
                for part in self.transforms:
                    part.write(draft)
            except UsageError:
                continue
            return _text(draft.opening), _text(draft.equals), draft.closing
        raise UsageError(f"format {self.name!r} cannot write any operator.")

    def _halves(self, text: str) -> tuple[str, str] | None:
        opening, middle = self._frame[0], self._frame[1] or "="  # dialogues differ there, and are first written plainly
        for part in reversed(self.transforms):
            text = part.read_question(text)
        if not text.startswith(opening):
            return None
        question, equals, completion = text[len(opening) :].partition(middle)
        return (question, completion) if equals else None

    def _operand(self, text: str) -> str | None:
        for part in reversed(self.transforms):
            text = part.read_operand(text)
        return canonical(text)


def format_by_name(name: str) -> Format:
    """The format of this name: transforms joined by "+", or one of the paper's names.

    "plain" is without `$`; "reverse" is the paper's, with `$`; "reverse2" is without.

    Raises:
        UsageError: for an unknown part, with the nearest known one.

    >>> format_by_name("pad3+reverse+dollar").write(Problems.of("+", [92], [376])).strings()
    ['$092+376=8640$']
    """
    full = ALIASES.get(name, name)
    if name == "reverse":
        full = "reverse+dollar"
    parts: list[Transform] = []
    for word in full.replace("reverse-only", "reverse").split("+"):
        match = re.fullmatch(r"(.*?[^\d])(\d*)", word)
        base, argument = match.groups() if match else (word, "")
        if base not in TRANSFORMS or (argument and base not in NUMBERED):
            known = [*TRANSFORMS, *ALIASES]
            raise UsageError(f"Unknown format {word!r} in {name!r}. {nearest(word, known)}")
        parts.append(TRANSFORMS[base](argument))
    for needed in {p.requires for p in parts if p.requires} - {p.name for p in parts}:
        parts.append(TRANSFORMS[needed](""))
    return Format(name, tuple(sorted(parts, key=lambda part: part.stage)))


def _extremes(operator: str, digits: int, decimals: int | None = None) -> Problems:
    """Problems among which is one with the longest text in every format: edges of every number of digits."""
    if operator in ("sin", "sqrt"):
        places = 4 if decimals is None else decimals
        one = 10**places
        values = [one // 2, one, -one // 2, -one] if operator == "sin" else [one // 10, one, 2 * one, 10 * one - 1]
        return Problems.of(operator, values, decimals=places)
    ends = {0, 1, 10 ** (digits - 1), 10**digits - 1, 5 * 10 ** (digits - 1), 4 * (10**digits - 1) // 9}
    # 10..0 - 91..1 borrows everywhere and leaves a full rest under a top digit of -10: longest in differences.
    ends |= {10 ** max(digits - 2, 0), 9 * 10 ** (digits - 1) + 10 ** (digits - 1) // 9}
    pairs = np.array(np.meshgrid(np.arange(len(ends)), np.arange(len(ends)))).reshape(2, -1)
    values = sorted(ends)
    columns = [Numbers.from_ints([values[i] for i in row], places=digits) for row in pairs]
    return Problems.solve(operator, (columns[0], columns[1]))


def _text(planes: str | Sequence[Plane]) -> str:
    """The text of planes that are the same in all rows; planes that differ give nothing."""
    return planes if isinstance(planes, str) else "".join(chr(p) for p in planes if isinstance(p, int))
