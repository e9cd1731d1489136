"""From text to a frozen `Project`: every problem of every file found in one pass, at its place."""
