"""The inputs of the Action, as the command line that says the same."""

from __future__ import annotations

from shapemaker_action.arguments import from_argv
from shapemaker_action.errors import InvalidInputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from shapemaker_action.invocation import Invocation

VALUES = {
    "environment": "--environment",
    "target": "--target",
    "aws-region": "--region",
    "working-directory": "--directory",
    "format": "--format",
    "engine": "--engine",
    "timeout": "--timeout",
    "role-to-assume": "--role-to-assume",
    "on-cancel": "--on-cancel",
    "fingerprint": "--fingerprint",
    "changed-since": "--changed-since",
    "training-job": "--training-job",
    "model-data": "--model-data",
}
"""Inputs that are an option with a value."""
LISTS = {"config": "--config", "set": "--set"}
"""Inputs with one value a line."""
SWITCHED_OFF = {"wait": "--no-wait", "comment": "--no-comment", "summary": "--no-summary"}
"""Inputs that are true unless said otherwise."""
SWITCHED_ON = {
    "retry": "--retry",
    "experimental": "--experimental",
    "force": "--force",
    "everything": "--everything",
}
"""Inputs that are false unless said otherwise."""
BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def given(environ: Mapping[str, str]) -> bool:
    """Whether the Action calls."""
    return "SHAPEMAKER_INPUT_STAGE" in environ


def from_inputs(environ: Mapping[str, str], program: str) -> Invocation:
    """The invocation of the Action: its inputs arrive as `SHAPEMAKER_INPUT_*`, empty when they were not given.

    Raises:
        InvalidInputError: a value that its input doesn't take, or no stage.
    """
    if not (stage := _input(environ, "stage")):
        raise InvalidInputError("input stage is missing", remedy="name a stage: with: {stage: run}")
    return from_argv([*_options(environ), "--", stage], environ, program)


def _options(environ: Mapping[str, str]) -> Iterator[str]:
    for name, option in VALUES.items():
        if value := _input(environ, name):
            yield f"{option}={value}"
    for name, option in LISTS.items():
        yield from (f"{option}={line.strip()}" for line in _input(environ, name).splitlines() if line.strip())
    for name, option in SWITCHED_OFF.items():
        if not _boolean(environ, name, default=True):
            yield option
    for name, option in SWITCHED_ON.items():
        if _boolean(environ, name, default=False):
            yield option


def _boolean(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = _input(environ, name)
    if text and text not in BOOLEANS:
        raise InvalidInputError(f"input {name}: expected true or false, got {text!r}", remedy=f"write {name}: true")
    return BOOLEANS.get(text, default)


def _input(environ: Mapping[str, str], name: str) -> str:
    return environ.get(f"SHAPEMAKER_INPUT_{name.upper().replace('-', '_')}", "").strip()


def format_of(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """The format that is asked for, read before anything can be wrong: an error has to come in it, too."""
    if not argv:
        return "json" if _input(environ, "format") == "json" else "text"
    found = "text"
    for before, word in zip(["", *argv], argv, strict=False):
        if word == "--":
            break
        if word.startswith("--format=") or before == "--format":
            found = word.removeprefix("--format=")
    return "json" if found == "json" else "text"
