"""From files to a committed state of the index."""
