r"""Find the one answer a response states. Knows how people announce an answer; does not know the right one.

The rule, in order. The last one of these that the response has is its answer:
1. what stands in the last `<answer>…</answer>`, `\boxed{…}`, after the last `####` or the caller's marker;
2. the last sentence with the word "answer" that states a number ("the answer is 5", "Answer: 5");
3. a number that opens the response and is a sentence by itself, unless a later sentence concludes otherwise;
4. the last number that is announced: after `=`, `:`, "is", "equals", "gives" ..., or before "is the sum";
5. the last number written in digits.
Nothing is read when that number is part of an expression, a percentage, a range, a bound, negated, taken back, or one
of several different answers.
"""

import re
from dataclasses import dataclass

from algorism.evaluation.answer_tokens import Token, tokenize
from algorism.evaluation.context import alternatives, is_hedged, refusal
from algorism.evaluation.markup import STRUCK, plain
from algorism.evaluation.number_words import word_set
from algorism.evaluation.values import Answer

WINDOW = 20_000  # characters of a response that are read; an answer stands at its end, or in a marked place
_NEXT_QUESTION = re.compile(r"\n\s{0,9}(?:Q|Question|Problem|Input|User|Human)\s?\d{0,4}\s?:")
_CORRECTION = word_set("wait actually correction sorry oops scratch")
_WRONG = word_set("wrong incorrect mistaken mistake false")
_CONCLUSION = word_set("so therefore thus hence total sum result final finally altogether")
_ASKING = word_set("what how which calculate compute find question")
_ANNOUNCING = word_set(
    "is are was be equals equal gives give gave get gets got yields yield makes make becomes totals answer"
)
_FILLING = word_set(
    "a an the just simply exactly approximately about roughly around therefore thus indeed equal to still also "
    "number value integer be then now clearly probably maybe perhaps possibly likely definitely"
)
_LABELS = word_set("question line page step problem item exercise section figure table")  # "line 912" is no answer
_OPENING = frozenset("([{\"'|:")


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was read: the text of the answer and its value, or None for both and the reason."""

    text: str | None
    value: Answer | None
    reason: str


NOTHING = Extraction(None, None, "no answer found")


def extract(response: str, kind: str, marker: str | None = None) -> Extraction:
    """Read the answer a response states, the way a careful person would.

    Args:
        response: anything, of any length (time is linear; the last 20,000 characters and marked places are read).
        kind: "integer", "decimal", "fraction" or "scientific" (sequences: see `sequences.extract_sequence`).
        marker: text that announces the answer ("Answer:"); its last occurrence counts, in any case of letters.

    >>> extract("123 + 456 = **579** apples.", "integer").value
    579
    >>> extract("It is 579 or 580.", "integer")
    Extraction(text=None, value=None, reason='several answers')
    """
    zone, rest = marked(response, marker)
    if zone is None:
        return _read(window(response), kind)
    found = _read(zone, kind, last_number=False)
    return _unless_taken_back(found, plain(rest[:WINDOW]), kind)


def window(text: str) -> str:
    """Cut a very long text to its end. A long run of digits is kept whole; other cut numbers are marked."""
    if len(text) <= WINDOW:
        return text
    start = len(text) - WINDOW
    if "0" <= text[start] <= "9":
        start = max(0, len(text[:start].rstrip("0123456789")) - 40)
    return STRUCK + text[start:] if start else text


def marked(response: str, marker: str | None) -> tuple[str | None, str]:
    """Find the marked place that comes last: its content, and what follows it. None when nothing is marked."""
    places: list[tuple[int, str, str]] = []
    at = response.rfind("<answer>")
    if at >= 0:
        content, _, after = response[at + 8 :].partition("</answer>")
        places.append((at, content, after))
    at = max(response.rfind("\\boxed{"), response.rfind("\\fbox{"))
    if at >= 0:
        start = response.index("{", at) + 1
        end = _closing_brace(response, start)
        if response[max(0, at - 60) : at].rstrip(" $\\(").endswith((" or", "}$,", "},", "}$ and", "} and")):
            places.append((at, "", ""))  # "\boxed{5} or \boxed{6}": two answers are none
        else:
            places.append((at, response[start:end], response[end + 1 :]))
    at = response.rfind("####")
    if at >= 0:
        content, newline, after = response[at + 4 :].lstrip("# ").partition("\n")
        if any(c.isdigit() for c in content[:WINDOW]) and len(content) < WINDOW:
            places.append((at, content, newline + after))
    if marker:
        at = (
            response.lower().rfind(marker.lower()) if len(response.lower()) == len(response) else response.rfind(marker)
        )
        if at >= 0:
            content, newline, after = response[at + len(marker) :].lstrip().partition("\n")
            places.append((at, content, newline + after))
    if not places:
        return None, ""
    _, content, after = max(places)
    return window(content), after


def _closing_brace(text: str, start: int) -> int:
    depth = 1
    for match in re.compile(r"[{}]").finditer(text, start):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return match.start()
    return len(text)


def _read(text: str, kind: str, last_number: bool = True, may_correct: bool = True) -> Extraction:
    """Apply rules 2 to 5 to a text."""
    text = plain(text)
    further = _NEXT_QUESTION.search(text)
    if further and any(c.isdigit() for c in text[: further.start()]):
        text = text[: further.start()]  # a model that goes on to ask itself the next question
    tokens = tokenize(text, kind)
    if not any(t.kind == "num" for t in tokens):
        return NOTHING
    sentences = split_sentences(tokens)
    chosen, reason = _choose(tokens, sentences, kind, last_number)
    if chosen < 0:
        return Extraction(None, None, reason)
    reason = refusal(tokens, chosen, kind) or alternatives(tokens, chosen, sentences, kind)
    token = tokens[chosen]
    found = Extraction(None, None, reason) if reason else Extraction(token.text, token.value, "read")
    return _unless_taken_back(found, text[token.end :], kind) if may_correct else found


def _unless_taken_back(found: Extraction, after: str, kind: str) -> Extraction:
    """Look at what follows an answer: a correction replaces it, "that is wrong" or "or 580" removes it."""
    tokens = tokenize(after, kind)
    words = {t.text for t in tokens if t.kind == "word"}
    corrections = [t.end for t in tokens if t.kind == "word" and t.text in _CORRECTION]
    if [t.text for t in tokens[:2]] == ["?", "no"]:  # "912? No, 913."
        corrections.append(tokens[1].end)
    for end in corrections[-1:] + corrections[:1]:
        later = _read(after[end:], kind, may_correct=False)
        if later.value is not None:
            return later
    if found.value is None:
        return found
    alternative = [at for at, t in enumerate(tokens[:2]) if t.text == "or"]
    if alternative and any(t.kind == "num" for t in tokens[alternative[0] + 1 : alternative[0] + 5]):
        return Extraction(None, None, "several answers")
    if words & _WRONG and (corrections or not words & {"nothing", "not", "no"}):
        return Extraction(None, None, "answer taken back")
    return found


def split_sentences(tokens: list[Token]) -> list[tuple[int, int]]:
    """Cut tokens into sentences; a line that only announces ("Answer:", "x =") goes on in the next line."""
    sentences, start = [], 0
    for at, token in enumerate(tokens):
        if token.kind == "nl":
            before = tokens[at - 1] if at > start else None
            here = tokens[start:at]
            announces = before is not None and (before.text in (":", "is") or before.kind in ("rel", "rule"))
            heading = bool(here) and all(t.kind in ("word", "punct") for t in here) and here[-1].text == "answer"
            if announces or heading or (here and all(t.kind in ("nl", "rule") for t in here)):
                continue
        elif token.text not in (".", "!", "?") or token.kind != "punct":
            continue
        if at > start:
            sentences.append((start, at + (token.text == "?")))
        start = at + 1
    if start < len(tokens):
        sentences.append((start, len(tokens)))
    return sentences


def _choose(tokens: list[Token], sentences: list[tuple[int, int]], kind: str, last_number: bool) -> tuple[int, str]:
    stated = [(at, span) for span in sentences if (at := _statement(tokens, *span, kind)) >= 0]
    answers = [at for at, (low, high) in stated if _says(tokens, low, high, {"answer"})]
    if answers:
        return answers[-1], ""
    opening = _pure(tokens, *sentences[0], kind)
    if opening >= 0:
        if not stated or stated[-1][0] == opening:
            return opening, ""
        at, (low, high) = stated[-1]
        words = any(t.kind == "rule" or (t.kind == "word" and t.text in _ANNOUNCING) for t in tokens[low:at])
        concludes = words or _says(tokens, low, high, _CONCLUSION)
        return (at if concludes or _pure(tokens, low, high, kind) >= 0 else opening), ""
    if stated:
        return stated[-1][0], ""
    numbers = [at for at, t in enumerate(tokens) if t.kind == "num"]
    digits = [at for at in numbers if not tokens[at].spelled and not (at and tokens[at - 1].text in _LABELS)]
    if not last_number and len(digits) > 1:
        return -1, refusal(tokens, digits[-1], kind) or "several answers"
    if not digits:
        return -1, "no answer found"
    low, high = next((low, high) for low, high in sentences if low <= digits[-1] < high)
    if _says(tokens, low, high, _ASKING) and tokens[high - 1].text == "?":
        return -1, "a question"
    return digits[-1], ""


def _says(tokens: list[Token], low: int, high: int, words: set[str] | frozenset[str]) -> bool:
    return any(t.kind == "word" and t.text in words for t in tokens[low:high])


def _statement(tokens: list[Token], low: int, high: int, kind: str) -> int:
    """The index of the last number that a sentence announces, or -1."""
    pure = _pure(tokens, low, high, kind)
    if pure >= 0:
        return pure
    if tokens[high - 1].text == "?" and _says(tokens, low, high, _ASKING):
        return -1
    found = -1
    depth = aside = 0  # what stands in brackets does not replace what was said outside them
    at = low - 1
    while (at := at + 1) < high:
        token = tokens[at]
        depth += (token.text == "(") - (token.text == ")")
        if depth > 0 and found >= 0 and not aside:
            continue
        aside = depth
        if token.kind == "num":
            after = tokens[at + 1].text if at + 1 < high else ""
            fresh = at == low or tokens[at - 1].kind == "rel" or tokens[at - 1].text in ("so", "thus", "therefore", ",")
            if (
                after == "is"
                and fresh
                and tokens[min(at + 2, high - 1)].text in ("the", "my", "our", "your", "correct")
            ):
                found = at
            elif after in ("=", "≈") and (at == low or tokens[at - 1].kind == "rel") and found < 0:
                found = at if refusal(tokens, at, kind) == "" else found
            continue
        if not (token.kind in ("rel", "rule") or token.text == ":" or token.text in _ANNOUNCING):
            continue
        next_at = at + 1
        while next_at < high and (
            tokens[next_at].text in _FILLING
            or tokens[next_at].text in _OPENING
            or tokens[next_at].kind in ("nl", "rel")
        ):
            next_at += 1
        at = next_at - 1  # the next turn takes the number itself
        if next_at < high and tokens[next_at].kind == "num":
            if refusal(tokens, next_at, kind) != "unevaluated expression" and not is_hedged(
                tokens, next_at, only_not=True
            ):
                found = next_at
    return found


def _pure(tokens: list[Token], low: int, high: int, kind: str) -> int:
    """The index of the number when a sentence is one number, dressed at most with a unit; -1 otherwise."""
    numbers = [at for at in range(low, high) if tokens[at].kind == "num"]
    if not numbers:
        return -1
    at = numbers[0]
    before = [t for t in tokens[low:at] if t.kind != "nl"]
    if any(t.text not in _OPENING and t.text not in _FILLING and t.kind != "punct" and len(t.text) > 1 for t in before):
        return -1
    if any(t.kind in ("op", "rel") for t in before) and refusal(tokens, at, kind):
        return -1
    tail = tokens[at + 1 : high]
    aside = next(
        (i for i, t in enumerate(tail) if t.text in ("(", ",", ";", ":", "—", "because", "since", "as")), len(tail)
    )
    words = [t for t in tail[:aside] if t.kind == "word"]
    if any(t.kind in ("op", "rel", "num", "rule") for t in tail[:aside]) or len(words) > 3:
        return -1
    if tokens[at].spelled and any(t.kind == "num" for t in tail):
        return -1
    return at
