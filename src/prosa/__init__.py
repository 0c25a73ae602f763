"""Prosa: a self-hosted WhatsApp + AI inbox."""

__version__ = "0.1.0"
