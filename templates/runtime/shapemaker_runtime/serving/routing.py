"""The routes of a site as a Falcon ASGI app: for servers that know only ASGI, and all but the short ways of ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import falcon
import falcon.asgi
import falcon.routing

from shapemaker_runtime.serving.formats import JSON
from shapemaker_runtime.serving.page import Page
from shapemaker_runtime.serving.reply import log_failure, of_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_runtime.serving.body import App


def app(resources: Mapping[str, object]) -> App:
    """An application with `/ping` and these, by path: pages, and what Falcon calls resources."""
    made = falcon.asgi.App(media_type=JSON, router=_Router())
    made.set_error_serializer(_serialize)
    made.add_error_handler(Exception, _on_exception)
    made.add_route("/ping", _Ping())
    for path, resource in resources.items():
        made.add_route(path, _Shown(resource) if isinstance(resource, Page) else resource)
    return made


class _Ping:
    """Health: the application exists only once the model is loaded, and a loop that answers is not stuck."""

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """200 with an empty body."""
        response.status = 200


class _Shown:
    """A page."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """What it has to say now."""
        response.content_type = self._page.media_type
        response.data = self._page.body()


class _Router(falcon.routing.CompiledRouter):
    def find(self, uri: str, req: Any = None) -> Any:
        """Falcon takes //ping for /ping; what guards paths in front of us may not."""
        return None if uri.startswith("//") else super().find(uri, req)


def _serialize(_request: Any, response: falcon.asgi.Response, error: falcon.HTTPError) -> None:
    response.content_type = JSON
    response.data = json.dumps({"error": error.title}).encode()


async def _on_exception(_request: Any, response: falcon.asgi.Response, error: Exception, _params: Any) -> None:
    reply = of_error(error)
    log_failure(reply, "a request failed")
    response.status = reply.status
    response.content_type = reply.media_type
    response.data = reply.body
