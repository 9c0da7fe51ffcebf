"""Transforms that say, or hide, where a digit stands: index hints, random spaces, a recursive scratchpad, dialogues.

Index hints are of arXiv 2310.16028, the others of arXiv 2311.14737 (Positional Description Matters). Of the latter the
text was not at hand: chances, templates and the frame of the scratchpad are this package's choice where noted.
"""

import re

import numpy as np
from numpy.random import SFC64, Generator

from algorism.errors import ShapeError, UsageError
from algorism.text.columns import one_digit, small_number, steps
from algorism.text.draft import Draft, planes_of
from algorism.text.planes import Plane, constant
from algorism.text.tokenizers import HINTS
from algorism.text.transforms import Transform, transform


@transform
class IndexHints(Transform):
    """Before every digit a letter for its place, the same in operands and sum, from a random start: `A0B5C4+A0B3C7=`.

    Operands are padded to the sum's digits, so that every digit of the sum has its two digits (arXiv 2310.16028).
    """

    name = "hints"
    stage = 2  # read before "reverse" turns the answer, so that a hint stands before its digit
    random = True
    requires = "pad"
    characters = HINTS

    def write(self, draft: Draft) -> None:
        if draft.problems.operator not in ("+", "-"):
            raise UsageError(f"format 'hints' writes + and -, not {draft.problems.operator!r}.")
        width = draft.answer.width
        if width > len(HINTS):
            raise ShapeError(f"format 'hints': there are {len(HINTS)} hints, but {width} digits. Use shorter numbers.")
        key = (draft.seed, 12) if isinstance(draft.seed, int) else (*draft.seed, 12)
        start_n = Generator(SFC64(key)).integers(0, len(HINTS) - width + 1, len(draft.problems))
        letters = np.frombuffer(HINTS.encode("latin-1"), dtype=np.uint8)
        for written in (*draft.operands, draft.answer):
            written.width = width
            written.hint = lambda place: letters[start_n + width - 1 - place]

    def read(self, completion: str) -> str | None:
        """Take the hints away; None where hints and digits do not take turns."""
        hints, digits = completion[0::2], completion[1::2]
        return digits if len(hints) == len(digits) and set(hints) <= set(HINTS) else None

    def read_question(self, question: str) -> str:
        """Take the hints before the equals sign away."""
        asked, equals, answer = question.partition("=")
        return re.sub(rf"[{HINTS}](?=[0-9])", "", asked) + equals + answer


@transform
class Spaces(Transform):
    """Random spaces between the characters before the answer, so that distance says little: `12 8 +3 6  7=495`.

    The chance is 30 % (not given in the paper), and a tenth of that for a second space.
    """

    name = "spaces"
    stage = 4
    random = True
    characters = " "

    def write(self, draft: Draft) -> None:
        draft.spacing = 0.3

    def read_question(self, question: str) -> str:
        """Take the spaces before the equals sign away."""
        asked, equals, answer = question.partition("=")
        return asked.replace(" ", "") + equals + answer


@transform
class Recursive(Transform):
    """After every digit the rest of the problem is written again, so that each step is the same short task.

    `239+821=0+9+1:01,:0,32+28=1+3+2:6,:06,2+8=0+2+8:01,:060,:0601`: carry and two digits, their sum reversed, the
    result so far, the rest of both numbers reversed. Numbers are padded to one length.
    """

    name = "recursive"
    stage = 2
    requires = "pad"

    def write(self, draft: Draft) -> None:
        if draft.problems.operator != "+":
            raise UsageError(f"format 'recursive' writes +, not {draft.problems.operator!r}.")
        worked = steps("+", *draft.operands)
        planes: list[Plane] = []
        for place in range(worked.places):
            carry_n = worked.carry_out_dn[place]
            planes += [*small_number(worked.carry_in_dn[place], None), *constant("+")]
            planes += [one_digit(worked.a_dn[place], None), *constant("+"), one_digit(worked.b_dn[place], None)]
            planes += [*constant(":"), one_digit(worked.digit_dn[place], None), *constant("1", carry_n == 1)]
            planes += [
                *constant(",:"),
                *[one_digit(worked.digit_dn[k], None) for k in range(place + 1)],
                *constant(","),
            ]
            rest = range(place + 1, worked.places)
            if rest:
                planes += [one_digit(worked.a_dn[k], None) for k in rest] + constant("+")
                planes += [one_digit(worked.b_dn[k], None) for k in rest] + constant("=")
        draft.work = [*planes, *constant(":")]
        draft.answer.reverse = True

    def read(self, completion: str) -> str | None:
        """What stands behind the last colon, reversed."""
        return completion.rpartition(":")[2][::-1]


# (before the first number, between the numbers, before the sum). Test templates never occur in training.
TEMPLATES: tuple[tuple[str, str, str], ...] = (
    ("Student: can you add ", " and ", "? Teacher: the sum is "),
    ("Student: what is ", " plus ", "? Teacher: that makes "),
    ("Anna: I have ", " stamps and get ", " more. Ben: then you have "),
    ("Guest: my room costs ", " and the meals cost ", ". Clerk: you pay "),
    ("Child: I counted ", " red and ", " blue marbles. Mother: together they are "),
    ("Boss: we sold ", " in May and ", " in June. Clerk: in both months "),
    ("Lea: my book has ", " pages, yours has ", ". Tom: both have "),
    ("Driver: first ", " miles, then ", ". Guide: the whole way is "),
    ("Farmer: ", " hens here, ", " there. Neighbour: in all you keep "),
    ("Nurse: please add up ", " and ", ". Doctor: I get "),
    ("Max: the shirt is ", ", the coat ", ". Eva: for both you pay "),
    ("Judge: the first round gave ", " points, the second ", ". Clerk: total "),
    ("Ida: we walked ", " steps today, ", " yesterday. Jan: so on both days "),
    ("Cook: ", " plates are clean, ", " are not. Helper: we own "),
    ("Editor: part one has ", " words, part two ", ". Author: the text has "),
    ("Visitor: it is sunny. How much are ", " and ", "? Guide: they are "),
    ("Pupil: my task says ", " + ", ". Tutor: the result is "),
    ("Kim: tell me the sum of ", " and ", ". Lou: it is "),
    ("Smith: I ordered ", " nails and ", " screws. Shop: we send pieces: "),
    ("Clara: our town had ", " people, then ", " came. Paul: now it has "),
)
TEST_TEMPLATES: tuple[tuple[str, str, str], ...] = (
    ("Teacher: please add ", " to ", ". Student: I get "),
    ("Rosa: my cat eats ", " a year, my dog ", ". Otto: together that is "),
    ("Host: ", " guests came early, ", " late. Friend: that were "),
    ("Nina: do you know what ", " and ", " are? Carl: they make "),
)


class _Dialogue(Transform):
    """What both forms of dialogue share."""

    stage = 3
    random = True
    numbered = True
    templates = TEMPLATES
    characters = "".join(text for texts in TEMPLATES for text in texts)

    def __init__(self, digits: str = "") -> None:
        self.digits = int(digits) if digits else 0

    def write(self, draft: Draft) -> None:
        if draft.problems.operator != "+":
            raise UsageError(f"format 'dialogue' writes +, not {draft.problems.operator!r}.")
        n = len(draft.problems)
        rng = Generator(SFC64((draft.seed, 13) if isinstance(draft.seed, int) else (*draft.seed, 13)))
        spoken_n = np.ones(n, dtype=np.bool_)
        if self.digits:
            spoken_n = (draft.problems.digits_n <= self.digits) & (rng.random(n) < 0.5)
        if draft.longest:
            longest = max(range(len(self.templates)), key=lambda k: len("".join(self.templates[k])))
            spoken_n, template_n = np.ones(n, dtype=np.bool_), np.full(n, longest)
        else:
            template_n = np.where(spoken_n, rng.integers(0, len(self.templates), n), -1)
        parts: list[list[Plane]] = [planes_of("$"), constant("+", ~spoken_n), constant("=", ~spoken_n)]
        for k, texts in enumerate(self.templates):
            for planes, text in zip(parts, texts, strict=True):
                planes += constant(text, template_n == k)
        draft.opening, draft.symbol, draft.equals = parts
        draft.closing = "$"

    def read_question(self, question: str) -> str:
        """The two numbers and the sum of a dialogue, written plainly."""
        numbers = re.findall(r"[0-9]+", question)
        return "${}+{}={}$".format(*numbers) if len(numbers) == 3 else question

    def __str__(self) -> str:
        return f"{self.name}{self.digits or ''}"


@transform
class Dialogue(_Dialogue):
    """A short dialogue around the sum: `$Student: can you add 842 and 62? Teacher: the sum is 904$`.

    `dialogue3` writes every second sum of at most 3 digits so, and all others plainly. The 20 templates are ours.
    """

    name = "dialogue"


@transform
class OtherDialogue(_Dialogue):
    """The same with templates that `dialogue` does not have, for tests."""

    name = "other-dialogue"
    templates = TEST_TEMPLATES
    characters = "".join(text for texts in TEST_TEMPLATES for text in texts)
