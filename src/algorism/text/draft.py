"""A problem half-way to text: its parts, still in order and still separate, for transforms to change.

The row is: opening, question, equals (here the prompt ends), work, answer, closing. Shape letters: n row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import SFC64, Generator

from algorism.errors import DataError
from algorism.tasks.numbers import Numbers
from algorism.tasks.operators import operator as operator_named
from algorism.tasks.problem import Problems
from algorism.text.planes import NO_PLACE, Fact, Part, Plane, Texts, constant


@dataclass
class Written:
    """A column of numbers as it will be written.

    Attributes:
        numbers: the values.
        width: total digits to fill with leading zeros; 0 for none.
        reverse: whether all its characters, sign and point included, stand in reverse order.
        gap: text between neighbouring digits.
        hint: gives the character that stands before the digit of a place; None for none.
    """

    numbers: Numbers
    width: int = 0
    reverse: bool = False
    gap: str = ""
    hint: Callable[[int], Plane] | None = None

    def planes(self) -> list[Plane]:
        """The characters, in writing order.

        Raises:
            DataError: if a number has more digits than `width`.
        """
        planes = number_planes(self.numbers, self.width, gap=self.gap)
        planes = planes[::-1] if self.reverse else planes
        if self.hint is None:
            return planes
        behind = zip(self._digit_places(), planes, strict=True)
        return [plane for place, digit in behind for plane in ((self.hint(place), digit) if place >= 0 else (digit,))]

    def places(self) -> list[int]:
        """The place of each plane's digit, in writing order; see `number_places`."""
        places = self._digit_places()
        if self.hint is None:
            return places
        return [p for place in places for p in ((NO_PLACE, place) if place >= 0 else (place,))]

    def _digit_places(self) -> list[int]:
        places = number_places(self.numbers, self.width, gap=self.gap)
        return places[::-1] if self.reverse else places


def digit_chars(numbers: Numbers, width: int = 0) -> list[Plane]:
    """Digit characters, most significant first, holes for leading zeros unless filled up to `width`."""
    chars_dn = numbers.digits_dn + np.uint8(48)
    places = numbers.places
    if width:
        if places > width:
            if numbers.digits_dn[width:].any():
                longest = int(numbers.length_n.max())
                raise DataError(f"zero padding to {width} digits: a number has {longest}. Use a wider padding.")
            return list(chars_dn[:width][::-1])
        return [*constant("0" * (width - places)), *chars_dn[::-1]]
    if numbers.full:
        return list(chars_dn[::-1])
    planes: list[Plane] = []
    started_n = np.zeros(len(numbers), dtype=np.bool_)
    for place in range(places - 1, -1, -1):
        if place > numbers.decimals:
            started_n = started_n | (numbers.digits_dn[place] != 0)
            # The view spares a conversion of the mask.
            planes.append(chars_dn[place] * started_n.view(np.uint8))
        else:
            planes.append(chars_dn[place])
    return planes


def number_planes(numbers: Numbers, width: int = 0, gap: str = "") -> list[Plane]:
    """A column of numbers in usual order: sign, digits with `gap` between them, decimal point."""
    digits = digit_chars(numbers, width)
    if numbers.decimals:
        digits.insert(len(digits) - numbers.decimals, ord("."))
    planes: list[Plane] = []
    for k, plane in enumerate(digits):
        planes.append(plane)
        if gap and k + 1 < len(digits):
            planes += constant(gap) if isinstance(plane, int) else constant(gap, plane != 0)
    if numbers.negative_n is not None:
        planes.insert(0, numbers.negative_n * np.uint8(ord("-")))
    return planes


def number_places(numbers: Numbers, width: int = 0, gap: str = "") -> list[int]:
    """For each plane of `number_planes`, the place of its digit, the last digit's being 0; NO_PLACE if it is none."""
    digits = width or numbers.places
    places = list(range(digits - 1, -1, -1))
    if numbers.decimals:
        places.insert(digits - numbers.decimals, NO_PLACE)
    if gap:
        spaced = [[place, *[NO_PLACE] * len(gap)] for place in places]
        places = [place for group in spaced for place in group][: -len(gap)]
    return [NO_PLACE, *places] if numbers.negative_n is not None else places


@dataclass
class Draft:
    """The parts of a row, for transforms to change; `texts()` puts them together.

    Attributes:
        problems: what is asked.
        seed: for transforms that draw (noise).
        operands: as they will be written.
        answer: as it will be written.
        opening: text before the question, or planes of it where rows differ.
        symbol: text between two operands; by default the operator's symbol.
        equals: text between question and completion; the prompt ends after it.
        spacing: chance of a space before each character of the prompt.
        longest: whether transforms that draw shall write the longest they can, to find out how long that is.
        work: planes of the scratchpad, between `equals` and the answer.
        closing: text after the answer.
        noise: which parts of a scratchpad are replaced by random digits.
    """

    problems: Problems
    seed: int | tuple[int, ...]
    operands: list[Written]
    answer: Written
    opening: str | Sequence[Plane] = ""
    symbol: str | Sequence[Plane] = ""
    equals: str | Sequence[Plane] = "="
    spacing: float = 0.0
    longest: bool = False
    work: list[Plane] = field(default_factory=list)
    closing: str = "\n"
    noise: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, problems: Problems, seed: int | tuple[int, ...] = 0) -> "Draft":
        """The plain form: `128+367=495` and a newline."""
        return cls(problems, seed, [Written(o) for o in problems.operands], Written(problems.answer))

    def question(self) -> list[Plane]:
        """Planes of `a+b` or `sin(x)`."""
        symbol = self.problems.operator
        if operator_named(symbol).arity == 1:
            return [*constant(f"{symbol}("), *self.operands[0].planes(), *constant(")")]
        first, second = self.operands
        return [*first.planes(), *planes_of(self.symbol or symbol), *second.planes()]

    def texts(self) -> Texts:
        """The finished rows."""
        prompt = [*planes_of(self.opening), *self.question(), *planes_of(self.equals)]
        completion = [*self.work, *self.answer.planes(), *constant(self.closing)]
        if self.spacing:
            chances = (1.0, 1.0) if self.longest else (self.spacing, self.spacing / 10)
            prompt = spaced(prompt, chances, len(self.problems), self.seed)
            return Texts([*prompt, *completion], len(prompt), len(self.problems))
        return Texts([*prompt, *completion], len(prompt), len(self.problems), self.facts)

    def facts(self) -> list[Fact]:
        """What each plane of `texts()` is: its part of the row, and the place of its digit."""
        symbol = self.problems.operator
        if operator_named(symbol).arity == 1:
            question = [(Part.SYMBOL, NO_PLACE)] * (len(symbol) + 1)
            question += [(Part.FIRST, place) for place in self.operands[0].places()] + [(Part.SYMBOL, NO_PLACE)]
        else:
            question = [(Part.FIRST, place) for place in self.operands[0].places()]
            question += [(Part.SYMBOL, NO_PLACE)] * len(self.symbol or symbol)
            question += [(Part.SECOND, place) for place in self.operands[1].places()]
        return [
            *[(Part.OPENING, NO_PLACE)] * len(self.opening),
            *question,
            *[(Part.EQUALS, NO_PLACE)] * len(self.equals),
            *[(Part.WORK, NO_PLACE)] * len(self.work),
            *[(Part.ANSWER, place) for place in self.answer.places()],
            *[(Part.CLOSING, NO_PLACE)] * len(self.closing),
        ]


def planes_of(text: str | Sequence[Plane]) -> list[Plane]:
    """Planes of a text that all rows share, or the planes as they are."""
    return constant(text) if isinstance(text, str) else list(text)


def spaced(planes: Sequence[Plane], chances: tuple[float, float], n: int, seed: int | tuple[int, ...]) -> list[Plane]:
    """The planes with random spaces: before each character one with the first chance, then another with the second.

    The rule of the public code for arXiv 2402.09371, where each chance is a tenth of the one before; spaces from the
    third on are left out.
    """
    rng = Generator(SFC64((seed, 11) if isinstance(seed, int) else (*seed, 11)))
    out: list[Plane] = []
    for plane in planes:
        there_n = np.ones(n, dtype=np.bool_) if isinstance(plane, int) else plane != 0
        once_n = there_n & (rng.random(n) < chances[0])
        out += [*constant(" ", once_n), *constant(" ", once_n & (rng.random(n) < chances[1])), plane]
    return out
