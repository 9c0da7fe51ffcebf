"""Our questions and our grader inside other people's harnesses; each is imported only when that harness asks for it."""

from algorism.adapters.definitions import DEFINITIONS, Definition, definition

__all__ = ["DEFINITIONS", "Definition", "definition"]
