"""`/openapi.json` against the server that publishes it: requests made from the description, answers held against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.runtime import Image, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
JSON = "application/json"
EXAMPLES = 25

ROW = """
from typing import Literal, Optional

class Model:
    example = {"age": 31, "kind": "new"}

    def load(self, directory): ...

    def predict(
        self, age: float, kind: Literal["new", "old"] = "new", years: Optional[list[int]] = None, name: str = ""
    ) -> float:
        return 2.0 * bool(age) + len(years or []) + len(kind + name)
"""
BATCH = """
import numpy as np

class Model:
    columns = ("age", "tenure")

    def load(self, directory): ...

    def predict(self, instances: np.ndarray) -> np.ndarray:
        return np.isfinite(instances).sum(axis=1)
"""
"""Models that no number is too large for, and whose answers every media type can express: what fails is the server."""


@pytest.fixture(scope="module", params=["fast", "stock"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=[ROW, BATCH], ids=["row", "batch"])
def server(request: pytest.FixtureRequest, kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    image = Image.make(tmp_path_factory.mktemp("described"), request.param)
    image.environ |= {"SHAPEMAKER_SERVE_SERVER": kind, "SHAPEMAKER_SERVE_WORKERS": "1"}
    with image.serving() as running:
        yield running


@schemathesis.serializer("application/x-npy", "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet")
def _bytes(_context: schemathesis.SerializationContext, value: object) -> bytes:
    """No description says what is in these; the server has to tell that it is not what it takes."""
    return value if isinstance(value, bytes) else repr(value).encode()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_answers_to_json_are_as_the_description_has_them(server: Server, mode: str) -> None:
    document = server.request("GET", "/openapi.json").json
    request = document["paths"]["/invocations"]["post"]["requestBody"]
    request["content"] = {JSON: request["content"][JSON]}
    ask(described(document, server)["/invocations"]["POST"], mode, EXAMPLES)


def test_answers_to_other_media_types_are_as_the_description_has_them(server: Server) -> None:
    document = server.request("GET", "/openapi.json").json
    del document["paths"]["/invocations"]["post"]["requestBody"]["content"][JSON]
    ask(described(document, server)["/invocations"]["POST"], GenerationMode.POSITIVE, EXAMPLES)


def test_answers_in_other_media_types_are_as_the_description_has_them(server: Server) -> None:
    document = server.request("GET", "/openapi.json").json
    operation = document["paths"]["/invocations"]["post"]
    operation["requestBody"]["content"] = {JSON: operation["requestBody"]["content"][JSON]}
    for media_type in operation["responses"]["200"]["content"]:
        ask(described(document, server)["/invocations"]["POST"], GenerationMode.POSITIVE, 2, Accept=media_type)


@pytest.mark.parametrize("path", ["/ping", "/execution-parameters", "/metrics", "/openapi.json"])
def test_every_other_answer_is_as_the_description_has_it(server: Server, path: str) -> None:
    document = server.request("GET", "/openapi.json").json
    ask(described(document, server)[path]["GET"], GenerationMode.POSITIVE, 1)


def described(document: dict[str, Any], server: Server) -> Any:
    description = schemathesis.openapi.from_dict(document)
    description.config.update(base_url=f"http://127.0.0.1:{server.port}")
    return description


def ask(operation: Any, mode: str, count: int, **headers: str) -> None:
    # The same requests each time: what is found here is found again by whoever looks into it.
    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def once(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(checks=CHECKS, headers=headers)

    once()
