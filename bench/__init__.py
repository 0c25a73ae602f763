"""Benchmarks: they report, they never assert a time."""
