"""`python -m oddport` is the `oddport` command."""

from oddport.cli import main

main()
