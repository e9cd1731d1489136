"""Where the tool's own files are: what ships with it, in a checkout and in a wheel, and what it keeps on a machine."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from shapemaker_action.errors import EnvironmentProblemError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGE = Path(__file__).resolve().parent


def templates() -> Path:
    """The `templates/` folder: beside the package in a checkout, inside it in a wheel."""
    installed = PACKAGE / "templates"
    return installed if installed.is_dir() else PACKAGE.parent / "templates"


def state_directory(environ: Mapping[str, str]) -> Path:
    """`$SHAPEMAKER_HOME`, else `shapemaker` in `$XDG_STATE_HOME` or in `~/.local/state`; not created yet."""
    if chosen := environ.get("SHAPEMAKER_HOME"):
        return Path(chosen).absolute()
    xdg = environ.get("XDG_STATE_HOME", "")
    # The XDG specification says to ignore a relative path.
    base = Path(xdg) if xdg.startswith("/") else _home(environ) / ".local" / "state"
    return base / "shapemaker"


def _home(environ: Mapping[str, str]) -> Path:
    if home := environ.get("HOME"):
        return Path(home)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError as error:
        raise EnvironmentProblemError(
            "HOME is not set and this user has no home directory",
            state="there is no place for the state of local runs",
            remedy="set SHAPEMAKER_HOME to a directory that this user may write to",
        ) from error
