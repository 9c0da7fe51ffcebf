"""Read a list of numbers out of a response. Items are read one by one with the rules for single numbers."""

import re

from algorism.evaluation.answer_tokens import tokenize
from algorism.evaluation.extraction import NOTHING, Extraction, marked, window
from algorism.evaluation.markup import plain
from algorism.evaluation.values import Value

_BRACKETED = re.compile(r"[\[({]([^\[\](){}]*)[\])}]")
_ANNOUNCED = re.compile(r"(?:\b(?:is|are|be|answer|gives|get)\b|[:=→]|\bas\b)\s?")
_TIDY_END = re.compile(r"[\s.!;]+$")


def extract_sequence(response: str, marker: str | None = None) -> Extraction:
    """Read the last list a response states: in brackets, after a colon, "is" or "are", or as the whole response.

    Items are separated by semicolons or lines, else by commas, else by spaces ("1,234" is two items, "1,234; 5" too).

    >>> extract_sequence("The sorted list is [1, 2, 30].").value
    (1, 2, 30)
    >>> extract_sequence("1, 2 and 30").value, extract_sequence("1, 2 or 3").value
    ((1, 2, 30), None)
    """
    zone, _ = marked(response, marker)
    text = plain((window(response) if zone is None else zone).replace("\\{", "[").replace("\\}", "]"))
    text = _TIDY_END.sub("", text[-len(text) :].strip()) if text.strip(" .!;\n") else ""
    if not text:
        return NOTHING
    groups = list(_BRACKETED.finditer(text))
    if groups and re.search(
        r"\bor\b|\bnot\b", text[groups[-1].start() - 20 if groups[-1].start() > 20 else 0 : groups[-1].start()]
    ):
        return Extraction(None, None, "several answers")
    if groups:
        if re.match(r"\W*(?:or\b|is (?:wrong|not|incorrect))", text[groups[-1].end() :]):
            return Extraction(None, None, "several answers")
        return _items(groups[-1][1])
    if not (found := _items(text)).reason.startswith("not a list"):
        return found
    last = text.rpartition("\n")[2]
    starts = [m.end() for m in _ANNOUNCED.finditer(last)]
    return _items(last[starts[-1] :] if starts else last)


def _items(text: str) -> Extraction:
    text = text.strip()
    if not text:
        return Extraction(text, (), "read")
    joined = re.sub(r",?\s+and\s+", ", ", text) if ";" not in text else text
    for separator in (";", "\n", ", ", ",", " "):
        if separator in joined:
            pieces = joined.split(separator)
            break
    else:
        pieces = [joined]
    values: list[Value] = []
    for piece in pieces:
        tokens = tokenize(piece.strip(), "fraction" if separator != "," else "integer")
        if len(tokens) != 1 or tokens[0].value is None:
            return Extraction(None, None, "not a list of numbers")
        values.append(tokens[0].value)
    return Extraction(text, tuple(values), "read")
