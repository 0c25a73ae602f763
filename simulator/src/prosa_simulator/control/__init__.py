"""Driving a whole simulated world over HTTP: phones, contacts and faults, for curl, browser tests and pages."""

from prosa_simulator.control.server import ControlServer

__all__ = ["ControlServer"]
