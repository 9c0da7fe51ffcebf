"""A program for test_suite_counting_asking.py: hold slow conversations, until somebody kills it."""

import sys

from algorism.evaluation.backends import Scripted
from algorism.evaluation.questions import Question
from algorism.evaluation.turns import conversations

if __name__ == "__main__":
    questions = [Question(f"q{i}", f"{i}+{i}=", str(2 * i)) for i in range(60)]
    print("asking", flush=True)
    conversations(Scripted("noisy", seconds=0.01), questions, sys.argv[1], ["Check.", "Again."])
