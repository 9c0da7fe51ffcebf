"""`python -m algorism`."""

from .cli import main

main()
