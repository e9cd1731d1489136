"""A botocore session that no profile and no file has a say in."""

from __future__ import annotations

import importlib
import os
from typing import Any

_VARIABLES = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""botocore's own, with nothing to read them from."""


def session() -> Any:
    """Where it is known who calls, an ambient profile means nothing, and a wrong one would be an error."""
    return importlib.import_module("botocore.session").Session(session_vars=_VARIABLES)
