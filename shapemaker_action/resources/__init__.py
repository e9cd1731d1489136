"""One AWS noun a file: how it is wanted, read, created, updated and deleted."""
