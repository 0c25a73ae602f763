"""Webhooks: programs of the owner that are told what happens, each event by a signed POST."""
