"""What a handler of the local SageMaker may use: its state directory, engine, images, clock and its own AWS API."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import botocore.session
from botocore.config import Config

from shapemaker_action.naming import Realm

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shapemaker_action.containers.engine import Engine, RegistryCredentials

ACCOUNT = "000000000000"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """An image manifest as it was pushed. `digest` is `sha256:…` of `content`."""

    digest: str
    media_type: str
    content: bytes


class Images(Protocol):
    """The images of the local registry."""

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """By tag or `sha256:…`; None if repository or image is not there."""

    def resolve(self, image: str) -> Manifest | None:
        """By image URI, `127.0.0.1:PORT/repository[:tag|@sha256:…]`; None if it is not there or not ours."""

    def config(self, manifest: Manifest) -> dict[str, Any]:
        """The image configuration (`architecture`, `config.Entrypoint`, …); empty for an index or an unknown type."""


@dataclass(frozen=True, kw_only=True)
class InternalKey:
    """The credentials of the server's own calls, new at every start; such calls stay out of the request log."""

    access_key: str
    secret_key: str = field(repr=False)


@dataclass(kw_only=True)
class World:
    """One per server. Everything a handler touches outside its own module goes through here."""

    state: Path
    """The state directory; each service keeps to its own subdirectory."""
    url: str
    images: Images
    choose_engine: Callable[[], Engine]
    registry_credentials: RegistryCredentials
    """What the engine logs in with to pull an image from the local registry."""
    internal: InternalKey
    account: str = ACCOUNT
    clock: Callable[[], float] = time.time
    """Seconds since the epoch."""
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def engine(self) -> Engine:
        """Chosen at first use, so that what needs no container needs no engine; raises `EnvironmentProblemError`."""
        return self.choose_engine()

    def realm(self, region: str) -> Realm:
        """Where ARNs of this account and `region` are made."""
        return Realm(account=self.account, region=region)

    def client(self, service: str, region: str) -> Any:
        """A botocore client of an AWS service against this very server, shared between threads."""
        with self._lock:
            key = (service, region)
            if key not in self._clients:
                self._clients[key] = botocore.session.Session().create_client(
                    service,
                    region_name=region,
                    endpoint_url=self.url,
                    aws_access_key_id=self.internal.access_key,
                    aws_secret_access_key=self.internal.secret_key,
                    # No proxy ever stands between the server and itself.
                    config=Config(proxies={}, max_pool_connections=32),
                )
            return self._clients[key]

    def start(self, name: str, task: Callable[[], None]) -> threading.Thread:
        """Run a task in the background; what it raises goes to the server log. It does not keep the server alive."""
        thread = threading.Thread(target=task, name=name, daemon=True)
        thread.start()
        return thread
