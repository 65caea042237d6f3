"""The command line: each verb parses its words, calls the library once, and prints."""

from .app import app, main

__all__ = ["app", "main"]
