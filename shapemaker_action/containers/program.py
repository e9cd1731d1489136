"""The user's code inside an image: which files of the repository a model needs there, and which are only data."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_action import naming
from shapemaker_action.containers import tree
from shapemaker_action.containers.dockerignore import DockerIgnore
from shapemaker_action.containers.tree import Entry
from shapemaker_action.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = "program"
"""Where in the context the code is; `/opt/program` in the image."""

_NEVER = DockerIgnore.parse(
    ".git\n.shapemaker\n**/__pycache__\n**/*.pyc\n**/.ipynb_checkpoints\n**/.DS_Store", "built-in"
)


@dataclass(frozen=True, kw_only=True)
class Program:
    """What runs in one image; empty strings for what doesn't. Paths are relative to `root` (resolved)."""

    root: Path
    ignore: DockerIgnore
    include: tuple[str, ...]
    data: tuple[str, ...]
    model: str
    train_entrypoint: str
    evaluate_entrypoint: str
    serve_app: str
    nginx: bool

    def settings(self) -> bytes:
        """`runtime.json`, by which the runtime knows what to call."""
        return naming.canonical(
            {
                "model": self.model,
                "train_entrypoint": self.train_entrypoint,
                "evaluate_entrypoint": self.evaluate_entrypoint,
                "serve_app": self.serve_app,
                "nginx": self.nginx,
            }
        )


def entries(program: Program) -> Iterator[Entry]:
    """The files of `program/`, each once, `runtime.json` among them."""
    found = {entry.path: entry for start in _code(program) for entry in _part(program, start, data=False)}
    found.update({entry.path: entry for start in _included(program) for entry in _part(program, start, data=True)})
    if "runtime.json" in found:
        raise InvalidInputError(
            "runtime.json at the root of the repository would hide the one that shapemaker writes there",
            remedy="give the file another name, or move it into a folder",
        )
    for path, entry in found.items():
        yield Entry(path=f"{FOLDER}/{path}", source=entry.source, executable=entry.executable)
    yield Entry(path=f"{FOLDER}/runtime.json", source=program.settings())


def ignore(root: Path, dockerfile: str = "") -> DockerIgnore:
    """What never goes into a context, and what the user's `.dockerignore` drops (or brings back with `!`).

    As with docker, `<dockerfile>.dockerignore` beside the Dockerfile goes before the general one.
    """
    names = (f"{dockerfile}.dockerignore", ".dockerignore") if dockerfile else (".dockerignore",)
    name = next((each for each in names if (root / each).is_file()), "")
    own = DockerIgnore.parse("\n".join(f"/{each}" for each in names))
    if not name:
        return _NEVER + own
    try:
        return _NEVER + DockerIgnore.parse((root / name).read_text("utf-8"), name) + own
    except UnicodeDecodeError:
        raise InvalidInputError(f"{name} is not UTF-8 text", remedy="save it as UTF-8") from None


def enters(ignored: DockerIgnore, path: str) -> bool:
    """Whether anything below the folder `path` can be wanted."""
    return ignored.negates or not ignored.ignores(path)


def clean(path: str) -> str:
    """The plain form of a path that a person wrote (`./train.py`)."""
    return posixpath.normpath(path)


def _code(program: Program) -> list[str]:
    scripts = [clean(each) for each in (program.train_entrypoint, program.evaluate_entrypoint) if each]
    modules = [_top_level(program.root, each) for each in (program.model, program.serve_app) if each]
    return [*modules, *scripts]


def _top_level(root: Path, reference: str) -> str:
    """The package folder or module file behind `package.module:name`."""
    # An application may be told to be asgi: or wsgi:, a module be called wsgi.
    module = reference.split(":")[-2] if ":" in reference else reference
    name = module.partition(".")[0]
    if (root / name).is_dir():
        return name
    if (root / f"{name}.py").is_file():
        return f"{name}.py"
    raise InvalidInputError(
        f"{reference!r} names the package {name!r}, but the repository has neither {name}/ nor {name}.py",
        remedy="correct the reference, or run in the repository's root",
    )


def _included(program: Program) -> list[str]:
    found: list[str] = []
    for path in program.include:
        matches = [] if path.startswith("/") else _expand(program.root, path)
        if not matches:
            raise InvalidInputError(
                f"build.include: {path!r} matches nothing in the repository", remedy="correct or remove the path"
            )
        found += matches
    return found


def _expand(root: Path, path: str) -> list[str]:
    if not any(char in path for char in "*?["):
        return [clean(path)]
    return sorted(each.relative_to(root).as_posix() for each in root.glob(clean(path)))


def _part(program: Program, start: str, *, data: bool) -> Iterator[Entry]:
    """The files at or below `start`, with or without what is only data there."""
    apart = () if data else tuple(_data(program, start))

    def keep(path: str) -> bool:
        return not program.ignore.ignores(path) and not _is_within(path, apart)

    found = list(tree.walk(program.root, start, keep=keep, enter=lambda path: enters(program.ignore, path)))
    if not found:
        raise InvalidInputError(
            f"nothing of {start} is left for the image",
            remedy="look at build.exclude and .dockerignore, which drop all of it",
        )
    yield from found


def _data(program: Program, start: str) -> Iterator[str]:
    """Channel sources and requests below `start`. A source that holds `start` itself cannot be set apart."""
    for path in (each for each in program.data if not each.startswith("/")):
        for each in _expand(program.root, path):
            if each != start and not start.startswith(f"{each}/") and each != ".":
                yield each


def _is_within(path: str, folders: tuple[str, ...]) -> bool:
    # Code stays although it lies among the data: a loader in `data/__init__.py` is imported.
    return not path.endswith(".py") and any(path == each or path.startswith(f"{each}/") for each in folders)
