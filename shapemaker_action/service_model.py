"""Requests checked against botocore's description of a service: types, names, patterns, lengths, ranges and enums.

botocore's own client checks only part of this before it sends (no patterns, maxima or enums), so both the
configuration's `api:` blocks and the local SageMaker ask here. Only data files are read; botocore is not imported.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from shapemaker_action import java_pattern, lazy
from shapemaker_action.errors import EnvironmentProblemError
from shapemaker_action.record import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime as dt
    import difflib
    import gzip
    from collections.abc import Callable, Iterable, Iterator
    from typing import Literal, TypeAlias, TypedDict

    class _Reference(TypedDict, total=False):
        shape: str

    class Shape(TypedDict, total=False):
        """The part of a botocore shape that constrains a value."""

        type: str
        members: dict[str, _Reference]
        required: list[str]
        union: bool
        member: _Reference
        key: _Reference
        value: _Reference
        enum: list[str]
        pattern: str
        min: float
        max: float

    class _Operation(TypedDict, total=False):
        input: _Reference

    class Document(TypedDict):
        """A service's description, as far as requests are concerned."""

        operations: dict[str, _Operation]
        shapes: dict[str, Shape]
else:
    dt, difflib, gzip = lazy.modules("", "datetime", "difflib", "gzip")

Kind: TypeAlias = "Literal['missing', 'unknown', 'type', 'pattern', 'length', 'range', 'enum']"
Location: TypeAlias = tuple[str | int, ...]

_LISTED_CHOICES = 12
_NAME_LENGTH = 63
_INT32 = 2**31


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One broken rule. `path` leads to the value at fault through member names, list indexes and map keys."""

    path: Location
    kind: Kind
    value: object
    constraint: str
    """AWS's words: `Member must not be null`."""
    expected: str
    """Words for people: `at most 63 characters`."""
    suggestion: str = ""
    """What may have been meant; empty when nothing comes close."""
    container: object = None
    """The whole list or map when a scalar in it is at fault: AWS's message names and shows that."""


def data_directory() -> Path:
    """The data files of botocore, found without importing botocore."""
    spec = importlib.util.find_spec("botocore")
    if spec is None or spec.origin is None:
        raise EnvironmentProblemError(
            "botocore is not installed",
            state="requests cannot be checked without its service descriptions",
            remedy="install shapemaker with its dependencies: pip install shapemaker",
        )
    return Path(spec.origin).parent / "data"


@functools.cache
def load(service: str) -> ServiceModel:
    """The newest description of a service by its boto3 name (`sagemaker`, `ecr`)."""
    versions = sorted(path for path in (data_directory() / service).glob("*") if path.is_dir())
    if not versions:
        raise LookupError(f"botocore describes no service named {service!r}")
    plain = versions[-1] / "service-2.json"
    raw = plain.read_bytes() if plain.is_file() else gzip.decompress((versions[-1] / "service-2.json.gz").read_bytes())
    document: Document = json.loads(raw)
    return ServiceModel(document)


class ServiceModel:
    """One service's operations and shapes; a check touches only the shapes that the request mentions."""

    def __init__(self, document: Document) -> None:
        self._operations = document["operations"]
        self._shapes = document["shapes"]
        self._checks: dict[str, Callable[[Shape, object, Location], Iterator[Violation]]] = {
            "structure": self._structure,
            "list": self._list,
            "map": self._map,
            "string": _string,
            "boolean": _boolean,
            "integer": _integer,
            "long": _integer,
            "float": _float,
            "double": _float,
            "timestamp": _timestamp,
            "blob": _blob,
        }

    @property
    def operations(self) -> frozenset[str]:
        """The names of all operations."""
        return frozenset(self._operations)

    def shape(self, name: str) -> Shape:
        """A shape by name, for its enum or limits."""
        return self._shapes[name]

    def input_members(self, operation: str) -> tuple[str, ...]:
        """The top-level members of an operation's request."""
        reference = self._operations[operation].get("input")
        return tuple(self._shapes[reference["shape"]].get("members", {})) if reference else ()

    def input_shape(self, operation: str) -> str:
        """The name of the shape of an operation's request; empty when it takes none."""
        reference = self._operations[operation].get("input")
        return reference["shape"] if reference else ""

    def check(self, operation: str, body: object, *, partial: bool = False) -> list[Violation]:
        """Every violation in a request, in document order; `partial` does not demand the top-level members."""
        reference = self._operations[operation].get("input")
        shape: Shape = self._shapes[reference["shape"]] if reference else {"type": "structure", "members": {}}
        found = self._structure(shape, body, ())
        return [violation for violation in found if not (partial and _is_top_level_gap(violation))]

    def _value(self, name: str, value: object, path: Location) -> Iterator[Violation]:
        shape = self._shapes[name]
        return self._checks[shape["type"]](shape, value, path)

    def _structure(self, shape: Shape, value: object, path: Location) -> Iterator[Violation]:
        if not isinstance(value, Mapping):
            yield _wrong_type(value, path, "a mapping")
            return
        members = shape.get("members", {})
        given = {name: item for name, item in value.items() if item is not None}
        for name, item in given.items():
            if name in members:
                yield from self._value(members[name]["shape"], item, (*path, name))
            else:
                yield _unknown(name, item, path, members)
        for name in shape.get("required", ()):
            if name not in given:
                yield Violation(
                    path=(*path, name),
                    kind="missing",
                    value=None,
                    constraint="Member must not be null",
                    expected=f"a value for {name}",
                )
        if shape.get("union") and len(given) != 1:
            yield _wrong_type(value, path, f"exactly one of {', '.join(members)}")

    def _list(self, shape: Shape, value: object, path: Location) -> Iterator[Violation]:
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes, bytearray)):
            yield _wrong_type(value, path, "a list")
            return
        yield from _size(shape, value, path, "item")
        element = shape["member"]["shape"]
        for index, item in enumerate(value):
            for violation in self._value(element, item, (*path, index)):
                yield self._contained(violation, (*path, index), element, value, "Member")

    def _map(self, shape: Shape, value: object, path: Location) -> Iterator[Violation]:
        if not isinstance(value, Mapping):
            yield _wrong_type(value, path, "a mapping")
            return
        yield from _size(shape, value, path, "entry")
        key_shape, value_shape = shape["key"]["shape"], shape["value"]["shape"]
        for key, item in value.items():
            place = (*path, str(key))
            for violation in self._value(key_shape, key, place):
                yield self._contained(violation, place, key_shape, value, "Map keys")
            for violation in self._value(value_shape, item, place):
                yield self._contained(violation, place, value_shape, value, "Map value")

    def _contained(
        self, violation: Violation, place: Location, shape_name: str, container: object, subject: str
    ) -> Violation:
        """AWS reports a scalar in a list or map as a fault of the container, with all rules of the element."""
        if violation.path != place or violation.kind not in ("pattern", "length", "range", "enum"):
            return violation
        shape = self._shapes[shape_name]
        if shape["type"] in ("list", "map"):
            return violation
        rules = ", ".join(_constraints(shape))
        return replace(violation, constraint=f"{subject} must satisfy constraint: [{rules}]", container=container)


def aws_message(violations: Sequence[Violation]) -> str:
    """The text of AWS's ValidationException for these violations.

    Of kind `type` AWS answers a SerializationException instead, and `unknown` members it ignores: a server decides
    about those two before it comes here.
    """
    found = list(dict.fromkeys(_aws_sentence(violation) for violation in violations))
    count = len(found)
    return f"{count} validation error{'s' if count != 1 else ''} detected: {'; '.join(found)}"


def _aws_sentence(violation: Violation) -> str:
    path, value = violation.path, violation.value
    if violation.container is not None:
        path, value = path[:-1], violation.container
    shown = "null" if value is None else f"'{_aws_value(value)}'"
    return f"Value {shown} at '{_aws_path(path)}' failed to satisfy constraint: {violation.constraint}"


def _aws_path(path: Location) -> str:
    """`("Tags", 0, "Key")` is `tags.1.member.key` for AWS."""
    parts = (f"{part + 1}.member" if isinstance(part, int) else part[:1].lower() + part[1:] for part in path)
    return ".".join(parts)


def _aws_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={_aws_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_aws_value(item) for item in value) + "]"
    return str(value)


def _is_top_level_gap(violation: Violation) -> bool:
    return violation.kind == "missing" and len(violation.path) == 1


def _wrong_type(value: object, path: Location, expected: str) -> Violation:
    return Violation(path=path, kind="type", value=value, constraint=f"Member must be {expected}", expected=expected)


def _unknown(name: object, item: object, path: Location, members: Iterable[str]) -> Violation:
    known = list(members)
    return Violation(
        path=(*path, str(name)),
        kind="unknown",
        value=item,
        constraint="Member is not known",
        expected=_choice(known),
        suggestion=_closest(str(name), known),
    )


def _closest(text: str, known: Sequence[str]) -> str:
    """The nearest known word, letter case aside."""
    folded = {word.lower(): word for word in known}
    match = difflib.get_close_matches(text.lower(), folded, n=1)
    return folded[match[0]] if match else ""


def _choice(words: Sequence[str]) -> str:
    if len(words) <= _LISTED_CHOICES:
        return f"one of {', '.join(words)}" if words else "nothing"
    return f"one of {', '.join(words[:_LISTED_CHOICES])}, … ({len(words)} in all)"


def _string(shape: Shape, value: object, path: Location) -> Iterator[Violation]:
    if not isinstance(value, str):
        yield _wrong_type(value, path, "a string")
        return
    yield from _size(shape, value, path, "character")
    if "enum" in shape and value not in shape["enum"]:
        yield Violation(
            path=path,
            kind="enum",
            value=value,
            constraint=_enum_rule(shape["enum"]),
            expected=_choice(shape["enum"]),
            suggestion=_closest(value, shape["enum"]),
        )
    pattern = shape.get("pattern")
    if pattern is not None and not java_pattern.matches(pattern, value):
        yield Violation(
            path=path,
            kind="pattern",
            value=value,
            constraint=_pattern_rule(pattern),
            expected=f"a value of the pattern {pattern}",
            suggestion=_as_name(pattern, value),
        )


def _as_name(pattern: str, value: str) -> str:
    """`my_job` as `my-job`, where that is what the pattern asks for."""
    name = re.sub(r"[^a-zA-Z0-9]+", "-", value[:_NAME_LENGTH]).strip("-")
    return name if name and java_pattern.matches(pattern, name) else ""


def _size(
    shape: Shape, value: str | Sequence[object] | Mapping[str, object], path: Location, unit: str
) -> Iterator[Violation]:
    violation = Violation(path=path, kind="length", value=value, constraint="", expected="")
    yield from _bounds(shape, len(value), violation, unit)


def _bounds(shape: Shape, amount: float, violation: Violation, unit: str = "") -> Iterator[Violation]:
    noun = "length" if violation.kind == "length" else "value"
    least, most = shape.get("min"), shape.get("max")
    if least is not None and amount < least:
        rule = f"Member must have {noun} greater than or equal to {_plain(least)}"
        yield replace(violation, constraint=rule, expected=f"at least {_counted(least, unit)}")
    if most is not None and amount > most:
        rule = f"Member must have {noun} less than or equal to {_plain(most)}"
        yield replace(violation, constraint=rule, expected=f"at most {_counted(most, unit)}")


def _counted(count: float, unit: str) -> str:
    plural = {"": "", "entry": "entries"}.get(unit, f"{unit}s")
    return f"{_plain(count)} {unit if count == 1 else plural}".rstrip()


def _boolean(_: Shape, value: object, path: Location) -> Iterator[Violation]:
    if not isinstance(value, bool):
        yield _wrong_type(value, path, "true or false")


def _integer(shape: Shape, value: object, path: Location) -> Iterator[Violation]:
    if isinstance(value, bool) or not isinstance(value, int):
        yield _wrong_type(value, path, "a whole number")
        return
    bounds: Shape = shape if shape["type"] == "long" else {"min": -_INT32, "max": _INT32 - 1, **shape}
    yield from _bounds(bounds, value, Violation(path=path, kind="range", value=value, constraint="", expected=""))


def _float(shape: Shape, value: object, path: Location) -> Iterator[Violation]:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        yield _wrong_type(value, path, "a finite number")
        return
    yield from _bounds(shape, value, Violation(path=path, kind="range", value=value, constraint="", expected=""))


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


def _timestamp(_: Shape, value: object, path: Location) -> Iterator[Violation]:
    if isinstance(value, bool) or not isinstance(value, (int, float, str, dt.datetime)):
        yield _wrong_type(value, path, "a time")


def _blob(_: Shape, value: object, path: Location) -> Iterator[Violation]:
    if not isinstance(value, (str, bytes, bytearray)) and not hasattr(value, "read"):
        yield _wrong_type(value, path, "bytes")


def _constraints(shape: Shape) -> Iterator[str]:
    """All rules of a scalar in AWS's words, in the order in which AWS lists them."""
    noun = "length" if shape["type"] == "string" else "value"
    if "max" in shape:
        yield f"Member must have {noun} less than or equal to {_plain(shape['max'])}"
    if "min" in shape:
        yield f"Member must have {noun} greater than or equal to {_plain(shape['min'])}"
    if "pattern" in shape:
        yield _pattern_rule(shape["pattern"])
    if "enum" in shape:
        yield _enum_rule(shape["enum"])


def _enum_rule(words: Sequence[str]) -> str:
    return f"Member must satisfy enum value set: [{', '.join(words)}]"


def _pattern_rule(pattern: str) -> str:
    """AWS shows the anchor that botocore's data leave out."""
    anchored = pattern if pattern.startswith(("^", ".", "\\A")) else f"^{pattern}"
    return f"Member must satisfy regular expression pattern: {anchored}"
