"""Linked WhatsApp numbers: states, the gateway that holds their connections, REST."""
