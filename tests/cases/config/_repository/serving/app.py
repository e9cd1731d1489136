"""An application."""

app = None
