"""What may be a secret: such values leave the file they stand in neither for shapemaker.yml nor for a message."""

from __future__ import annotations

import re

from shapemaker_action.config.environment_rules import SECRET_NAME, SECRET_VALUE

_NAME = re.compile(r"(^|_)(PASS|PWD|PW|PAT|KEY|PIN|SALT|DSN|CREDS?|CERT|COOKIE|SESSION|SIGNATURE)(_|$)", re.IGNORECASE)
_ADDRESS = re.compile(r"://[^/\s]*:[^/\s]*@")
"""A URL with a password."""

_RANDOM = re.compile(r"(?=[A-Za-z0-9+=]*[0-9])(?=[A-Za-z0-9+=]*[a-z])(?=[A-Za-z0-9+=]*[A-Z])[A-Za-z0-9+=]{20,}")


def suspected(name: str, value: str) -> bool:
    """Whether a variable of this name and value may be a secret; rather too often than too seldom."""
    return any(pattern.search(name) for pattern in (SECRET_NAME, _NAME)) or any(
        pattern.search(value) for pattern in (SECRET_VALUE, _ADDRESS, _RANDOM)
    )
