"""A program for test_checkup_engine.py: check a slow scripted model up, until somebody kills it."""

import sys

from algorism.evaluation.backends import Scripted
from algorism.evaluation.checkup import checkup, smallest_budget

if __name__ == "__main__":
    print("asking", flush=True)
    checkup(Scripted("noisy", seconds=0.003), sys.argv[1], budget=smallest_budget())
