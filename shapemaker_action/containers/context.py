"""Build contexts: the directory that becomes an image, and its digest, which is known without writing anything."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_action import assets, naming
from shapemaker_action.containers import credential, dockerfile, program, requirements, template, tree
from shapemaker_action.containers.dockerignore import DockerIgnore
from shapemaker_action.containers.tree import Entry
from shapemaker_action.errors import EnvironmentProblemError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapemaker_action.containers.engine import EngineName, Platform
    from shapemaker_action.containers.template import Target, Template


@dataclass(frozen=True, kw_only=True)
class ContextRequest:
    """Everything that decides what an image is made of. Paths are relative to `root`, with slashes."""

    root: Path
    """The repository."""
    target: Target
    platform: Platform
    framework: str = ""
    """A folder of `templates/dockerfiles/`; not looked at when `dockerfile` is set."""
    dockerfile: str = ""
    """The user's own Dockerfile; the context is then the repository."""
    python: str = ""
    """Empty for the framework's default, as is `base_image`."""
    base_image: str = ""
    requirements: str = ""
    """Empty when the project has none."""
    packages: tuple[str, ...] = ()
    args: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    """`package.module:Class`"""
    train_entrypoint: str = ""
    evaluate_entrypoint: str = ""
    serve_app: str = ""
    """`module:attribute`"""
    nginx: bool = False
    accelerate: str = ""
    """A folder of `templates/accelerators/`: what is installed for it, in each image."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    """Channel sources and request files, globs allowed: new data make no new image unless `include` names them."""
    engine: EngineName = "docker"
    """An image of the process engine starts nowhere else, so it has a digest of its own."""
    own_templates: str = ""
    """A folder of the repository, laid out like `templates/`; what it has wins over ours, part by part."""
    templates: Path = field(default_factory=assets.templates)


@dataclass(frozen=True, kw_only=True)
class BuildContext:
    """A written context, with what `ImageBuild` wants to know about it."""

    directory: Path
    digest: str
    """64 hex digits."""
    files: tuple[str, ...]
    dockerfile: str
    target: str
    """The Dockerfile's stage; empty for its last one."""
    args: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class _Recipe:
    """A context before it is written."""

    entries: tuple[Entry, ...]
    dockerfile: str
    stage: str
    args: Mapping[str, str]


def digest(request: ContextRequest) -> str:
    """The digest that `write` would return; reads the repository, writes nothing."""
    return _digest(request, _recipe(request))


def sources(request: ContextRequest) -> frozenset[str]:
    """The files of the repository that the context is made from, links followed; relative to the root."""
    root = _root(request.root)
    real = (entry.source for entry in _recipe(request).entries if isinstance(entry.source, Path))
    inside = {path.relative_to(root).as_posix() for path in real if path.is_relative_to(root)}
    ignores = (f"{request.dockerfile}.dockerignore", ".dockerignore")
    return frozenset({*inside, *requirements.files(root, request.requirements), *ignores})


def write(request: ContextRequest, directory: Path) -> BuildContext:
    """Write the context to `directory`, which must be absent or empty and appears complete or not at all."""
    recipe = _recipe(request)
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        tree.write(recipe.entries, draft)
        # What was written counts: a file edited in between would make the name a lie.
        written = tuple(replace(each, source=draft / each.path) for each in recipe.entries)
        identity = _digest(request, replace(recipe, entries=written))
        _move(draft, directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return BuildContext(
        directory=directory,
        digest=identity,
        files=tuple(each.path for each in recipe.entries),
        dockerfile=recipe.dockerfile,
        target=recipe.stage,
        args=recipe.args,
    )


def _move(draft: Path, directory: Path) -> None:
    try:
        draft.replace(directory)
    except OSError as error:
        raise EnvironmentProblemError(
            f"the build context cannot be put at {directory}: {error.strerror}", remedy="empty or remove that directory"
        ) from None


def _digest(request: ContextRequest, recipe: _Recipe) -> str:
    return naming.digest(
        {
            "files": sorted(entry.record() for entry in recipe.entries),
            "dockerfile": recipe.dockerfile,
            "stage": recipe.stage,
            "args": dict(recipe.args),
            "target": request.target,
            "platform": request.platform,
            # Layers of installed packages hold compiled code for one version of Python.
            "process": list(sys.version_info[:2]) if request.engine == "process" else [],
        }
    )


def _recipe(request: ContextRequest) -> _Recipe:
    credential.refuse_in_args(request.args, {})
    root = _root(request.root)
    return _own(request, root) if request.dockerfile else _templated(request, root)


def _root(path: Path) -> Path:
    if not path.is_dir():
        raise InvalidInputError(f"{path} is no directory", remedy="run in the repository, or name its root")
    return path.resolve()


def _own(request: ContextRequest, root: Path) -> _Recipe:
    path = program.clean(request.dockerfile)
    text = _text(root, path)
    ignore = program.ignore(root, path)
    entries = {
        entry.path: entry
        for entry in tree.walk(
            root, ".", keep=lambda each: not ignore.ignores(each), enter=lambda each: program.enters(ignore, each)
        )
    }
    # Docker finds the Dockerfile even where .dockerignore drops it.
    entries[path] = Entry(path=path, source=tree.resolve(root, path))
    stage_names = [stage.name for stage in dockerfile.stages(text)]
    base = {"BASE_IMAGE": request.base_image} if request.base_image else {}
    packages = {"PACKAGES": " ".join(request.packages)} if request.packages else {}
    return _Recipe(
        entries=tuple(entries[each] for each in sorted(entries)),
        dockerfile=path,
        stage=request.target if request.target in stage_names else "",
        args={**base, **packages, **request.args},
    )


def _templated(request: ContextRequest, root: Path) -> _Recipe:
    recipe = f"dockerfiles/{request.framework}/framework.yaml"
    framework = template.load(request.framework, _templates(request, root, recipe))
    entries = {entry.path: _inside(entry, request, root) for entry in _template_entries(request, framework, root)}
    base = request.base_image or framework.base_image.format(python=request.python or framework.python)
    return _Recipe(
        entries=tuple(entries[each] for each in sorted(entries)),
        dockerfile="Dockerfile",
        stage=request.target,
        args={"BASE_IMAGE": base, "PACKAGES": " ".join(request.packages), **_more_args(request, root), **request.args},
    )


def _more_args(request: ContextRequest, root: Path) -> dict[str, str]:
    """What only one of the two images is told."""
    if request.target == "inference":
        # The labels must not claim it when the user's own application serves.
        return {"MULTI_MODEL": "false"} if request.serve_app else {}
    packages = _accelerator(request, root, "packages").decode().split()
    return {"TRAINING_PACKAGES": " ".join(packages)} if packages else {}


def _template_entries(request: ContextRequest, framework: Template, root: Path) -> Iterator[Entry]:
    more = _accelerator(request, root, "txt")
    if request.target == "inference":
        # The layer with what both images need stays the same in both.
        serve = _inside(Entry(path="serve.txt", source=framework.directory / "serve.txt"), request, root)
        yield _with_more(serve, more)
        if request.nginx and request.engine != "process":
            yield Entry(path="nginx/nginx.conf", source=_templates(request, root, "nginx") / "nginx" / "nginx.conf")
    for name in ("Dockerfile", "framework.txt"):
        yield Entry(path=name, source=framework.directory / name)
    own = requirements.flatten(root, request.requirements)
    yield Entry(path="requirements.txt", source=own + more if request.target == "training" else own)
    yield Entry(path="process.json", source=naming.canonical(asdict(framework.process[request.target])))
    runtime = _templates(request, root, "runtime") / "runtime"
    yield from _runtime(framework.runtime[request.target], runtime)
    yield from program.entries(_program(request, root))


def _accelerator(request: ContextRequest, root: Path, kind: str) -> bytes:
    """What the accelerator needs in one image: requirements (`txt`) or Debian packages (`packages`)."""
    part = f"accelerators/{request.accelerate}/{request.target}.{kind}"
    file = _templates(request, root, part) / part
    return file.read_bytes() if request.accelerate and file.is_file() else b""


def _with_more(entry: Entry, more: bytes) -> Entry:
    if not more or isinstance(entry.source, bytes):
        return entry
    return replace(entry, source=entry.source.read_bytes().rstrip() + b"\n" + more)


def _templates(request: ContextRequest, root: Path, part: str) -> Path:
    """The folder that has this part: the repository's own, or ours."""
    own = root / request.own_templates
    return own if request.own_templates and (own / part).exists() else request.templates


def _inside(entry: Entry, request: ContextRequest, root: Path) -> Entry:
    """The entry, if its file is there and in the repository or in our templates: a link may lead anywhere."""
    if isinstance(entry.source, bytes):
        return entry
    real = entry.source.resolve()
    if not real.is_file():
        raise InvalidInputError(
            f"the template lacks {entry.source}", remedy="bring it back, or write the templates anew: init --eject"
        )
    if not real.is_relative_to(root) and not real.is_relative_to(request.templates.resolve()):
        raise InvalidInputError(
            f"{entry.source} leads out of the repository, to {real}", remedy="put a copy into the repository"
        )
    return entry


def _runtime(globs: tuple[str, ...], folder: Path) -> Iterator[Entry]:
    for pattern in globs:
        files = sorted(each for each in folder.glob(pattern) if each.is_file() and "__pycache__" not in each.parts)
        if not files:
            raise InvalidInputError(
                f"no file of {folder} matches {pattern!r}", remedy="correct `runtime` in framework.yaml"
            )
        for each in files:
            yield Entry(
                path=f"runtime/{each.relative_to(folder).as_posix()}", source=each, executable=os.access(each, os.X_OK)
            )


def _program(request: ContextRequest, root: Path) -> program.Program:
    """What of the user's code this target runs: a change in serving must not retrain, so each gets its own part."""
    training = request.target == "training"
    return program.Program(
        root=root,
        ignore=program.ignore(root) + DockerIgnore.parse("\n".join(request.exclude), "build.exclude"),
        include=request.include,
        data=request.data,
        model=request.model,
        train_entrypoint=request.train_entrypoint if training else "",
        evaluate_entrypoint=request.evaluate_entrypoint if training else "",
        serve_app="" if training else request.serve_app,
        nginx=request.nginx and not training and request.engine != "process",
    )


def _text(root: Path, path: str) -> str:
    try:
        return tree.resolve(root, path).read_text("utf-8")
    except (UnicodeDecodeError, IsADirectoryError):
        raise InvalidInputError(f"{path} is no Dockerfile", remedy="correct build.dockerfile") from None
