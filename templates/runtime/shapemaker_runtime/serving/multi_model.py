"""Many models behind one endpoint: SageMaker says which ones to load and to unload, and asks each by its name.

All are of the one model class of the image, in one process; each has a queue of its own, so a slow one keeps only its
own callers waiting. SageMaker unloads whom it has not needed for long when a model does not fit: so what does not fit
is answered with 507, by what the container's memory really has room for, before loading and after it.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapemaker_runtime import program as programs
from shapemaker_runtime.errors import RequestError, SetupError
from shapemaker_runtime.serving import machine
from shapemaker_runtime.serving.application import description, execution_parameters, invoke, metrics, retire
from shapemaker_runtime.serving.binding import Binding
from shapemaker_runtime.serving.loading import fill
from shapemaker_runtime.serving.reply import Attempt, Reply, log, of_error
from shapemaker_runtime.serving.service import Service
from shapemaker_runtime.serving.site import Site
from shapemaker_runtime.serving.warm_up import warm_up

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import falcon.asgi

    from shapemaker_runtime.serving.meter import Meter
    from shapemaker_runtime.serving.service import Request
    from shapemaker_runtime.serving.settings import Limits, Settings

_MAX_NAME = 1024
_PAGE = 100
_MAX_PAGE = 1000

_SAGEMAKER = Path("/opt/ml")
"""What SageMaker calls the root, wherever it is."""

_NAMELESS = RequestError(404, "this is a multi-model endpoint: POST /models/{name}/invoke")


@dataclass(frozen=True)
class Shelf:
    """Where models come from."""

    program: programs.Program
    root: Path
    """All models are below it."""
    environ: Mapping[str, str]
    device: str
    reserve: int
    """Bytes that loading must leave free."""

    def place(self, url: str) -> Path:
        """The directory of a model; a `RequestError` if it is none of ours."""
        given = Path(url)
        if given.is_relative_to(_SAGEMAKER):
            given = self.root / given.relative_to(_SAGEMAKER)
        place = given.resolve()
        # Where nothing can be mounted, a link stands for it.
        if not any(place.is_relative_to(each) for each in (self.root, (self.root / "models").resolve())):
            raise RequestError(400, f"url must be below {self.root}")
        if not place.exists():
            raise RequestError(404, "there is nothing at url")
        return place

    def take(self, place: Path) -> Binding:
        """Load a model; a `RequestError` of status 507 if the memory has no room for it."""
        _tidy()
        # In memory a model is hardly ever smaller than its files.
        self._check_room(_size(place))
        model = programs.new_model(self.program, ("load", "predict"))
        try:
            fill(model, place, self.environ, self.device)
        except MemoryError:
            raise RequestError(507, "the memory is too short for this model") from None
        binding = Binding.of(model.predict, model)
        warm_up(model, binding)
        self._check_room(0)
        return binding

    def _check_room(self, needed: int) -> None:
        free = machine.free_memory() - self.reserve
        if free < needed:
            raise RequestError(507, f"the model needs {needed >> 20} MB or more; {max(0, free) >> 20} MB are free")


class Register:
    """Names and places of what is loaded, in memory that outlives a worker: its successor goes on with the same."""

    def __init__(self) -> None:
        self._file = os.memfd_create("models")

    def read(self) -> dict[str, str]:
        """Place by name."""
        text = os.pread(self._file, os.fstat(self._file).st_size, 0).decode()
        # A worker that is killed while it writes may leave more behind it.
        return dict(json.JSONDecoder().raw_decode(text)[0]) if text else {}

    def write(self, places: Mapping[str, str]) -> None:
        """All of them."""
        data = json.dumps(places).encode()
        os.pwrite(self._file, data, 0)
        os.ftruncate(self._file, len(data))


class Models:
    """The models of one process."""

    def __init__(self, shelf: Shelf, register: Register, limits: Limits, meter: Meter) -> None:
        self._shelf = shelf
        self._register = register
        self._limits = limits
        self._meter = meter
        self._places = register.read()
        self._services: dict[str, Service] = {}
        self._coming: set[str] = set()
        # One after the other: what one takes is known only when it is loaded.
        self._turn = asyncio.Lock()

    @property
    def places(self) -> Mapping[str, str]:
        """Where each loaded model comes from, by name."""
        return self._places

    async def load(self, name: str, url: str) -> None:
        """409 if it is there already, 507 if there is no room."""
        if name in self._places or name in self._coming:
            raise RequestError(409, "a model of this name is loaded already")
        place = self._shelf.place(url)
        self._coming.add(name)
        try:
            async with self._turn:
                self._services[name] = await self._served(place)
        finally:
            self._coming.discard(name)
        self._note({**self._places, name: url})

    def unload(self, name: str) -> None:
        """404 if it is not there. What it has been asked already it still answers."""
        self.check(name)
        self._note({each: url for each, url in self._places.items() if each != name})
        service = self._services.pop(name, None)
        if service is not None:
            service.close()

    async def service(self, name: str) -> Service:
        """Of a loaded model; a new worker loads again what its predecessor had, when it is asked for."""
        self.check(name)
        if name not in self._services:
            async with self._turn:
                self.check(name)  # it may have been unloaded meanwhile
                if name not in self._services:
                    await self._serve_again(name)
        return self._services[name]

    def check(self, name: str) -> None:
        """404 if it is not loaded."""
        if name not in self._places:
            raise RequestError(404, "no model of this name is loaded")

    async def _serve_again(self, name: str) -> None:
        service = await self._served(self._shelf.place(self._places[name]))
        if name not in self._places:  # unloaded while it was loading
            service.close()
        self.check(name)
        self._services[name] = service

    async def _served(self, place: Path) -> Service:
        # In a thread: the loop answers /ping and the other models meanwhile.
        binding = await asyncio.get_running_loop().run_in_executor(None, _attempt, self._shelf.take, place)
        return Service(binding, self._limits, self._meter, retire)

    def _note(self, places: dict[str, str]) -> None:
        self._places = places
        self._register.write(places)


class MultiModel(Site):
    """SageMaker's routes for multi-model endpoints."""

    def __init__(self, shelf: Shelf, settings: Settings) -> None:
        super().__init__(settings)
        self._shelf = shelf
        self._register = Register()
        self._models: Models | None = None
        unloaded = programs.new_model(shelf.program, ("load", "predict"))
        self.add("/invocations", Nobody())
        self.add("/models", Collection(self))
        self.add("/models/{name}", Member(self))
        self.add("/models/{name}/invoke", Invoke(self))
        self.add("/execution-parameters", execution_parameters(settings.workers))
        self.add("/metrics", metrics(self._ledger))
        self.add("/openapi.json", description(Binding.of(unloaded.predict, unloaded), unloaded))
        self.prepare()

    @property
    def models(self) -> Models:
        """The models of this process."""
        if self._models is None:
            self.start()
        assert self._models is not None  # noqa: S101 - for mypy
        return self._models

    def start(self) -> MultiModel:
        """See `Site.start`."""
        self._models = Models(self._shelf, self._register, self.limits, self._ledger.meter(self.slot))
        return self

    def submit(self, _request: Request, done: Callable[[Reply], None]) -> None:
        """No model is the one that `/invocations` would mean."""
        done(of_error(_NAMELESS))


class Nobody:
    """`/invocations`."""

    async def on_post(self, _request: falcon.asgi.Request, _response: falcon.asgi.Response) -> None:
        """Say where models are asked."""
        raise _NAMELESS


class Collection:
    """`/models`."""

    def __init__(self, application: MultiModel) -> None:
        self._application = application

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Load a model."""
        name, url = _wanted(await request.stream.read())
        await self._application.models.load(name, url)
        log.info("a model is loaded; %d in all", len(self._application.models.places))
        response.media = {"modelName": name, "modelUrl": url}

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """A page of what is loaded, in the order of names; the token is the last name of the page before."""
        size = request.get_param_as_int("page_size", default=_PAGE, min_value=1, max_value=_MAX_PAGE)
        after = request.get_param("next_page_token") or ""
        places = self._application.models.places
        names = sorted(name for name in places if name > after)
        response.media = {"models": [_entry(name, places[name]) for name in names[:size]]}
        if len(names) > size:
            response.media["nextPageToken"] = names[size - 1]


class Member:
    """`/models/{name}`."""

    def __init__(self, application: MultiModel) -> None:
        self._application = application

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response, name: str) -> None:
        """Whether a model is loaded."""
        models = self._application.models
        models.check(name)
        response.media = _entry(name, models.places[name])

    async def on_delete(self, _request: falcon.asgi.Request, response: falcon.asgi.Response, name: str) -> None:
        """Unload a model."""
        self._application.models.unload(name)
        response.media = {}


class Invoke:
    """`/models/{name}/invoke`."""

    def __init__(self, application: MultiModel) -> None:
        self._application = application

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response, name: str) -> None:
        """Predict; what `/invocations` takes and gives elsewhere."""
        await invoke(await self._application.models.service(name), request, response)


def _wanted(content: bytes) -> tuple[str, str]:
    try:
        document = json.loads(content)
        name, url = document["model_name"], document["url"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RequestError(400, 'expected {"model_name": "…", "url": "…"}') from None
    if not (isinstance(name, str) and isinstance(url, str) and 0 < len(name) <= _MAX_NAME and "\0" not in url):
        raise RequestError(400, f"model_name and url must be texts, the name of at most {_MAX_NAME} characters")
    return name, url


def _entry(name: str, url: str) -> dict[str, str]:
    return {"modelName": name, "modelUrl": url}


def _attempt(take: Callable[[Path], Binding], place: Path) -> Binding:
    attempt = Attempt()
    with attempt:
        return take(place)
    error: Any = attempt.error
    if isinstance(error, SetupError):
        # It would end the server of one model. Not 507, for which SageMaker unloads others.
        log.error("a model is not loaded: %s", error)
        raise RequestError(500, str(error)) from error
    if isinstance(error, Exception):
        raise error
    # sys.exit must not end the server either.
    raise RuntimeError(str(error) or type(error).__name__) from error


def _size(place: Path) -> int:
    files = place.rglob("*") if place.is_dir() else [place]
    return sum(each.stat().st_size for each in files if each.is_file())


def _tidy() -> None:
    """Give back to the kernel what unloaded models had."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
    if trim is not None:
        trim(0)
