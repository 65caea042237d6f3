"""The command line: each command parses its options, calls the library once, and prints the result."""

from .main import build_app, main

__all__ = ["build_app", "main"]
