"""Contacts: people on the simulated network, each a real linked WhatsApp client with true end-to-end encryption."""

from prosa_simulator.contacts.book import ContactBook
from prosa_simulator.contacts.client import ContactError
from prosa_simulator.contacts.contact import Contact, Sent
from prosa_simulator.contacts.screen import Screen, Shown

__all__ = ["Contact", "ContactBook", "ContactError", "Screen", "Sent", "Shown"]
