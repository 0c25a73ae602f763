"""A local WhatsApp network and Gemini server for Prosa."""
