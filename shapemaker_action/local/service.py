"""What is known of the local SageMaker of a state directory, kept in its `service.json`."""

from __future__ import annotations

import functools
import hashlib
import json
import secrets
import string
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from shapemaker_action import __version__
from shapemaker_action.assets import PACKAGE
from shapemaker_action.errors import EnvironmentProblemError
from shapemaker_action.naming import SHORT

if TYPE_CHECKING:
    from pathlib import Path

FILE = "service.json"
LOG = "server.log"
HEALTH_PATH = "/_shapemaker/health"
"""No bucket can have this name."""
HEALTH_HEADER = "X-Shapemaker-Key"
"""Carries the access key: nobody else is answered."""
DEFAULT_REGION = "us-east-1"
_SERVED = ("containers", "local")
_LETTERS = string.ascii_uppercase + string.digits


@dataclass(frozen=True, kw_only=True)
class LocalService:
    """One local SageMaker. The port and the keys last as long as the state directory."""

    state: Path
    port: int
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    registry_password: str = field(repr=False)
    account: str = "000000000000"
    region: str = DEFAULT_REGION
    engine: str = "auto"
    """What was asked for: `auto`, `docker`, `podman` or `process`."""
    version: str = ""
    """Of the code that the server runs, as `code_version` gives it."""
    pid: int = 0
    """0 when no server runs."""
    started: str = ""
    """When the process began, in the operating system's words: a pid alone may have been given out again."""

    @property
    def url(self) -> str:
        """Where every AWS client is pointed to."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What the server has written."""
        return self.state / LOG

    def save(self) -> None:
        """Readable by its owner alone, and never half written."""
        content = {name: value for name, value in asdict(self).items() if name != "state"}
        fresh = self.state / f"{FILE}.new"
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(content, indent=2), encoding="utf-8")
        fresh.replace(self.state / FILE)


def load(state: Path) -> LocalService | None:
    """As `save` left it; None for a state directory without a service."""
    path = state / FILE
    if not path.exists():
        return None
    try:
        return LocalService(state=state, **json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise EnvironmentProblemError(
            f"{path} is not what this version of shapemaker writes: {error}",
            state="the local SageMaker was not started",
            remedy=f"delete {path}; the next start makes new keys and keeps all other state",
        ) from error


def create(state: Path) -> LocalService:
    """Fresh keys; not saved yet, and without a port."""
    # Not the look of a real key: nobody's secret scanner shall wake up.
    key = "LOCAL" + "".join(secrets.choice(_LETTERS) for _ in range(27))
    return LocalService(
        state=state,
        port=0,
        access_key=key,
        secret_key=secrets.token_urlsafe(30),
        registry_password=secrets.token_urlsafe(30),
    )


@functools.cache
def code_version() -> str:
    """The version, and a digest of the code itself: two commits of a checkout are two servers."""
    hasher = hashlib.sha256()
    for path in sorted(path for room in _SERVED for path in (PACKAGE / room).rglob("*.py")):
        hasher.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{__version__}+{hasher.hexdigest()[:SHORT]}"


def ended(service: LocalService) -> LocalService:
    """The same service without a process."""
    return replace(service, pid=0, started="")
