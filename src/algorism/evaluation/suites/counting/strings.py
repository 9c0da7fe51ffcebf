"""Strings of a few letters in four formats, asked with and without a chain of thought (arXiv 2410.19730).

The formats drive a tokenizer from chunks to one token per letter; the strings are the same in all of them. The paper's
code names them otherwise (-e 1, 4, 2, 3 for a, b, c, d).
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from algorism.errors import DataError, UsageError, nearest
from algorism.evaluation.questions import Question
from algorism.evaluation.statistics import Interval, wilson
from algorism.evaluation.suites.counting.reading import number

FORMATS: dict[str, Callable[[str], str]] = {
    "a": lambda text: text,
    "b": " ".join,
    "c": ", ".join,
    "d": lambda text: str(list(text)),
    "d-double": lambda text: ", ".join(f'"{letter}"' for letter in text),  # as the authors' README shows it
}
NAMES = {"a": "plain", "b": "spaces", "c": "commas", "d": "quoted list", "d-double": "double quotes"}

_ASK = "{task}\n\nString: {text}\n\nResponse:"
MODES: dict[str, str] = {
    "none": (
        "Count the number of appearances of '{x}'s in the string below. Directly output 'Result: ' followed by the "
        "counted number. Do not use bold font in the response."
    ),
    "unsupervised": (
        "Determine the number of appearances of '{x}'s in the string below. Think step by step. Directly output "
        "'Result: ' followed by the counted number. Do not use bold font in the response."
    ),
    "supervised": (
        "Task: Count the number of occurrences of the substring '{x}' in the given string step by step. Do not use "
        "bold font in the response.\nInstructions:\n- Iterate through the string and count each occurrence of '{x}'.\n"
        "- Use a counter to keep track of the count.\n- Output the step-by-step process.\n- Conclude with 'Result: ' "
        "and the counted number."
    ),
}
MARKER = "Result:"


def strings(n: int, low: int, high: int, letters: str = "ab", seed: int = 42) -> list[str]:
    """Different strings of independent, uniform letters; lengths are uniform too.

    Args:
        n: how many; string i depends on the seed and the ones before it alone, so that a longer set begins alike.
        low: shortest length.
        high: longest length.
        letters: what they consist of.
        seed: of the set.

    Raises:
        DataError: there are not so many different strings.

    >>> strings(3, 4, 6, seed=0)
    ['abaab', 'abaaab', 'aaaa']
    """
    rng, found = random.Random(f"counting strings {seed} {low} {high} {letters}"), dict[str, None]()
    for _ in range(100 * n + 1000):
        if len(found) == n:
            return list(found)
        found.setdefault("".join(rng.choices(letters, k=rng.randint(low, high))))
    raise DataError(f"There are too few strings of {low} to {high} letters out of {letters!r}: {n} wanted.")


def string_questions(
    n: int,
    ranges: Sequence[tuple[int, int]] = ((10, 20), (20, 30), (30, 40)),
    letters: str = "ab",
    *,
    formats: Sequence[str] = ("a", "b", "c", "d"),
    modes: Sequence[str] = ("none", "unsupervised", "supervised"),
    asked: str | None = None,
    seed: int = 42,
) -> list[Question]:
    """Every string in every format and mode, asked once for each letter.

    Args:
        n: strings of each range.
        ranges: of lengths.
        letters: of the strings.
        formats: of FORMATS.
        modes: of MODES.
        asked: the letters that are asked about; all of them by default.
        seed: of the strings.

    Raises:
        UsageError: an unknown format or mode.

    >>> print(string_questions(1, [(4, 4)], formats=["c"], modes=["none"])[0].prompt.splitlines()[2])
    String: b, b, b, a
    """
    for name, known in [(f, FORMATS) for f in formats] + [(m, MODES) for m in modes]:
        if name not in known:
            raise UsageError(f"There is no format or mode {name!r}. {nearest(name, known)}")
    made = []
    for low, high in ranges:
        for index, text in enumerate(strings(n, low, high, letters, seed)):
            for form in formats:
                for mode in modes:
                    for letter in asked or letters:
                        key = f"strings/{seed}/{letters}/{low}-{high}/{form}/{mode}/{index}/{letter}"
                        prompt = _ASK.format(task=MODES[mode].format(x=letter), text=FORMATS[form](text))
                        facts: dict[str, object] = {
                            "suite": "strings",
                            "format": form,
                            "mode": mode,
                            "range": f"{low}-{high}",
                        }
                        facts |= {"letter": letter, "string": text, "index": index}
                        made.append(Question(key, prompt, str(text.count(letter)), "integer", MARKER, facts))
    return made


def result(response: str, rule: str = "tolerant") -> int | None:
    """The number behind the last "Result:".

    Args:
        response: what the model wrote.
        rule: "paper" as the authors' code: "Result: ", a bare integer and nothing behind it; "tolerant" takes bold
            print, a full stop or a line break too, and without a "Result:" what a careful reader takes as the answer.
            None where there is none (the authors count it as 0).

    >>> result("Result: 12."), result("Result: 12.", "paper"), result("**Result:** 12")
    (12, None, 12)
    """
    if rule == "paper":
        at = response.rfind("Result: ")
        text = response[at + len("Result: ") :].strip() if at >= 0 else ""
        return int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else None
    found = re.findall(r"Result[*_`]{0,3}\s*:[\s*_`'\"]*(-?[0-9]{1,18})(?![0-9]|[.,][0-9])", response)
    if found:
        return int(found[-1])
    answer = None if MARKER in response else number(response)
    return int(answer) if answer is not None and len(answer) <= 18 else None


@dataclass(frozen=True)
class Shifts:
    """Answers of one kind: how many are right, and in which direction the others err.

    Attributes:
        accuracy: by the tolerant rule.
        paper: by the paper's rule.
        unread: answers without a result.
        under: of the wrong answers with a result, the share that is too small; None if there are none.
        mean: of result minus right answer, over the wrong ones; None if there are none.
        shifts: result minus right answer → how often.
        constant: share of right answers that the best constant would have.
    """

    accuracy: Interval
    paper: Interval
    unread: int
    under: Interval | None
    mean: float | None
    shifts: dict[int, int]
    constant: float


def shifts(answered: Sequence[tuple[str, str]]) -> Shifts:
    """Sum up (response, right answer) pairs, at least one.

    >>> shifts([("Result: 3", "4"), ("Result: 4", "4")]).shifts
    {-1: 1, 0: 1}
    """
    read = [(result(text), int(gold)) for text, gold in answered]
    paper = sum(result(text, "paper") == int(gold) for text, gold in answered)
    found = [value - gold for value, gold in read if value is not None]
    wrong = [shift for shift in found if shift]
    golds = Counter(gold for _, gold in read)
    return Shifts(
        wilson(found.count(0), len(read)),
        wilson(paper, len(read)),
        len(read) - len(found),
        wilson(sum(shift < 0 for shift in wrong), len(wrong)) if wrong else None,
        sum(wrong) / len(wrong) if wrong else None,
        dict(sorted(Counter(found).items())),
        golds.most_common(1)[0][1] / len(read),
    )


def purity(tokens: Sequence[str], letters: str) -> tuple[float, float]:
    """How a tokenizer shows the letters of a string.

    Args:
        tokens: pieces of the text, joined the text itself.
        letters: those that are counted.

    Returns:
        Share of the letters that are the only letter of their token; and tokens per letter.

    >>> purity(["ab", "b", ", ", "a"], "ab")
    (0.5, 1.0)
    """
    per_token = [sum(token.count(letter) for letter in letters) for token in tokens]
    total = sum(per_token)
    if not total:
        raise DataError("purity: there is none of these letters in the tokens.")
    return sum(count for count in per_token if count == 1) / total, len(tokens) / total
