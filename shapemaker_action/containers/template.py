"""The framework templates: what `templates/dockerfiles/<framework>/framework.yaml` says about a build context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import yaml

from shapemaker_action.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Target = Literal["training", "inference"]


@dataclass(frozen=True, kw_only=True)
class ProcessRecipe:
    """How the process engine makes what the Dockerfile makes with containers, for one target."""

    requirements: tuple[tuple[str, ...], ...]
    """Files of the build context: one tuple per layer, those of a layer are installed together."""
    entrypoint: tuple[str, ...]
    """A leading `python` is the interpreter that runs shapemaker."""
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Template:
    """One framework."""

    name: str
    directory: Path
    python: str
    base_image: str
    """With `{python}` where the version goes."""
    runtime: Mapping[Target, tuple[str, ...]]
    """Globs below `templates/runtime/`."""
    process: Mapping[Target, ProcessRecipe]


def names(templates: Path) -> list[str]:
    """The frameworks there are."""
    return sorted(each.parent.name for each in templates.glob("dockerfiles/*/framework.yaml"))


def load(name: str, templates: Path) -> Template:
    """Read one; raises `InvalidInputError` naming those that exist."""
    if name not in names(templates):
        raise InvalidInputError(
            f"there is no framework {name!r}",
            remedy=f"set build.framework to one of: {', '.join(names(templates))}; or bring build.dockerfile",
        )
    directory = templates / "dockerfiles" / name
    try:
        return _parse(name, directory, yaml.safe_load((directory / "framework.yaml").read_text("utf-8")))
    except (KeyError, TypeError, AttributeError, ValueError, yaml.YAMLError) as error:
        raise InvalidInputError(
            f"{directory / 'framework.yaml'} does not describe a framework: {error!r}",
            remedy="compare it with the framework.yaml of another framework",
        ) from None


def _parse(name: str, directory: Path, document: Mapping[str, object]) -> Template:
    return Template(
        name=name,
        directory=directory,
        python=str(document["python"]),
        base_image=str(document["base_image"]),
        runtime={target: _strings(_mapping(document["runtime"])[target]) for target in _TARGETS},
        process={target: _recipe(_mapping(_mapping(document["process"])[target])) for target in _TARGETS},
    )


_TARGETS: tuple[Target, ...] = ("training", "inference")


def _recipe(document: Mapping[str, object]) -> ProcessRecipe:
    return ProcessRecipe(
        requirements=tuple(_strings(files) for files in _list(document["requirements"])),
        entrypoint=_strings(document["entrypoint"]),
        environment={key: str(value) for key, value in _mapping(document.get("environment", {})).items()},
    )


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no mapping")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return value


def _strings(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in _list(value))
