"""Groups of articles that share most of their text; ``docs/decisions/duplicates.md`` explains the choices."""
