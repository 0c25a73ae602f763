"""The story of a message, readable top to bottom: receive, reply, manual, policy, runner."""
