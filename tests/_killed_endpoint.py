"""A program for test_backend_endpoint_faults.py: ask a faulty server, until somebody kills it."""

import sys
from pathlib import Path

from algorism.evaluation.backends.endpoint import Endpoint
from algorism.evaluation.backends.protocol import Sampling
from algorism.evaluation.interview import interview
from algorism.evaluation.questions import Question


def ask(url: str, record: Path | str, count: int) -> None:
    """Two samples of each question."""
    questions = [Question(f"q{i}", f"{i}+{7 * i}=", str(8 * i)) for i in range(count)]
    model = Endpoint("adder", url, first_wait=0.005, longest_wait=0.05, timeout=1.0, largest=1 << 18)
    interview(model, questions, record, sampling=Sampling(temperature=1.0), samples=2)


if __name__ == "__main__":
    ask(sys.argv[1], sys.argv[2], int(sys.argv[3]))
