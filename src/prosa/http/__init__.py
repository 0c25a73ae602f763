"""What all endpoints share: problem details, dependencies, pagination, limits, headers."""
