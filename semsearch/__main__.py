"""``python -m semsearch`` is ``semsearch``."""

from .cli import console

console()
