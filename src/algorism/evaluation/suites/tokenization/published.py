"""The authors' result files (github.com/aadityasingh/TokenizationCounts, results/*.csv), read for our analysis.

Nothing of them is in this package; a person gives the path. They hold questions, responses and, in the newer ones, the
five likeliest tokens at each place.
"""

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from algorism.errors import DataError
from algorism.evaluation.suites.tokenization.questions import Arm
from algorism.evaluation.suites.tokenization.reading import Answered
from algorism.evaluation.suites.tokenization.writing import FORMS

NEEDED = ("num1", "num2", "response", "problem_number_format", "answer_number_format", "num_shots")
_REPEAT = "repeat_problem_number_format"


def read_published(path: Path | str) -> list[Answered]:
    """The rows of a file; those in forms that this package does not write ("foo") are left out.

    Args:
        path: a CSV file with a header.

    Raises:
        DataError: no such file, columns are missing, or a line that is no row; names what.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = reader.fieldnames or []
            missing = [name for name in NEEDED if name not in columns]
            if missing:
                shown = ", ".join(columns[:8]) or "none"
                raise DataError(
                    f"{path}: expected the columns {', '.join(NEEDED)}; {', '.join(missing)} are missing "
                    f"(the file has: {shown}). Give a CSV file of TokenizationCounts' folder results/."
                )
            rows = [_row(row, f"{path}, line {reader.line_num}", _REPEAT in columns) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV ({error}).") from None
    found = [row for row in rows if row is not None]
    if not found:
        raise DataError(f"{path}: holds no row in a form that is known here ({', '.join(FORMS)}).")
    return found


def _row(row: dict[str, Any], where: str, copies: bool) -> Answered | None:
    try:
        forms = {key: row[f"{key}_number_format"] for key in ("problem", "answer")}
        repeat = row.get(_REPEAT) or None
        if not {*forms.values(), *([repeat] if repeat else [])} <= set(FORMS):
            return None
        arm = Arm(forms["problem"], forms["answer"], repeat, int(row.get("num_spaces") or 0))
        return Answered(
            (int(row["num1"]), int(row["num2"])),
            row["response"],
            arm.name,
            arm.query,
            arm.answer,
            repeat,
            shots=int(row["num_shots"]),
            copies=copies,
            details={"tokens": row.get("logprobs_json") or None, "model": row.get("model") or ""},
        )
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: not a row of results ({error}).") from None


def token_entropies(answered: Answered, answer: str) -> list[float] | None:
    """Lower bounds of the entropy at each token of a written answer, in nats; None if they are not known.

    Five probabilities are known at each place; what is left over is counted as if it were tokens as likely as the
    fifth, which no other token can exceed.

    Args:
        answered: a row whose details hold `logprobs_json`.
        answer: the answer's groups as they stand in the response, without separators, e.g. "118015" + "36".
    """
    text = (answered.details or {}).get("tokens")
    if not text:
        return None
    from algorism.evaluation.suites.tokenization.writing import form, groups

    places = json.loads(text)
    direction, found, at = form(answered.answer, answered.size).direction, [], 0
    for wanted in groups(answer, direction, answered.size):
        while at < len(places) and places[at]["token"] != wanted:
            at += 1
        if at == len(places):
            return None
        found.append(entropy_bound([one["logprob"] for one in places[at]["top_5_logprobs"]]))
        at += 1
    return found


def entropy_bound(logprobs: Sequence[float]) -> float:
    """Lower bound of an entropy from the largest probabilities, in nats: −(Σ p ln p + (1 − Σ p) ln p_last).

    >>> round(entropy_bound([math.log(0.1)] * 5), 4) == round(math.log(10), 4)
    True
    """
    shares = [math.exp(value) for value in logprobs]
    known = sum(share * value for share, value in zip(shares, logprobs, strict=True))
    return -(known + max(0.0, 1 - sum(shares)) * min(logprobs))
