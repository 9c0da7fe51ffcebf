"""Models that can be asked: one protocol, and what stands behind it."""

from algorism.evaluation.backends.names import KINDS, backend
from algorism.evaluation.backends.protocol import Backend, Failure, Message, Prompt, Reply, Request, Sampling
from algorism.evaluation.backends.scripted import SCRIPTS, Scripted, scripted

__all__ = [
    "KINDS",
    "SCRIPTS",
    "Backend",
    "Failure",
    "Message",
    "Prompt",
    "Reply",
    "Request",
    "Sampling",
    "Scripted",
    "backend",
    "scripted",
]
