"""From a query to ranked hits.

``snapshot`` holds one committed state of an index; ``search`` and ``similar`` find hits in it: candidates, then their
scores, then the fused score, then the sentence to highlight.
"""
