"""English number words, read by grammar: "two thousand three hundred and five" is 2305, "five seven" is nothing."""

from decimal import Decimal
from fractions import Fraction


def word_set(text: str) -> frozenset[str]:
    """A set of the words of a text.

    >>> sorted(word_set("so thus"))
    ['so', 'thus']
    """
    return frozenset(text.split())


_ONES = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
_TEENS = {"ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16}
_TEENS |= {"seventeen": 17, "eighteen": 18, "nineteen": 19}
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70}
_TENS |= {"eighty": 80, "ninety": 90}
SCALES = {
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "quadrillion": 10**15,
    "quintillion": 10**18,
}
_PARTS = {"half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7}
_PARTS |= {"eighth": 8, "ninth": 9, "tenth": 10, "twelfth": 12, "hundredth": 100, "thousandth": 1000}
_PARTS |= {f"{name}s": size for name, size in _PARTS.items() if name not in ("half", "halves")}

NUMBER_WORDS = frozenset({"zero", "hundred"} | set(_ONES) | set(_TEENS) | set(_TENS) | set(SCALES))
PART_WORDS = frozenset(_PARTS)


def _below_hundred(words: list[str], at: int) -> tuple[int, int]:
    word = words[at] if at < len(words) else ""
    if word in _TENS:
        following = words[at + 1] if at + 1 < len(words) else ""
        return (_TENS[word] + _ONES[following], at + 2) if following in _ONES else (_TENS[word], at + 1)
    value = _ONES.get(word) or _TEENS.get(word) or 0
    return value, at + bool(value)


def _below_thousand(words: list[str], at: int) -> tuple[int, int]:
    """A value of 1-999 (or "twelve hundred") starting at a word, and where it ends; 0 when there is none."""
    value, end = _below_hundred(words, at)
    if not value and words[at : at + 1] == ["a"] and words[at + 1 : at + 2] == ["hundred"]:
        value, end = 1, at + 1
    if value and words[end : end + 1] == ["hundred"]:
        joined = end + 2 if words[end + 1 : end + 2] == ["and"] else end + 1
        rest, rest_end = _below_hundred(words, joined)
        return (value * 100 + rest, rest_end) if rest else (value * 100, end + 1)
    return value, end


def _whole(words: list[str], at: int) -> tuple[int | None, int]:
    if words[at : at + 1] == ["zero"]:
        return 0, at + 1
    total, end, smallest = 0, at, 10**21
    while True:
        start = end + 1 if total and words[end : end + 1] == ["and"] else end
        if not total and words[start : start + 1] == ["a"] and words[start + 1 : start + 2]:
            value, after = (1, start + 1) if words[start + 1] in SCALES else _below_thousand(words, start)
        else:
            value, after = _below_thousand(words, start)
        if not value:
            break
        scale = SCALES.get(words[after], 1) if after < len(words) else 1
        if scale >= smallest or value * scale >= smallest:
            break
        total, end, smallest = total + value * scale, after + (scale > 1), scale
        if scale == 1:
            break
    return (total, end) if total else (None, at)


def read_words(words: list[str], at: int = 0) -> tuple[int | Decimal | Fraction | None, int]:
    """Read the longest number that starts at one word.

    Args:
        words: lower-case words, hyphens already split ("twenty", "one").
        at: index of the first word.

    Returns:
        The value (None when no number starts there, or when words that follow make it none) and the index after it.

    >>> read_words("two thousand three hundred and five apples".split())
    (2305, 6)
    >>> read_words("three point one four".split()), read_words("two thirds".split())
    ((Decimal('3.14'), 4), (Fraction(2, 3), 2))
    >>> read_words("nineteen eighty four".split())
    (None, 3)
    """
    if words[at : at + 1] == ["half"]:
        return Fraction(1, 2), at + 1
    if words[at : at + 1] == ["a"] and at + 1 < len(words) and words[at + 1] in _PARTS:
        return Fraction(1, _PARTS[words[at + 1]]), at + 2
    value, end = _whole(words, at)
    if value is None:
        return None, at
    if words[end : end + 1] == ["point"]:
        digits = ""
        while end + 1 + len(digits) < len(words):
            word = words[end + 1 + len(digits)]
            if word not in _ONES and word != "zero":
                break
            digits += str(_ONES.get(word, 0))
        if digits:
            return Decimal(f"{value}.{digits}"), end + 1 + len(digits)
    if end < len(words) and words[end] in _PARTS:
        return Fraction(value, _PARTS[words[end]]), end + 1
    if words[end : end + 2] == ["and", "a"] and end + 2 < len(words) and words[end + 2] in _PARTS:
        return value + Fraction(1, _PARTS[words[end + 2]]), end + 3
    if end < len(words) and words[end] in NUMBER_WORDS:  # "five seven nine": no English number
        while end < len(words) and words[end] in NUMBER_WORDS:
            end += 1
        return None, end
    return value, end
