"""The only code that knows the WhatsApp protocol: the engine boundary and our client of prosa-bridge."""
