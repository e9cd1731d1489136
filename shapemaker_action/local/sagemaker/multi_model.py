"""The models of one instance of a multi-model endpoint: brought, loaded and unloaded as requests ask for them."""

from __future__ import annotations

import hashlib
import http.client
import json
import secrets
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_action.local.sagemaker import harvest, model_data, objects
from shapemaker_action.local.sagemaker.variant import ModelData

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.local.world import World

PLACE = "/opt/ml/models"
"""Where containers find what was brought."""
LOAD_SECONDS = 360.0
"""For a container to load a model; whoever waits for it is sent away long before."""


class ModelDataError(Exception):
    """There is no such model below the prefix, or it is no archive; the text is the runtime's message."""


class LoadError(Exception):
    """The container does not load it."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class LostError(Exception):
    """The container went away meanwhile."""


class NotReadyError(Exception):
    """It is still being loaded."""


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Where the models of a variant come from, and the directory to which they are brought for all its instances."""

    world: World
    region: str
    uri: str
    directory: Path

    def bring(self, target: str) -> str:
        """Download and unpack a model unless it is here; the name of its directory."""
        name = hashlib.sha256(target.encode()).hexdigest()[:32]
        if not (self.directory / name).is_dir():
            # Beside the directory: containers see models as a whole or not at all.
            draft = self.directory.with_name(f"{self.directory.name}.{secrets.token_hex(4)}.new")
            try:
                self._fill(draft / "model", target)
                draft.rename(self.directory / name)
            except OSError:
                # Another instance was first.
                if not (self.directory / name).is_dir():
                    raise
            finally:
                harvest.discard(draft)
        return name

    def _fill(self, directory: Path, target: str) -> None:
        # As SageMaker does, the one is put before the other, whatever comes out.
        uri = self.uri + target
        place = objects.location(uri)
        if place is None or not objects.exists(self.world.client("s3", self.region), place):
            bucket, key = (place.bucket, place.key) if place else ("", "")
            raise ModelDataError(
                f"Failed to download model data(bucket: {bucket}, key: {key}). Please ensure that there is an object "
                "located at the URL and that the role passed to CreateModel has permissions to download the model."
            )
        if reason := model_data.bring(self.world, self.region, ModelData(uri=uri), directory):
            raise ModelDataError(reason)


class Loader:
    """See the module. What has been loaded stays until another model needs its memory."""

    def __init__(self, shelf: Shelf, host: str, port: int) -> None:
        self._shelf = shelf
        self._address = (host, port)
        self._lock = threading.Lock()
        self._models: dict[str, Future[str]] = {}
        """Loaded and coming, by target; who was asked for longest ago is first."""
        # One after the other: whether there is room for one is known only when those before are loaded.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="load")

    def path(self, target: str, seconds: float) -> str:
        """The path at which a model answers, when it is loaded; raises the errors of this module."""
        with self._lock:
            model = self._models.pop(target, None) or self._submitted(target)
            self._models[target] = model
        try:
            return model.result(seconds)
        except FutureTimeoutError as error:
            raise NotReadyError from error
        finally:
            if model.done() and model.exception():
                self._forget(target, model)

    def _submitted(self, target: str) -> Future[str]:
        try:
            return self._worker.submit(self._load, target)
        except RuntimeError as error:  # it is closed
            raise LostError from error

    def close(self) -> None:
        """Its container is gone."""
        self._worker.shutdown(wait=False)

    def _load(self, target: str) -> str:
        name = self._shelf.bring(target)
        wanted = json.dumps({"model_name": name, "url": f"{PLACE}/{name}/model"})
        while True:
            status, body = self._ask("POST", "/models", wanted)
            if status in (http.client.OK, http.client.CONFLICT):
                return f"/models/{name}/invoke"
            if status != http.client.INSUFFICIENT_STORAGE or not self._make_room():
                raise LoadError(status, body)

    def _make_room(self) -> bool:
        """Unload the model that was asked for longest ago; False if none is loaded."""
        with self._lock:
            loaded = (each for each, model in self._models.items() if model.done() and not model.exception())
            eldest = next(loaded, "")
            path = self._models.pop(eldest).result() if eldest else ""
        if path:
            self._ask("DELETE", path.removesuffix("/invoke"))
        return bool(path)

    def _forget(self, target: str, model: Future[str]) -> None:
        """The next request tries anew."""
        with self._lock:
            if self._models.get(target) is model:
                del self._models[target]

    def _ask(self, verb: str, path: str, body: str = "") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(*self._address, timeout=LOAD_SECONDS)
        try:
            connection.request(verb, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise LostError from error
        finally:
            connection.close()
