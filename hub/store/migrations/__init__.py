"""Steps from one schema of headquarters' database to the next; applied at start, in order, each once."""
