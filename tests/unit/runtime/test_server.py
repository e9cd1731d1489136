"""How serving is set up: settings out of the environment, and whose application speaks what."""

from __future__ import annotations

import functools
import sys
import types
from typing import TYPE_CHECKING, Any

import falcon
import falcon.asgi
import pytest
from shapemaker_runtime.errors import SetupError
from shapemaker_runtime.serving.server import interface_of, load_app, options
from shapemaker_runtime.serving.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

Environ = dict[str, Any]


def wsgi(environ: Environ, start_response: Any) -> list[bytes]: ...  # type: ignore[empty-body]


async def asgi(scope: Environ, receive: Any, send: Any) -> None: ...


def old_asgi(scope: Environ, receive: Any, send: Any) -> Any: ...


def decorated(*args: Any) -> Any: ...


class Flask:
    def __call__(self, environ: Environ, start_response: Any) -> Any: ...


class Starlette:
    async def __call__(self, scope: Environ, receive: Any, send: Any) -> None: ...


@pytest.fixture
def module() -> Iterator[str]:
    name = "an_application"
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(wsgi=wsgi, asgi=asgi, decorated=decorated, number=3)
    yield name
    del sys.modules[name]


@pytest.mark.parametrize(
    ("app", "interface"),
    [
        (wsgi, "wsgi"),
        (Flask(), "wsgi"),
        (falcon.App(), "wsgi"),
        (functools.partial(wsgi), "wsgi"),
        (asgi, "asgi"),
        (old_asgi, "asgi"),
        (Starlette(), "asgi"),
        (falcon.asgi.App(), "asgi"),
        (functools.partial(asgi), "asgi"),
    ],
)
def test_the_interface_of_an_application_is_found_out(app: object, interface: str) -> None:
    assert interface_of(app, "a:b") == interface


def test_an_application_is_loaded_by_reference_and_may_name_its_interface(module: str) -> None:
    assert load_app(f"{module}:wsgi") == (wsgi, "wsgi")
    assert load_app(f"asgi:{module}:decorated") == (decorated, "asgi")
    assert load_app(f"wsgi:{module}:decorated") == (decorated, "wsgi")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("{}:decorated", "may be WSGI or ASGI"),
        ("{}:number", "not callable"),
        ("{}:wsg", "has no wsg; did you mean wsgi?"),
        ("{}", "expected package.module:name"),
    ],
)
def test_what_is_no_application_is_named(module: str, reference: str, message: str) -> None:
    with pytest.raises(SetupError) as caught:
        load_app(reference.format(module))
    assert message in str(caught.value)


def test_settings_have_defaults_that_fit_the_machine() -> None:
    settings = Settings.from_environ({})
    assert (settings.host, settings.port, settings.limits.run_seconds) == ("0.0.0.0", 8080, 60)  # noqa: S104
    assert settings.max_body == 25 * 2**20
    assert settings.workers >= 1


def test_settings_come_from_the_environment() -> None:
    settings = Settings.from_environ(
        {
            "SAGEMAKER_BIND_TO_PORT": "14000",
            "SHAPEMAKER_BIND_HOST": "127.0.0.1",
            "SHAPEMAKER_SERVE_WORKERS": "3",
            "SHAPEMAKER_SERVE_TIMEOUT": "5",
            "SHAPEMAKER_SERVE_MAX_BODY_MB": "1",
            "SHAPEMAKER_SERVE_MAX_ROWS": "7",
        }
    )
    assert options(asgi, "asgi", settings)["bind"] == "127.0.0.1:14000"
    assert (settings.workers, settings.max_body) == (3, 2**20)
    assert (settings.limits.run_seconds, settings.limits.rows) == (5, 7)


@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5", "70000", "٣", "9" * 5000])
def test_a_setting_that_is_no_number_is_named(value: str) -> None:
    with pytest.raises(SetupError, match="SAGEMAKER_BIND_TO_PORT must be a number from 1 to 65535"):
        Settings.from_environ({"SAGEMAKER_BIND_TO_PORT": value})
