"""From programs to transformers: weights that compute a program exactly, without training."""

from .compiled import BOS_ID, Compiled, compile

__all__ = ["BOS_ID", "Compiled", "compile"]
