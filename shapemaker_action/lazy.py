"""What most runs do without: modules that are imported, and patterns that are compiled, when they are first used."""

from __future__ import annotations

import importlib
import re
from types import ModuleType
from typing import cast


class _Module(ModuleType):
    """Stands for a module until one of its names is looked up."""

    def __getattr__(self, name: str) -> object:
        return getattr(importlib.import_module(self.__name__), name)


class _Pattern:
    def __init__(self, text: str, flags: re.RegexFlag | int) -> None:
        self._given = (text, flags)

    def __getattr__(self, name: str) -> object:
        value: object = getattr(re.compile(*self._given), name)
        setattr(self, name, value)
        return value


def modules(package: str, *names: str) -> list[ModuleType]:
    """Modules of a package (empty for none); beside each call stands the import that type checkers see."""
    return [_Module(f"{package}.{name}" if package else name) for name in names]


def pattern(text: str, flags: re.RegexFlag | int = 0) -> re.Pattern[str]:
    """As `re.compile`."""
    return cast("re.Pattern[str]", _Pattern(text, flags))
