"""``python -m semsearch`` is ``semsearch``."""

from .cli import main

main()
