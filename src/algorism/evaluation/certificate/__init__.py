"""Certificates: a proof that a network's greedy decoding adds right at every length, or a sum that it gets wrong."""

from typing import TYPE_CHECKING, Any

from .certificate import Certificate, Counterexample

if TYPE_CHECKING:
    from .search import certify

__all__ = ["Certificate", "Counterexample", "certify"]


def __getattr__(name: str) -> Any:
    if name == "certify":  # needs torch
        from .search import certify

        return certify
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
