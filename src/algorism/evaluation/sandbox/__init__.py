"""Running programs that a model wrote: no files, no network, no other process, little time and memory."""

from algorism.evaluation.sandbox.running import Limits, Outcome, run_program

__all__ = ["Limits", "Outcome", "run_program"]
