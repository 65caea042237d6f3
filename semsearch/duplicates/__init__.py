"""Groups of articles that share most of their text."""
