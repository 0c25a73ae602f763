"""A whole Prosa as its users have it: a process of its own, reached by REST and WebSocket only."""

from prosa_simulator.product.client import ApiError, EventStream, ProsaClient
from prosa_simulator.product.process import ProsaProcess

__all__ = ["ApiError", "EventStream", "ProsaClient", "ProsaProcess"]
