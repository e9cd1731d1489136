"""Media types of the model's own: `decoders` and `encoders`, which say what becomes of bodies and of answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shapemaker_runtime.errors import ModelOutputError, RequestError, SetupError
from shapemaker_runtime.serving import arrays, columns
from shapemaker_runtime.serving.formats import Body, Fields, Instances, Payload, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Hooks:
    """By media type: bytes to instances (a list, an array, a DataFrame) or to fields (a dict); an answer to bytes."""

    decoders: Mapping[str, Callable[[bytes], object]] = field(default_factory=dict)
    encoders: Mapping[str, Callable[[Any], object]] = field(default_factory=dict)

    @classmethod
    def of(cls, model: object) -> Hooks:
        """Those that the model declares; `SetupError` names what is no function of it."""
        return cls(_functions(model, "decoders"), _functions(model, "encoders"))

    def decodes(self, content_type: str) -> bool:
        """Whether a body of this type is the model's to read."""
        return bool(self.decoders) and parse(content_type)[0] in self.decoders

    def decode(self, content_type: str, body: Body) -> Payload:
        """Whatever the model raises passes."""
        found = self.decoders[parse(content_type)[0]](bytes(body))
        if isinstance(found, dict):
            return Fields(found)
        if hasattr(found, "iloc") and hasattr(found, "columns"):
            return columns.from_frame(found)
        if isinstance(found, (list, tuple)) or arrays.is_array(found):
            return Instances(list(found) if isinstance(found, tuple) else found)
        raise ModelOutputError(f"the model's decoder gave a {type(found).__name__}, not a dict, a list or an array")

    def encode(self, media_type: str, answer: object) -> bytes:
        """Whatever the model raises passes."""
        found = self.encoders[media_type](answer)
        if not isinstance(found, bytes):
            raise ModelOutputError(f"the model's encoder gave a {type(found).__name__}, not bytes")
        return found


NONE = Hooks()


def check_count(payload: Payload, max_rows: int) -> Payload:
    """The payload, unless it has no instances (400) or too many (413)."""
    if not isinstance(payload, Fields):
        count = len(payload.rows if isinstance(payload, Instances) else payload)
        check_most(count, max_rows)
        if count == 0:
            raise RequestError(400, "there are no instances")
    return payload


def check_most(count: int, max_rows: int) -> None:
    """413 for more rows than one request may have."""
    if count > max_rows:
        raise RequestError(413, f"more than {max_rows} instances in one request")


def _functions(model: object, attribute: str) -> dict[str, Callable[[Any], object]]:
    declared = getattr(model, attribute, None) or {}
    if not isinstance(declared, dict):
        raise SetupError(f"Model.{attribute} must be a dict from media types to methods")
    found = {}
    for media_type, value in declared.items():
        function = getattr(model, value, None) if isinstance(value, str) else value
        if not callable(function):
            raise SetupError(f"Model.{attribute}[{media_type!r}] must be the name of a method, or a function")
        found[parse(str(media_type))[0]] = function
    return found
