"""A program for test_interview.py: ask a slow scripted model, until somebody kills it."""

import sys

from algorism.evaluation.backends import Scripted
from algorism.evaluation.interview import interview
from algorism.evaluation.questions import Question

if __name__ == "__main__":
    questions = [Question(f"q{i}", f"{i}+{i}=", str(2 * i)) for i in range(300)]
    print("asking", flush=True)
    interview(Scripted("noisy", seconds=0.005), questions, sys.argv[1])
