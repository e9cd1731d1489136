"""Modules that are imported when something of them is first used: most runs need few of them."""

from __future__ import annotations

import importlib
from types import ModuleType


class _Lazy(ModuleType):
    """Stands for a module until one of its names is looked up."""

    def __getattr__(self, name: str) -> object:
        return getattr(importlib.import_module(self.__name__), name)


def modules(package: str, *names: str) -> list[ModuleType]:
    """Modules of a package (empty for none); beside each call stands the import that type checkers see."""
    return [_Lazy(f"{package}.{name}" if package else name) for name in names]
