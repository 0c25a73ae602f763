"""Tools: HTTP services of the owner that the model may call while it answers."""
