"""The command line: each verb parses its words, calls the library once, and prints."""

from .main import app, console, main

__all__ = ["app", "console", "main"]
