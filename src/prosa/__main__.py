"""`python -m prosa`."""

from prosa.cli import main

main()
