"""A small model."""
