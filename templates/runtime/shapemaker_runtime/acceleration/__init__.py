"""Accelerators: quicker ways to the same predictions. Training makes and verifies them, serving puts them in place."""
