"""Callers: passwords, tokens, rights, throttling."""
