"""The `oddport` command."""

from oddport.cli.main import main

__all__ = ["main"]
