"""Cut plain text into numbers, words, operators and punctuation, with signs, scales and number words put together.

Knows what a number looks like; does not know which number is the answer (see `extraction`).
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from algorism.evaluation.markup import STRUCK
from algorism.evaluation.number_words import NUMBER_WORDS, PART_WORDS, SCALES, read_words, word_set
from algorism.evaluation.values import Value, negate, ratio, read_run, simplify

_TOKEN = re.compile(
    r"""(?P<mixed>\d++\ \d++\ ?/\ ?\d++(?![.,/]?\d))
    |(?P<fraction>\d++(?:,\d{3})*+\ ?/\ ?\d++(?:,\d{3})*+(?![.,/]?\d))
    |(?P<scientific>\d++(?:\.\d++)?+\ ?[×x*]\ ?10\ ?(?:\^|\*\*)\ ?[{(]?[+-]?\d++[)}]?)
    |(?P<run>(?:\d|\.(?=\d))(?:\d|[.,'_\ ](?=\d))*+(?:[eE][+-]?\d++(?!\w))?)
    |(?P<word>[^\W\d_]++(?:'[^\W\d_]++)*+)
    |(?P<rule>[-=_─]{3,}(?!>))
    |(?P<rel>[-=]{1,3}>|==|!=|<=|>=|[=≈≠<>≤≥→])
    |(?P<op>\*\*|//|[-+*/^±÷√∛%‰×π∞]|(?<=\d):(?=\d))
    |(?P<nl>\n)
    |(?P<punct>\.{2,}|[.,;:!?()\[\]{}"'|…—])
    |(?P<other>[^\s])""",
    re.VERBOSE,
)

_UNITS = word_set("kg g mg km m cm mm s ms min hr hrs l ml lb lbs oz ft in mi mph kmh px kb mb gb kw w v usd eur gbp")
_LETTERS = re.compile(r"[A-Za-z]{1,4}(?!\w)")
_CJK_NUMERALS = frozenset("零〇一二三四五六七八九十百千万萬亿億兆両两半分割厘")
_UNREADABLE_AFTER = word_set("dozen score gross pair pairs i squared cubed factorial")
_SIGN_WORDS = frozenset(("minus", "negative"))
_BEFORE_SIGN = word_set("is are was be equals equal gives get got yields makes becomes to")


@dataclass(slots=True)
class Token:
    """A piece of a response.

    Attributes:
        kind: "num", "word", "op", "rel", "punct", "nl", "rule" or "other".
        text: as written (words in lower case).
        start, end: where it stands in the plain text.
        value: of a number; None when it cannot be read as exactly one value.
        spelled: True for a number in words, which counts only where an answer is announced.
        spaced: True for a fraction written with spaces around the stroke, which in an integer answer is a division.
    """

    kind: str
    text: str
    start: int
    end: int
    value: Value | None = None
    spelled: bool = False
    spaced: bool = False


def tokenize(text: str, kind: str) -> list[Token]:
    """Cut text into tokens; `kind` decides how a comma inside a number is read.

    Args:
        text: plain text, see `markup.plain`.
        kind: "integer", "decimal", "fraction" or "scientific".

    >>> [(t.kind, t.value) for t in tokenize("= -1,234 kg", "integer")]
    [('rel', None), ('num', -1234), ('word', None)]
    >>> [t.value for text in ("minus twenty-one", "3.5 million") for t in tokenize(text, "integer")]
    [-21, 3500000]
    """
    tokens = [_token(match, text, kind) for match in _TOKEN.finditer(text)]
    return _signed(_scaled(_spelled(tokens)), text)


def _token(match: re.Match[str], text: str, kind: str) -> Token:
    name = str(match.lastgroup)
    piece, start, end = match[0], match.start(), match.end()
    if name == "word":
        return Token("word", piece.lower(), start, end)
    if name not in ("run", "mixed", "fraction", "scientific"):
        return Token(name, piece, start, end)
    value: Value | None
    if name == "run":
        value = read_run(piece, kind)
    elif name == "scientific":
        mantissa, exponent = re.split(r" ?[×x*] ?10 ?(?:\^|\*\*) ?[{(]?", piece)
        normal = re.match(r"[1-9](?!\d)", mantissa)  # 15 × 10^2 is a product; 1.5 × 10^3 is how a number is written
        value = read_run(f"{mantissa}e{exponent.rstrip(')}')}", kind) if normal else None
    else:
        head, _, tail = piece.replace(",", "").rpartition("/")
        parts = head.split()
        value = ratio(parts[-1], tail.strip())
        if value is not None and name == "mixed":
            value = int(parts[0]) + value if value < 1 and len(parts[0]) < 4000 else None
    if not _stands_alone(text, start, end):
        value = None
    spaced = name == "fraction" and " " in piece
    return Token("num", piece, start, end, simplify(value) if value is not None else None, spaced=spaced)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Tell whether no letter, mark or struck-out text touches a number; units and scripts without case may touch it."""
    before = text[start - 1] if start else " "
    if (
        _touches(before)
        or text[start - 2 : start] == "_{"
        or (before in ".," and start > 1 and text[start - 2].isdigit())
    ):
        return False
    after = text[end] if end < len(text) else " "
    if (after == "." and text[end + 1 : end + 2] == ".") or after == "…":
        return False  # digits that go on: 3.14...
    if not _touches(after):
        return True
    letters = _LETTERS.match(text, end)
    if letters is None or letters[0] == "M":  # "5M" is five million to some and five metres to others
        return False
    return letters[0].lower() in _UNITS or letters[0] in ("k", "K")


def _touches(char: str) -> bool:
    if char.isascii():
        return char.isalpha() or char in "_\\" or char == STRUCK
    if char in _CJK_NUMERALS:
        return True
    # Scripts without case (CJK) write words against numbers; a combining mark may strike the number out.
    return char.islower() or char.isupper() or not (char.isprintable() and (char.isalpha() or not char.isalnum()))


def _spelled(tokens: list[Token]) -> list[Token]:
    """Replace runs of number words by one number token."""
    result: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.kind != "word" or not _may_start_number(tokens, at):
            result.append(token)
            at += 1
            continue
        words: list[str] = []
        index: list[int] = []  # token index of each word
        scan = at
        while scan < len(tokens):
            here = tokens[scan]
            if here.kind == "word" and (here.text in NUMBER_WORDS | PART_WORDS or here.text in ("and", "a", "point")):
                words.append(here.text)
                index.append(scan)
            elif not (
                here.text in "-," and scan + 1 < len(tokens) and tokens[scan + 1].text in NUMBER_WORDS | PART_WORDS
            ):
                break
            scan += 1
        value, used = read_words(words)
        if used == 0:
            result.append(token)
            at += 1
            continue
        last = index[used - 1]
        following = tokens[last + 1].text if last + 1 < len(tokens) else ""
        if following == "of":  # "one of the digits", "half of 10": not an answer in words
            result += tokens[at : last + 1]
        else:
            text = " ".join(words[:used])
            result.append(Token("num", text, token.start, tokens[last].end, value, spelled=True))
        at = last + 1
    return result


def _may_start_number(tokens: list[Token], at: int) -> bool:
    text = tokens[at].text
    if text == "half":
        return True
    if text == "a":
        following = tokens[at + 1].text if at + 1 < len(tokens) else ""
        return following == "hundred" or following in SCALES or following in PART_WORDS
    return text in NUMBER_WORDS and text not in SCALES and text != "hundred"


def _scaled(tokens: list[Token]) -> list[Token]:
    """Multiply "3.5 million" out; make "3 dozen" and "5k" honest: the first no number, the second 5000."""
    result: list[Token] = []
    for token in tokens:
        last = result[-1] if result else None
        if token.text in _UNREADABLE_AFTER and last is not None and last.kind == "num":
            last.value = None
        if token.kind == "word" and last is not None and last.kind == "num" and not last.spelled:
            size = SCALES.get(token.text) or (100 if token.text == "hundred" else 0)
            size = size or (1000 if token.text == "k" and token.start == last.end else 0)
            if size or token.text in PART_WORDS:
                part, _ = read_words(["one", token.text]) if not size else (size, 0)
                if len(last.text) > 4000:
                    last.value = None
                if last.value is not None and part is not None:
                    last.value = simplify(Fraction(last.value) * Fraction(part))
                last.text, last.end = f"{last.text} {token.text}", token.end
                continue
            if token.text == "k":  # "5 k", with a space
                last.value = None
        if token.kind == "num" and last is not None and last.kind == "num":
            last.value = token.value = None  # "3 million 200": two numbers side by side
        result.append(token)
    return result


def _signed(tokens: list[Token], text: str) -> list[Token]:
    """Attach signs to numbers, and turn bullets and dashes into punctuation."""
    bullets = len(re.findall(r"(?m)^ ?[-*] ", text)) > 1 or "\n" in text.strip()
    result: list[Token] = []
    for at, token in enumerate(tokens):
        before = result[-1] if result else None
        after = tokens[at + 1] if at + 1 < len(tokens) else None
        if token.kind == "num" and before is not None and _is_sign(before, result, token, bullets):
            if before.text != "+" and token.value is not None:
                token.value = negate(token.value)
            token.text, token.start = f"{before.text}{' ' * (before.kind == 'word')}{token.text}", before.start
            result[-1] = token
            continue
        if token.kind == "op" and token.text in ("-", "*", "**"):
            line_start = before is None or before.kind == "nl"
            line_end = after is None or after.kind == "nl"
            spaced = text[token.end : token.end + 1] == " " and (line_start or text[token.start - 1] == " ")
            to_word = after is not None and after.kind == "word" and len(after.text) > 1
            from_word = before is not None and before.kind == "word" and before.text not in _BEFORE_SIGN
            bullet = line_start and spaced and (token.text != "-" or bullets)
            if bullet or (token.text != "-" and line_end) or (token.text == "-" and spaced and (to_word or from_word)):
                token.kind = "punct"
        result.append(token)
    return result


def _is_sign(sign: Token, so_far: list[Token], number: Token, bullets: bool) -> bool:
    before = so_far[-2] if len(so_far) > 1 else None
    operand = before is not None and (before.kind == "num" or before.text in (")", "]", "}"))
    if sign.kind == "word":
        return sign.text in _SIGN_WORDS and not operand
    if sign.kind != "op" or sign.text not in "+-" or operand:
        return False
    if sign.end == number.start:
        # "x-5" and "Answer-5" leave open whether a sign or a dash is meant, so the minus stays an operator.
        return before is None or before.kind != "word" or before.end < sign.start
    if sign.text == "+":
        return False
    if before is None:
        return not bullets
    return before.kind == "rel" or before.text == ":" or before.text in _BEFORE_SIGN
