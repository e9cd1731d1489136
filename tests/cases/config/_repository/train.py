"""A script."""
