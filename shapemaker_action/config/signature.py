"""A method's parameters, read from its source: user code is looked at here, never run."""

from __future__ import annotations

import ast
import json

from shapemaker_action.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn

_WRAPPERS = frozenset({"Optional", "Union", "Annotated"})


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
    defaults = [*[None] * (len(positional) - len(arguments.defaults)), *arguments.defaults]
    pairs = list(zip(positional, defaults, strict=True))
    pairs = pairs if "staticmethod" in decorators else pairs[1:]
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    parameters = tuple(_parameter(argument, default) for argument, default in pairs)
    return Signature(parameters=parameters, is_open=arguments.kwarg is not None)


def _parameter(argument: ast.arg, default: ast.expr | None) -> Parameter:
    annotation = _unquoted(argument.annotation) if argument.annotation else _annotation_of(default)
    return Parameter(
        name=argument.arg,
        is_path=any(_name(each) == "Path" for each in _alternatives(annotation)),
        is_required=default is None,
        annotation=annotation,
    )


def _annotation_of(default: ast.expr | None) -> ast.expr | None:
    """The runtime takes an untyped `degree=1` for an int."""
    if isinstance(default, ast.Constant) and isinstance(default.value, (bool, int, float, str)):
        return ast.Name(id=type(default.value).__name__)
    return None


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
            if _name(value) == "Optional":
                yield ast.Constant(value=None)
        case _:
            yield annotation


def expected(annotation: ast.expr | None, text: str) -> str:
    """What a hyperparameter's text should have been, in words; empty when the annotation takes it."""
    alternatives = list(_alternatives(annotation))
    if not alternatives or any(_takes(each, text) for each in alternatives):
        return ""
    return " or ".join(_words(each) for each in alternatives)


def _takes(annotation: ast.expr, text: str) -> bool:
    """As in the runtime: the JSON reading of the text fits, or the text itself."""
    if isinstance(annotation, ast.Subscript) and _name(annotation) == "Literal":
        options = _literals(annotation)
        return any(type(option) is type(value) and option == value for option in options for value in _readings(text))
    kind = _KINDS.get(_name(annotation))
    return kind is None or any(kind.test(value) for value in _readings(text))


def _readings(text: str) -> list[object]:
    if text in _PYTHON_WORDS:
        return [_PYTHON_WORDS[text], text]
    try:
        return [json.loads(text, parse_constant=_refuse), text]
    except (ValueError, RecursionError):
        return [text]


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _words(annotation: ast.expr) -> str:
    if isinstance(annotation, ast.Subscript) and _name(annotation) == "Literal":
        return f"one of {', '.join(str(each) for each in _literals(annotation))}"
    return _KINDS[_name(annotation)].words


def _literals(annotation: ast.Subscript) -> list[object]:
    parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    return [part.value for part in parts if isinstance(part, ast.Constant)]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return _is_number(value) and (not isinstance(value, float) or value.is_integer())


@dataclass(frozen=True, kw_only=True)
class _Kind:
    words: str
    test: Callable[[object], bool]


_PYTHON_WORDS: dict[str, object] = {"True": True, "False": False, "None": None}
_A_LIST = _Kind(words="a list", test=lambda value: isinstance(value, list))
_A_MAPPING = _Kind(words="a mapping", test=lambda value: isinstance(value, dict))
_KINDS: dict[str, _Kind] = {
    "int": _Kind(words="a whole number", test=_is_whole),
    "float": _Kind(words="a number", test=_is_number),
    "bool": _Kind(words="true or false", test=lambda value: isinstance(value, bool)),
    "str": _Kind(words="a string", test=lambda value: isinstance(value, str)),
    "None": _Kind(words="null", test=lambda value: value is None),
    **dict.fromkeys(("list", "List", "tuple", "Tuple", "Sequence", "Iterable", "Collection"), _A_LIST),
    **dict.fromkeys(("dict", "Dict", "Mapping", "MutableMapping"), _A_MAPPING),
}
"""By the name of an annotation. Others are not judged here."""
