"""What most runs do without: modules, compiled patterns and other values that are made when they are first used.

A start is counted in milliseconds, and `typing` would be two of them. So the modules that every start imports write
`TYPE_CHECKING = False`, which type checkers know, and import from `typing` below it.
"""

from __future__ import annotations

import importlib
import re
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")


class _Module(ModuleType):
    """Stands for a module until one of its names is looked up."""

    def __getattr__(self, name: str) -> object:
        return getattr(importlib.import_module(self.__name__), name)


class _Value:
    """Stands for a value until one of its names is looked up."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> object:
        if "_made" not in self.__dict__:
            self._made = self._make()
        value: object = getattr(self._made, name)
        return value


def modules(package: str, *names: str) -> list[ModuleType]:
    """Modules of a package (empty for none); beside each call stands the import that type checkers see."""
    return [_Module(f"{package}.{name}" if package else name) for name in names]


def value(make: Callable[[], T]) -> T:
    """What `make` returns, made when it is wanted. Only its names can be used: it is not of its type."""
    return _Value(make)  # type: ignore[return-value]  # it stands for one


def pattern(text: str, flags: re.RegexFlag | int = 0) -> re.Pattern[str]:
    """As `re.compile`."""
    return value(lambda: re.compile(text, flags))
