"""Models behind an OpenAI-compatible server."""

from algorism.evaluation.backends.endpoint.client import Endpoint
from algorism.evaluation.backends.endpoint.policy import Pace

__all__ = ["Endpoint", "Pace"]
