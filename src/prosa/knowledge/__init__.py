"""The documents of a number's owner, and what in them a question is about."""
