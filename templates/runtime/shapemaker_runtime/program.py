"""The user's program in the image: where it is, what `runtime.json` says about it, and its model class."""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapemaker_runtime.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Program:
    """`runtime.json` beside the user's code, which the image build writes."""

    root: Path
    model: str = ""
    """`package.module:Class`."""
    train_entrypoint: str = ""
    """A script, relative to `root`, that trains instead of the model class; likewise for evaluation."""
    evaluate_entrypoint: str = ""
    serve_app: str = ""
    """`package.module:attribute` of a WSGI or ASGI application that serves instead of ours."""
    nginx: bool = False


def root(environ: Mapping[str, str]) -> Path:
    """`$SHAPEMAKER_PROGRAM`, which the images set to /opt/program; without it the working directory."""
    return Path(environ.get("SHAPEMAKER_PROGRAM") or ".").resolve()


def load(environ: Mapping[str, str]) -> Program:
    """Read `runtime.json` and make the user's packages importable."""
    place = root(environ)
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))
    fields = read_object(place / "runtime.json")
    try:
        return Program(root=place, **fields)
    except TypeError:
        raise SetupError(f"{place / 'runtime.json'} has unknown fields: {', '.join(fields)}") from None


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object from a file; an absent file is an empty object, since SageMaker leaves out what is not used."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, OSError) as error:
        raise SetupError(f"{path} cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise SetupError(f"{path} must hold a JSON object")
    return document


def new_model(program: Program, methods: Sequence[str]) -> Any:
    """An instance of the model class, made without arguments; it must have these methods."""
    if not program.model:
        raise SetupError("runtime.json names no model class; set model: package.module:Class in shapemaker.yml")
    model = attribute(program.model)()
    missing = [name for name in methods if not callable(getattr(model, name, None))]
    if missing:
        raise SetupError(f"{program.model} lacks {', '.join(f'{name}()' for name in missing)}")
    return model


def attribute(reference: str) -> Any:
    """What `package.module:name` refers to. An exception while the module is imported is the user's, and passes."""
    module_name, colon, name = reference.partition(":")
    if not (module_name and colon and name):
        raise SetupError(f"{reference}: expected package.module:name")
    module = importlib.import_module(module_name)
    if not hasattr(module, name):
        raise SetupError(f"{module_name} has no {name}{did_you_mean(name, vars(module))}")
    return getattr(module, name)


def did_you_mean(name: str, names: Sequence[str] | Mapping[str, Any]) -> str:
    """`; did you mean x?`, or nothing when no name is close."""
    close = get_close_matches(name, list(names), n=1)
    return f"; did you mean {close[0]}?" if close else ""
