"""A problem half-way to text: its parts, still in order and still separate, for transforms to change.

The row is: opening, question, equals (here the prompt ends), work, answer, closing. Shape letters: n row.
"""

from dataclasses import dataclass, field

import numpy as np

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
    """

    numbers: Numbers
    width: int = 0
    reverse: bool = False
    gap: str = ""

    def planes(self) -> list[Plane]:
        """The characters, in writing order.

        Raises:
            DataError: if a number has more digits than `width`.
        """
        planes = number_planes(self.numbers, self.width, gap=self.gap)
        return planes[::-1] if self.reverse else planes

    def places(self) -> list[int]:
        """The place of each plane's digit, in writing order; see `number_places`."""
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
        opening: text before the question.
        equals: text between question and completion; the prompt ends after it.
        work: planes of the scratchpad, between `equals` and the answer.
        closing: text after the answer.
        noise: which parts of a scratchpad are replaced by random digits.
    """

    problems: Problems
    seed: int | tuple[int, ...]
    operands: list[Written]
    answer: Written
    opening: str = ""
    equals: str = "="
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
        return [*first.planes(), *constant(symbol), *second.planes()]

    def texts(self) -> Texts:
        """The finished rows."""
        prompt = [*constant(self.opening), *self.question(), *constant(self.equals)]
        completion = [*self.work, *self.answer.planes(), *constant(self.closing)]
        return Texts([*prompt, *completion], len(prompt), len(self.problems), self.facts)

    def facts(self) -> list[Fact]:
        """What each plane of `texts()` is: its part of the row, and the place of its digit."""
        symbol = self.problems.operator
        if operator_named(symbol).arity == 1:
            question = [(Part.SYMBOL, NO_PLACE)] * (len(symbol) + 1)
            question += [(Part.FIRST, place) for place in self.operands[0].places()] + [(Part.SYMBOL, NO_PLACE)]
        else:
            question = [(Part.FIRST, place) for place in self.operands[0].places()]
            question += [(Part.SYMBOL, NO_PLACE)] * len(symbol)
            question += [(Part.SECOND, place) for place in self.operands[1].places()]
        return [
            *[(Part.OPENING, NO_PLACE)] * len(self.opening),
            *question,
            *[(Part.EQUALS, NO_PLACE)] * len(self.equals),
            *[(Part.WORK, NO_PLACE)] * len(self.work),
            *[(Part.ANSWER, place) for place in self.answer.places()],
            *[(Part.CLOSING, NO_PLACE)] * len(self.closing),
        ]
