"""Networks. They know nothing of tasks, text or training; importing this needs no torch until a network is named."""

from typing import TYPE_CHECKING, Any

from .config import TransformerConfig

if TYPE_CHECKING:
    from .transformer import Cache, Transformer

__all__ = ["Cache", "Transformer", "TransformerConfig"]


def __getattr__(name: str) -> Any:
    if name in ("Cache", "Transformer"):
        from . import transformer

        return getattr(transformer, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
