"""A language model as the reader, its citations verified."""
