"""Values that fit an annotation: from the text of a hyperparameter, or from JSON in a request."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import inspect
import types
import typing
from contextlib import suppress

from shapemaker_runtime import strict_json

_UNIONS = (typing.Union, getattr(types, "UnionType", typing.Union))


class UnfitError(ValueError):
    """The value does not fit; the message says what would."""


class UnsupportedError(Exception):
    """Nothing is known about values for this annotation; the message names it."""


def from_text(annotation: object, text: str) -> object:
    """The value that a text stands for: JSON where JSON fits the annotation, else the text itself.

    So `3` is an int for int, float and unannotated parameters, and stays a text for str; `"a"` in quotes, as the
    SageMaker SDK sends it, is the text a.
    """
    for reading in _readings(text):
        with suppress(UnfitError):
            return from_json(annotation, reading)
    raise UnfitError(describe(annotation))


def from_json(annotation: object, value: object) -> object:
    """The value as the annotation has it; `UnfitError` if JSON of this kind does not fit."""
    annotation = unwrap(annotation)
    if annotation is typing.Any or annotation is object:
        return value
    origin = typing.get_origin(annotation) or annotation
    if isinstance(origin, type) and issubclass(origin, enum.Enum):
        return _enum(origin, value)
    if is_record(origin):
        return _record(origin, value)
    reader = _READERS.get(origin)
    if reader is None:
        raise UnsupportedError(describe(annotation))
    return reader(annotation, value)


def members(annotation: object) -> tuple[object, ...]:
    """The members of a union; empty for anything else."""
    return typing.get_args(annotation) if typing.get_origin(annotation) in _UNIONS else ()


def is_record(annotation: object) -> bool:
    """Whether this is a dataclass or a TypedDict."""
    return isinstance(annotation, type) and (dataclasses.is_dataclass(annotation) or typing.is_typeddict(annotation))


def record_members(kind: typing.Any) -> dict[str, tuple[object, bool]]:
    """The annotation of each member of a dataclass or TypedDict, and whether it must be given."""
    try:
        hints = typing.get_type_hints(kind, include_extras=True)
    except NameError as error:
        raise UnsupportedError(f"{kind.__name__}: {error}") from None
    if typing.is_typeddict(kind):
        return {name: _key(hint, is_required=name in kind.__required_keys__) for name, hint in hints.items()}
    nothing = dataclasses.MISSING
    return {
        each.name: (hints[each.name], each.default is nothing and each.default_factory is nothing)
        for each in dataclasses.fields(kind)
        if each.init
    }


def _key(hint: object, *, is_required: bool) -> tuple[object, bool]:
    # The names are newer than the oldest Python that we run on, where typing_extensions has them.
    name = str(typing.get_origin(hint)).rpartition(".")[2]
    return (
        (typing.get_args(hint)[0], name == "Required") if name in ("Required", "NotRequired") else (hint, is_required)
    )


def describe(annotation: object) -> str:
    """The annotation in words for a message."""
    annotation = unwrap(annotation)
    if annotation is bool:
        return "true or false"
    if typing.get_origin(annotation) is typing.Literal:
        return "one of " + ", ".join(repr(option) for option in typing.get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return "one of " + ", ".join(repr(member.value) for member in annotation)
    return inspect.formatannotation(annotation)


def _readings(text: str) -> list[object]:
    if text in _PYTHON_WORDS:
        return [_PYTHON_WORDS[text], text]
    try:
        return [strict_json.loads(text.encode("utf-8", "replace")), text]
    except strict_json.JsonError:
        return [text]


# As str() in Python writes them.
_PYTHON_WORDS: dict[str, object] = {"True": True, "False": False, "None": None}


def unwrap(annotation: object) -> object:
    """What stands behind Annotated and NewType."""
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        else:
            return annotation


def _bool(annotation: object, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise UnfitError(describe(annotation))


def _int(annotation: object, value: object) -> int:
    # JSON has one kind of number: 3.0 is as good as 3.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise UnfitError(describe(annotation))


def _float(annotation: object, value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST:
        return float(value)
    raise UnfitError(describe(annotation))


_LARGEST = int(float.fromhex("0x1.fffffffffffffp+1023"))


def _str(annotation: object, value: object) -> str:
    if isinstance(value, str):
        return value
    raise UnfitError(describe(annotation))


def _none(_annotation: object, value: object) -> None:
    if value is not None:
        raise UnfitError("null")


def _literal(annotation: object, value: object) -> object:
    for option in typing.get_args(annotation):
        if type(option) is type(value) and option == value:
            return option
    raise UnfitError(describe(annotation))


def _enum(annotation: type[enum.Enum], value: object) -> enum.Enum:
    for member in annotation:
        if type(member.value) is type(value) and member.value == value:
            return member
    if isinstance(value, str) and value in annotation.__members__:
        return annotation[value]
    raise UnfitError(describe(annotation))


def _union(annotation: object, value: object) -> object:
    for member in typing.get_args(annotation):
        with suppress(UnfitError):
            return from_json(member, value)
    raise UnfitError(describe(annotation))


def _items(annotation: object, value: object) -> list[object]:
    if not isinstance(value, list):
        raise UnfitError(describe(annotation))
    of = typing.get_args(annotation)[0] if typing.get_args(annotation) else typing.Any
    return [from_json(of, item) for item in value]


def _tuple(annotation: object, value: object) -> tuple[object, ...]:
    of = typing.get_args(annotation)
    if not of or of[-1] is Ellipsis:
        return tuple(_items(annotation, value))
    if not isinstance(value, list) or len(value) != len(of):
        raise UnfitError(describe(annotation))
    return tuple(from_json(each, value[index]) for index, each in enumerate(of))


def _object(annotation: object, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise UnfitError(describe(annotation))
    of = typing.get_args(annotation)[1] if typing.get_args(annotation) else typing.Any
    return {name: from_json(of, each) for name, each in value.items()}


def _record(kind: typing.Any, value: object) -> object:
    """A dataclass is made of its members; a ValueError of its own check says that they do not fit."""
    if not isinstance(value, dict):
        raise UnfitError(f"an object ({kind.__name__})")
    known = record_members(kind)
    if not value.keys() <= known.keys():
        raise UnfitError(f"no other fields than {', '.join(known)}")
    found = {}
    for name, (annotation, is_required) in known.items():
        if name in value:
            try:
                found[name] = from_json(annotation, value[name])
            except UnfitError as error:
                raise UnfitError(f"{error} as {name}") from None
        elif is_required:
            raise UnfitError(f"the field {name}")
    try:
        return kind(**found)
    except ValueError:
        raise UnfitError(f"a valid {kind.__name__}") from None


_Reader = typing.Callable[[typing.Any, object], object]
_READERS: dict[object, _Reader] = {
    bool: _bool,
    int: _int,
    float: _float,
    str: _str,
    type(None): _none,
    typing.Literal: _literal,
    **dict.fromkeys(_UNIONS, _union),
    **dict.fromkeys((list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection), _items),
    tuple: _tuple,
    **dict.fromkeys((dict, collections.abc.Mapping, collections.abc.MutableMapping), _object),
}
