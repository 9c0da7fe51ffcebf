"""What a child of test_training_resume.py runs, and is killed in. `recipe`, `folder`, `seen` come from outside.

Flushing to disk is slowed down, so that some kills fall into the writing of a checkpoint.
"""

import os
import time
from pathlib import Path
from typing import Any

from algorism.training import train

flush = os.fsync


def slow_flush(descriptor: int) -> None:
    """Take as long as a large checkpoint does."""
    time.sleep(0.01)
    flush(descriptor)


def note(step: int, row: dict[str, Any]) -> None:
    """Leave the number of the last finished step where the parent finds it after the kill."""
    Path(globals()["seen"]).write_text(str(step))


if "recipe" in globals():  # nothing to do when only imported, as by a collector of doctests
    os.fsync = slow_flush
    train(globals()["recipe"], globals()["folder"], report=note)
