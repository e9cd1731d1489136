"""What GitHub tells a job, and what a job tells GitHub over HTTP."""

TOKEN = "SHAPEMAKER_INPUT_GITHUB_TOKEN"  # noqa: S105 - the name of the variable
"""The token is read where it is used: on a command line every process would see it."""
