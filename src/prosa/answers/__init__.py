"""Frequent answers: what the owner approved for questions that come again, and what is asked often."""
