"""`dataclass` for the modules that every run imports: the same contract at a tenth of the price.

The standard library's imports inspect, ast and tokenize, and compiles source text for each class: together that costs
more than a whole `validate`. To type checkers this one is the standard library's; `replace`, `fields` and `asdict` of
`dataclasses` take its instances.
"""

from __future__ import annotations

import importlib
from functools import cached_property

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

_NAME = "__record__"
_MISSING = object()


class _Said:
    """What was said about a field."""

    def __init__(self, **said: object) -> None:
        self.said = said


class _Record:
    """The fields of a class, those of its bases included."""

    def __init__(self, cls: type, *, frozen: bool) -> None:
        self.frozen = frozen
        self.fields: dict[str, dict[str, object]] = {}
        for base in reversed(cls.__mro__[1:]):
            inherited = base.__dict__.get(_NAME)
            self.fields |= inherited.fields if inherited else {}
        for name, annotation in cls.__dict__.get("__annotations__", {}).items():  # noqa: RUF063 - that needs inspect
            if not str(annotation).startswith("ClassVar"):
                self.fields[name] = self._field(cls, name)
        said = self.fields.items()
        self.defaults = {name: each["default"] for name, each in said if "default" in each}
        self.factories = {name: each["default_factory"] for name, each in said if "default_factory" in each}
        self.shown = [name for name, each in said if each.get("repr", True)]
        self.compared = [name for name, each in said if each.get("compare", True)]

    @cached_property
    def twin(self) -> type:
        """A class of the standard library's with the same fields."""
        library = importlib.import_module("dataclasses")
        body: dict[str, object] = {name: library.field(**said) for name, said in self.fields.items()}
        body["__annotations__"] = dict.fromkeys(self.fields, "object")
        made: type = library.dataclass(frozen=self.frozen, kw_only=True)(type("Twin", (), body))
        return made

    @staticmethod
    def _field(owner: type, name: str) -> dict[str, object]:
        value = owner.__dict__.get(name, _MISSING)
        if not isinstance(value, _Said):
            return {} if value is _MISSING else {"default": value}
        delattr(owner, name)
        if "default" in value.said:
            setattr(owner, name, value.said["default"])
        return value.said


def _record(instance: object) -> _Record:
    record: _Record = getattr(instance, _NAME)
    return record


def _compared(instance: object) -> tuple[object, ...]:
    return tuple([getattr(instance, name) for name in _record(instance).compared])


class _Real:
    """An attribute that `dataclasses` looks for: `dataclasses` itself makes it then."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, _: object, owner: type) -> object:
        return getattr(_record(owner).twin, self._name)


def _init(self: object, /, **given: object) -> None:
    record = _record(self)
    values = self.__dict__
    values.update(record.defaults)
    for name, factory in record.factories.items():
        if name not in given:
            values[name] = factory()  # type: ignore[operator]  # `field` was given one
    values.update(given)
    if values.keys() != record.fields.keys():
        wrong = ", ".join(sorted(values.keys() ^ record.fields.keys()))
        raise TypeError(f"{type(self).__name__}() lacks or does not know: {wrong}")


def _repr(self: object) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in _record(self).shown)
    return f"{type(self).__qualname__}({shown})"


def _eq(self: object, other: object) -> bool:
    return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented


def _lt(self: object, other: object) -> bool:
    return _compared(self) < _compared(other) if type(other) is type(self) else NotImplemented


def _hash(self: object) -> int:
    return hash(_compared(self))


def _refuse(self: object, name: str, *_: object) -> None:
    library = importlib.import_module("dataclasses")
    raise library.FrozenInstanceError(f"cannot change the field {name!r} of a {type(self).__name__}")


_METHODS: dict[str, object] = {
    "__init__": _init,
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": None,
    "__dataclass_fields__": _Real("__dataclass_fields__"),
    "__dataclass_params__": _Real("__dataclass_params__"),
}
_FROZEN: dict[str, object] = {"__hash__": _hash, "__setattr__": _refuse, "__delattr__": _refuse}


def _dataclass(*, frozen: bool = False, kw_only: bool = False, order: bool = False) -> Callable[[type[T]], type[T]]:
    if not kw_only:
        raise TypeError("a record takes its fields by name: write kw_only=True")
    methods = _METHODS | (_FROZEN if frozen else {}) | ({"__lt__": _lt} if order else {})

    def make(cls: type[T]) -> type[T]:
        setattr(cls, _NAME, _Record(cls, frozen=frozen))
        for name, method in methods.items():
            if name not in cls.__dict__:
                setattr(cls, name, method)
        return cls

    return make


def _replace(instance: T, /, **changes: object) -> T:
    values = {name: getattr(instance, name) for name in _record(instance).fields}
    return type(instance)(**values | changes)


if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:
    dataclass, field, replace = _dataclass, _Said, _replace

__all__ = ["dataclass", "field", "replace"]
