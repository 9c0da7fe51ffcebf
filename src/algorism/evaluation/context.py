"""Judge a number by its neighbours: operand, percentage, bound, negated, hedged, or one of several answers."""

from algorism.evaluation.answer_tokens import Token
from algorism.evaluation.number_words import word_set

_OPERATOR_WORDS = word_set("plus minus times multiplied divided over mod modulo added subtracted x choose")
_FUNCTIONS = word_set(
    "sqrt root log ln sin cos tan exp square half negative opposite reciprocal twice "
    "double triple factorial gcd lcm abs floor ceil frac"
)
_BOUNDS = word_set(
    "than least most over under above below between nearly almost not never except without cannot up exceeds "
    "wrong incorrect neither nor"
)
_GLUE = word_set(
    "and or to maybe perhaps possibly probably alternatively either else even versus vs but through also then "
    "might may could"
)
_MODAL = word_set("may might could maybe perhaps possibly or either")
_CLOSING = frozenset(")]}\"'")
_LIST_PUNCTUATION = frozenset(",;.()[]{}|\"'?!…—:-*")


def refusal(tokens: list[Token], at: int, kind: str) -> str:
    """Say why a number cannot be an answer where it stands; "" when it can.

    Args:
        tokens: the whole text.
        at: index of the number.
        kind: a fraction with spaces around its stroke is a value only for "decimal" and "fraction".

    >>> from algorism.evaluation.answer_tokens import tokenize
    >>> refusal(tokenize("123+456", "integer"), 2, "integer"), refusal(tokenize("42%", "integer"), 0, "integer")
    ('unevaluated expression', 'a percentage')
    """
    number = tokens[at]
    if _is_operand(tokens, at) or (number.spaced and kind == "integer"):
        return "unevaluated expression"
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    if after is not None and (after.text in ("%", "‰", "percent", "pct") or _text(tokens, at + 1, 2) == "per cent"):
        return "a percentage"
    if number.value is None:
        return "not a number that can be read"
    if is_hedged(tokens, at):
        return "a bound or a negation"
    if after is not None and after.text in ("is", "was", "isn't", "wasn't", "seems"):
        if after.text.endswith("n't") or any(
            t.text in ("not", "wrong", "incorrect", "false") for t in tokens[at + 2 : at + 4]
        ):
            return "a bound or a negation"
    if (
        after is not None
        and after.text == "or"
        and _text(tokens, at + 2, 1) in ("so", "more", "less", "fewer", "thereabouts")
    ):
        return "a bound or a negation"
    return ""


def _text(tokens: list[Token], start: int, count: int) -> str:
    return " ".join(t.text for t in tokens[start : start + count])


def is_hedged(tokens: list[Token], at: int, only_not: bool = False) -> bool:
    """Tell whether a bound or a negation stands within three tokens before a number, in its own clause."""
    for token in reversed(tokens[max(0, at - 3) : at]):
        if token.kind == "nl" or token.text in (",", ";", ".", "!", "?", ")"):
            return False
        if only_not:
            if token.text == "not" or token.text.endswith("n't"):
                return True
        elif (
            token.text in _BOUNDS
            or token.text.endswith("n't")
            or token.text in ("<", ">", "<=", ">=", "≤", "≥", "!=", "≠")
        ):
            return True
    return False


def _is_operand(tokens: list[Token], at: int) -> bool:
    left = at - 1
    while left >= 0 and (tokens[left].text in "([{\"'" or tokens[left].text in ("of", "the")):
        left -= 1
    if left >= 0:
        token = tokens[left]
        if token.kind == "op" or token.text in _FUNCTIONS or token.text.startswith("\\"):
            return True
        if token.text in _OPERATOR_WORDS or token.text == "by":
            if any(t.kind == "num" for t in tokens[max(0, left - 3) : left]):
                return True
        if token.text == ")" and left == at - 2:  # (5)(3)
            return True
    right = at + 1
    while right < len(tokens) and tokens[right].text in _CLOSING:
        right += 1
    if right >= len(tokens):
        return False
    token = tokens[right]
    if token.kind == "op":
        return token.text not in "%‰"
    if token.text in ("squared", "cubed", "factorial"):
        return True
    if token.text in _OPERATOR_WORDS:
        following = [t for t in tokens[right + 1 : right + 4] if t.text not in ("by", "(", "to", "from")]
        return bool(following) and following[0].kind == "num"
    touching = token.text == "(" and token.start == tokens[at].end
    return touching and right + 1 < len(tokens) and tokens[right + 1].kind == "num"


def alternatives(tokens: list[Token], at: int, sentences: list[tuple[int, int]], kind: str) -> str:
    """Say "several answers" when a number is one of a list, or a different number is named as possible; else "".

    >>> from algorism.evaluation.answer_tokens import tokenize
    >>> alternatives(tokenize("579 or 580", "integer"), 0, [(0, 3)], "integer")
    'several answers'
    """
    chosen = tokens[at]
    for step in (-1, 1):
        other = _next_in_list(tokens, at, step)
        if other >= 0 and tokens[other].value != chosen.value and not refusal(tokens, other, kind):
            return "several answers"
        if other >= 0 and refusal(tokens, other, kind) == "not a number that can be read":
            return "several answers"
    doubtful = _after_modal(tokens, sentences)
    modal = at in doubtful
    for other, token in enumerate(tokens):
        if token.kind != "num" or other == at or token.value == chosen.value or token.spelled:
            continue
        if not (modal or (other > at and other in doubtful)):
            continue
        if not _is_operand(tokens, other) and not is_hedged(tokens, other):
            return "several answers"
    return ""


def _next_in_list(tokens: list[Token], at: int, step: int) -> int:
    """The neighbouring number when only list punctuation and words such as "or" stand between; -1 when none."""
    scan = at + step
    lines = 0
    while 0 <= scan < len(tokens):
        token = tokens[scan]
        if token.kind == "num":
            # A result on an earlier line ("1 + 4 = 5") is working, not a first item.
            working = step < 0 and lines and scan > 0 and tokens[scan - 1].kind == "rel"
            return -1 if working or is_enumerator(tokens, scan) else scan
        lines += token.kind == "nl"
        inside = token.kind == "nl" or token.text in _LIST_PUNCTUATION or token.text in _GLUE
        if not inside or token.kind == "op" or (token.text == ":" and token.kind == "punct"):
            return -1
        scan += step
    return -1


def is_enumerator(tokens: list[Token], at: int) -> bool:
    """Tell whether a number only counts lines: "2." or "2)" at the start of a line with more behind it."""
    first = at == 0 or tokens[at - 1].kind == "nl"
    return first and at + 2 < len(tokens) and tokens[at + 1].text in (".", ")") and tokens[at + 2].kind != "nl"


def _after_modal(tokens: list[Token], sentences: list[tuple[int, int]]) -> set[int]:
    """Indices of the tokens before which "may", "maybe", "or" ... stands in their sentence."""
    doubtful: set[int] = set()
    for low, high in sentences:
        first = next((at for at in range(low, high) if tokens[at].kind == "word" and tokens[at].text in _MODAL), high)
        doubtful.update(range(first + 1, high))
    return doubtful
