"""People's keys of model providers."""
