"""A method's parameters, read from its source: user code is looked at here, never run."""

from __future__ import annotations

import ast
import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATH_NAMES = frozenset({"Path", "PosixPath", "PurePath"})
_WRAPPERS = frozenset({"Optional", "Union", "Annotated"})
_INTEGER = re.compile(r"\s*[-+]?[0-9]+\s*")


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One named parameter after `self`."""

    name: str
    is_path: bool
    is_required: bool
    annotation: ast.expr | None


@dataclass(frozen=True, kw_only=True)
class Signature:
    """`is_open` with `**kwargs`: any further name is taken."""

    parameters: tuple[Parameter, ...]
    is_open: bool


def of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Signature | None:
    """The signature; None when a decorator may have changed it."""
    decorators = {each.id if isinstance(each, ast.Name) else "" for each in function.decorator_list}
    if decorators - {"staticmethod", "classmethod"}:
        return None
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    optional = len(arguments.defaults)
    required = positional[: len(positional) - optional] if optional else positional
    kept = positional if "staticmethod" in decorators else positional[1:]
    parameters = [_parameter(each, is_required=each in required) for each in kept]
    keywords = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    parameters += [_parameter(each, is_required=default is None) for each, default in keywords]
    return Signature(parameters=tuple(parameters), is_open=arguments.kwarg is not None)


def _parameter(argument: ast.arg, *, is_required: bool) -> Parameter:
    annotation = _unquoted(argument.annotation)
    return Parameter(
        name=argument.arg,
        is_path=any(_name(each) in _PATH_NAMES for each in _alternatives(annotation)),
        is_required=is_required,
        annotation=annotation,
    )


def _unquoted(annotation: ast.expr | None) -> ast.expr | None:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return ast.parse(annotation.value, mode="eval").body
        except (SyntaxError, ValueError, RecursionError):
            return None
    return annotation


def _name(annotation: ast.expr) -> str:
    """`Path` for `pathlib.Path`, `list` for `list[int]`."""
    match annotation:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value):
            return _name(value)
        case ast.Constant(value=None):
            return "None"
        case _:
            return ""


def _alternatives(annotation: ast.expr | None) -> Iterator[ast.expr]:
    """The members of a union, or the annotation alone."""
    match annotation:
        case None:
            return
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from _alternatives(left)
            yield from _alternatives(right)
        case ast.Subscript(value=value, slice=ast.Tuple(elts=parts)) if _name(value) in _WRAPPERS:
            for part in parts[:1] if _name(value) == "Annotated" else parts:
                yield from _alternatives(part)
        case ast.Subscript(value=value, slice=part) if _name(value) in _WRAPPERS:
            yield from _alternatives(part)
        case _:
            yield annotation


def expected(annotation: ast.expr | None, text: str) -> str:
    """What a hyperparameter's text should have been, in words; empty when the annotation takes it."""
    alternatives = list(_alternatives(annotation))
    wanted = [each for each in alternatives if _name(each) != "None"]
    if not wanted or any(_takes(each, text) for each in wanted):
        return ""
    return " or ".join(_words(each) for each in wanted)


def _takes(annotation: ast.expr, text: str) -> bool:
    if _name(annotation) == "Literal" and isinstance(annotation, ast.Subscript):
        return text in _literals(annotation)
    known = _TYPES.get(_name(annotation))
    return known is None or known[1](text)


def _words(annotation: ast.expr) -> str:
    if isinstance(annotation, ast.Subscript) and _name(annotation) == "Literal":
        return f"one of {', '.join(_literals(annotation))}"
    return _TYPES[_name(annotation)][0]


def _literals(annotation: ast.Subscript) -> list[str]:
    parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    values = [part.value for part in parts if isinstance(part, ast.Constant)]
    return [value if isinstance(value, str) else json.dumps(value, default=str) for value in values]


def _is_float(text: str) -> bool:
    try:
        return math.isfinite(float(text)) or text.strip().lower().lstrip("+-") in ("inf", "infinity", "nan")
    except ValueError:
        return False


def _is_json(kind: type) -> Callable[[str], bool]:
    def test(text: str) -> bool:
        try:
            return isinstance(json.loads(text), kind)
        except (ValueError, RecursionError):
            return False

    return test


_TYPES: dict[str, tuple[str, Callable[[str], bool]]] = {
    "int": ("a whole number", lambda text: _INTEGER.fullmatch(text) is not None),
    "float": ("a number", _is_float),
    "bool": ("true or false", lambda text: text.lower() in ("true", "false")),
    "str": ("a string", lambda _: True),
    **dict.fromkeys(("list", "List", "tuple", "Tuple", "Sequence", "set"), ("a list", _is_json(list))),
    **dict.fromkeys(("dict", "Dict", "Mapping"), ("a mapping", _is_json(dict))),
}
"""By the name of an annotation: what it wants, and whether a text is that. Others are not judged."""
