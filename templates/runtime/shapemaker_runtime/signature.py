"""What the methods of the user's model class take, with annotations resolved."""

from __future__ import annotations

import collections.abc
import inspect
import pathlib
import sys
import typing
from dataclasses import dataclass
from pathlib import Path

from shapemaker_runtime.annotation import members
from shapemaker_runtime.errors import SetupError

if typing.TYPE_CHECKING:
    from collections.abc import Callable

NOTHING = inspect.Parameter.empty

if sys.version_info >= (3, 14):
    # Annotations are evaluated when they are read; as text they can be resolved with the names below.
    from annotationlib import Format

    _OPTIONS = {"annotation_format": Format.STRING}
else:
    _OPTIONS: dict[str, typing.Any] = {}

# What annotations name and a module may import for type checkers only.
_NAMES: dict[str, object] = {
    **{name: getattr(collections.abc, name) for name in collections.abc.__all__},
    **{name: getattr(typing, name) for name in typing.__all__ if hasattr(typing, name)},
    "typing": typing,
    "pathlib": pathlib,
    "Path": Path,
}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a method."""

    name: str
    annotation: object
    default: object

    @property
    def is_required(self) -> bool:
        """Whether a value must be given."""
        return self.default is NOTHING

    @property
    def is_path(self) -> bool:
        """Whether it takes a directory: Path, or Path | None."""
        return self.annotation is Path or Path in members(self.annotation)


@dataclass(frozen=True)
class Signature:
    """The parameters of a method, `self` aside."""

    parameters: dict[str, Parameter]
    takes_any: bool
    """There is a `**name`, which takes what no parameter does."""

    def names(self, *, paths: bool) -> list[str]:
        """The parameters that take directories, or the others."""
        return [name for name, parameter in self.parameters.items() if parameter.is_path is paths]


def read(function: Callable[..., object]) -> Signature:
    """The signature of a bound method.

    An annotation with a name that only type checkers import stays a text; `SetupError` names one that is no annotation
    in this version of Python.
    """
    raw = list(inspect.signature(function, **_OPTIONS).parameters.values())
    named = [each for each in raw if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    return Signature(
        parameters={each.name: Parameter(each.name, _annotation(each, function), each.default) for each in named},
        takes_any=any(each.kind is each.VAR_KEYWORD for each in raw),
    )


def _annotation(parameter: inspect.Parameter, function: Callable[..., object]) -> object:
    if parameter.annotation is NOTHING:
        # An untyped `degree=1` says enough.
        known = isinstance(parameter.default, (bool, int, float, str))
        return type(parameter.default) if known else typing.Any

    def holder() -> None: ...

    # One at a time: a name that only type checkers know must not hide the other annotations.
    holder.__annotations__ = {"it": parameter.annotation}
    module = vars(sys.modules[function.__module__]) if function.__module__ in sys.modules else {}
    try:
        return typing.get_type_hints(holder, globalns={**_NAMES, **module})["it"]
    except NameError:
        return parameter.annotation
    except (TypeError, SyntaxError, AttributeError) as error:
        raise SetupError(f"the annotation of {parameter.name} in {function.__qualname__}: {error}") from None
