"""`python -m simcrate` is the `simcrate` command."""

from simcrate.cli import main

main()
