"""Numbers in four representations as tokens for small networks: chunks of digits, reversal, zero padding, index hints.

The tricks of the number cookbook (arXiv 2411.03766) for networks trained from scratch, each a field of a `Writing`, so
that they combine freely, and each with an exact inverse on answers. A line is
`[bos] A [operator] B [=] answer [eos]`; the parts of a number (before and behind its point, its exponent; above and
below its line) stand apart by one common separator.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from algorism.errors import DataError, ShapeError, UsageError, nearest
from algorism.tasks.numeracy import Item, Representation, write

PAD, BOS, EOS, EQUALS, SEPARATOR = range(5)
MARKS: dict[Representation, str] = {"integer": "", "float": ".", "fraction": "/", "scientific": ".e"}
_SPLIT = str.maketrans("./e", "   ", "()")
CUTS, REVERSALS = ("aligned", "left", "random"), ("no", "int", "dec", "each", "total")


@dataclass(frozen=True)
class Writing:
    """How numbers are written.

    Args:
        chunk: digits a token may have, 1 to 3.
        cut: where chunks are counted from: "aligned" is from the point (decimals from the left, all other parts from
            the right), "left" from the left everywhere; "random" cuts chunks of random length from the left.
        reverse: parts whose tokens are in reverse order: "no", "int" (all but decimals), "dec", "each"; "total" is
            each, and the order of the parts as well. 12.19 becomes 21.19, 12.91, 21.91, 91.21.
        pad: zeros in both operands, on the far side from the point, up to the longer one's length, part by part.
        hints: before each token of an operand a symbol for its place, from a random start that both operands share.

    Raises:
        UsageError: an unknown value.
    """

    chunk: int = 1
    cut: Literal["aligned", "left", "random"] = "aligned"
    reverse: Literal["no", "int", "dec", "each", "total"] = "no"
    pad: bool = False
    hints: bool = False

    def __post_init__(self) -> None:
        """Refuse unknown values."""
        if self.chunk not in (1, 2, 3):
            raise UsageError(f"Writing: expected a chunk of 1, 2 or 3 digits, got {self.chunk}.")
        for name, known in (("cut", CUTS), ("reverse", REVERSALS)):
            if getattr(self, name) not in known:
                raise UsageError(
                    f"Writing: unknown {name} {getattr(self, name)!r}. {nearest(getattr(self, name), known)}"
                )


class NumberTokens:
    """Questions on numbers to ids, answers back.

    Args:
        chunk: digits of the longest token; a `Writing` with shorter chunks may be used as well.
        operators: symbols for tasks; one for networks of a single task.
        places: hint symbols for each part of a number, 0 for none.

    >>> tokens = NumberTokens(chunk=3)
    >>> tokens.vocab_size, tokens.show(tokens.question(["1234", "12.5"], Writing(3, reverse="each")))
    (1116, '<bos> 234 1 <op0> 12 . 5 =')
    """

    def __init__(self, chunk: int = 1, operators: int = 1, places: int = 0) -> None:
        self.chunk, self.operators, self.places = chunk, operators, places
        first = 5 + operators
        # "0", "00" and "007" are tokens of their own: chunks of each length have their own range of ids.
        self._first = [first, *accumulate((10**d for d in range(1, chunk + 1)), initial=first)]
        self._hints = self._first[-1]
        self.vocab_size = self._hints + 3 * places

    def line(
        self, item: Item, writing: Writing, rng: random.Random | None = None, operator: int = 0
    ) -> tuple[list[int], int]:
        """A question with its answer as ids, and how many of them are the question.

        Args:
            item: the question.
            writing: how.
            rng: for random cuts and hints; None where neither is wanted.
            operator: which task symbol.
        """
        asked = self.question([write(value) for value in item.operands], writing, rng, operator)
        return [*asked, *self.answer(item.answer, writing, rng)], len(asked)

    def question(
        self, operands: Sequence[str], writing: Writing, rng: random.Random | None = None, operator: int = 0
    ) -> list[int]:
        """Ids of one or two operands, from the beginning to the equals sign.

        Raises:
            ShapeError: more places than there are hint symbols.
            UsageError: something random without `rng`.
        """
        numbers = [_parts(text) for text in operands]
        decimals = [_decimals(text) for text in operands]
        if writing.pad and len(numbers) == 2 and len(numbers[0]) == len(numbers[1]):
            numbers = _padded(numbers, decimals[0])
        cut = [
            [self._cut(part, at == place, writing, rng) for at, part in enumerate(parts)]
            for parts, place in zip(numbers, decimals, strict=True)
        ]
        start = self._start(cut, rng) if writing.hints else None
        ids = [BOS]
        for at, (parts, place) in enumerate(zip(cut, decimals, strict=True)):
            ids += [5 + operator] if at else []
            ids += self._number(parts, place, writing, start)
        if len(operands) == 1:
            ids.append(5 + operator)
        return [*ids, EQUALS]

    def answer(self, text: str, writing: Writing, rng: random.Random | None = None) -> list[int]:
        """Ids of an answer and the end; never padded, never hinted."""
        place = _decimals(text)
        parts = [self._cut(part, at == place, writing, rng) for at, part in enumerate(_parts(text))]
        return [*self._number(parts, place, writing, None), EOS]

    def read(self, ids: Sequence[int], representation: Representation, writing: Writing) -> str:
        """The answer that was written, "" if it is no number of that form.

        >>> tokens, way = NumberTokens(2), Writing(2, reverse="total")
        >>> tokens.read(tokens.answer("12.345", way), "float", way)
        '12.345'
        """
        parts: list[list[str]] = [[]]
        for i in ids:
            if i == EOS:
                break
            if i == SEPARATOR:
                parts.append([])
            elif 5 + self.operators <= i < self._hints:
                parts[-1].append(self._digits(i))
            else:
                return ""
        marks = MARKS[representation]
        if len(parts) != len(marks) + 1 or not all(parts):
            return ""
        if writing.reverse == "total":
            parts.reverse()
        place = 1 if "." in marks else None
        texts = ["".join(part[::-1] if _turned(at == place, writing) else part) for at, part in enumerate(parts)]
        return "".join(text + mark for text, mark in zip(texts, [*marks, ""], strict=True))

    def show(self, ids: Sequence[int]) -> str:
        """Ids as people read them."""
        return " ".join(self._shown(i) for i in ids)

    def _shown(self, i: int) -> str:
        if i >= self._hints:
            part, place = divmod(i - self._hints, self.places)
            return f"<{'abc'[part]}{place}>"
        names = ["<pad>", "<bos>", "<eos>", "=", ".", *(f"<op{k}>" for k in range(self.operators))]
        return names[i] if i < len(names) else self._digits(i)

    def _digits(self, i: int) -> str:
        for length in range(self.chunk, 0, -1):
            if i >= self._first[length]:
                return str(i - self._first[length]).zfill(length)
        raise DataError(f"NumberTokens: id {i} is no chunk of digits.")

    def _cut(self, part: str, decimal: bool, writing: Writing, rng: random.Random | None) -> list[int]:
        """Ids of a part's chunks, in the order of the digits."""
        size = writing.chunk
        if size > self.chunk:
            raise UsageError(f"NumberTokens has chunks of {self.chunk} digits at most, got a writing of {size}.")
        if size == 1:
            return [self._first[1] + ord(digit) - 48 for digit in part]
        if writing.cut == "random":
            chunks, rng = [], _needed(rng)
            while part:
                length = rng.randint(1, size)
                chunks.append(part[:length])
                part = part[length:]
        else:
            first = 0 if decimal or writing.cut == "left" else len(part) % size
            chunks = [part[:first]] * bool(first) + [part[k : k + size] for k in range(first, len(part), size)]
        return [self._first[len(chunk)] + int(chunk) for chunk in chunks]

    def _number(self, parts: list[list[int]], place: int | None, writing: Writing, start: int | None) -> list[int]:
        written = []
        for at, ids in enumerate(parts):
            if start is not None:
                # From the point outwards: so equal symbols stand before digits of equal worth, decimals too.
                order = range(len(ids)) if at == place else range(len(ids) - 1, -1, -1)
                base = self._hints + at * self.places + start
                pairs = [[base + far, i] for far, i in zip(order, ids, strict=True)]
            else:
                pairs = [[i] for i in ids]
            written.append(pairs[::-1] if _turned(at == place, writing) else pairs)
        if writing.reverse == "total":
            written.reverse()
        ids = [i for pair in written[0] for i in pair]
        for pairs in written[1:]:
            ids.append(SEPARATOR)
            ids += [i for pair in pairs for i in pair]
        return ids

    def _start(self, numbers: list[list[list[int]]], rng: random.Random | None) -> int:
        longest = max(len(part) for parts in numbers for part in parts)
        if longest > self.places:
            raise ShapeError(f"Index hints: {longest} places, but NumberTokens(places={self.places}). Give it more.")
        return _needed(rng).randint(0, self.places - longest)


def _needed(rng: random.Random | None) -> random.Random:
    if rng is None:
        raise UsageError("Random cuts and index hints need a generator: pass rng=random.Random(seed).")
    return rng


def _parts(text: str) -> list[str]:
    return text.translate(_SPLIT).split()


def _decimals(text: str) -> int | None:
    """Which part is decimals."""
    return 1 if "." in text else None


def _turned(decimal: bool, writing: Writing) -> bool:
    return writing.reverse in ("each", "total") or writing.reverse == ("dec" if decimal else "int")


def _padded(numbers: list[list[str]], place: int | None) -> list[list[str]]:
    sizes = [max(len(a), len(b)) for a, b in zip(*numbers, strict=True)]
    return [
        [
            part.ljust(size, "0") if at == place else part.rjust(size, "0")
            for at, (part, size) in enumerate(zip(parts, sizes, strict=True))
        ]
        for parts in numbers
    ]
