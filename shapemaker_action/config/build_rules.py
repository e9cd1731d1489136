"""The `build` section: templates and files that exist, and nothing secret in what stays readable."""

from __future__ import annotations

from pathlib import Path

from shapemaker_action import assets, lazy
from shapemaker_action.config import paths, words
from shapemaker_action.config.environment_rules import SECRET_NAME, SECRET_VALUE
from shapemaker_action.config.node import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.config.node import KeyPath
    from shapemaker_action.config.project import Project
    from shapemaker_action.config.source import Source
    from shapemaker_action.diagnostics import Diagnostic

_PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"})
_OURS = {"BASE_IMAGE": "build.base_image", "PACKAGES": "build.packages", "TRAINING_PACKAGES": "serve.accelerate"}
_IMAGE = lazy.pattern(r"[^\s:@]+(:[0-9]+/[^\s:@]+)?(?P<tag>:[^\s:@/]+)?(?P<digest>@sha256:[0-9a-f]{64})?")


def check(project: Project, source: Source) -> Iterator[Diagnostic]:
    """Everything about how the images are made."""
    yield from _framework(project, source)
    yield from _base_image(project, source)
    yield from _dockerfiles(project, source)
    yield from _requirements(project, source)
    for index, pattern in enumerate(project.build.include):
        yield from _include(("build", "include", index), pattern, source)
    yield from _args(project, source)
    yield from _secrets(project, source)


def frameworks() -> list[str]:
    """The templates that ship with the tool."""
    return _frameworks_in(assets.templates())


def _frameworks_in(folder: Path) -> list[str]:
    known = (folder / "dockerfiles").iterdir() if (folder / "dockerfiles").is_dir() else ()
    return sorted(each.name for each in known if (each / "Dockerfile").is_file())


def _framework(project: Project, source: Source) -> Iterator[Diagnostic]:
    build = project.build
    if build.templates and not paths.is_folder(source.directory, build.templates):
        hint = "fill it with: shapemaker init --eject PART"
        yield source.error(("build", "templates"), f"{quoted(build.templates)} is no folder of the repository", hint)
    known = frameworks() + (_frameworks_in(source.directory / build.templates) if build.templates else [])
    if build.framework not in known and not (build.training_dockerfile and build.inference_dockerfile):
        yield source.error(
            ("build", "framework"),
            f"expected {words.one_of(known)}; got {quoted(build.framework)}",
            words.did_you_mean(build.framework, known) or "for anything else write your own build.dockerfile",
        )


def _base_image(project: Project, source: Source) -> Iterator[Diagnostic]:
    image, path = project.build.base_image, ("build", "base_image")
    if not image:
        return
    match = _IMAGE.fullmatch(image)
    if match is None:
        yield source.error(path, f"expected an image such as python:3.11-slim-bookworm; got {quoted(image)}")
    elif not match["digest"] and match["tag"] in (None, ":latest"):
        yield source.warning(
            path, f"{quoted(image)} is whatever is newest on the day of the build", "name a version or a digest"
        )


def _dockerfiles(project: Project, source: Source) -> Iterator[Diagnostic]:
    build = project.build
    named: list[tuple[KeyPath, str]]
    if build.training_dockerfile == build.inference_dockerfile:
        named = [(("build", "dockerfile"), build.training_dockerfile)]
    else:
        named = [
            (("build", "dockerfile", "training"), build.training_dockerfile),
            (("build", "dockerfile", "inference"), build.inference_dockerfile),
        ]
    for path, file in named:
        if file:
            yield from existing_file(path, file, source, "Dockerfile")


def existing_file(path: KeyPath, file: str, source: Source, noun: str) -> Iterator[Diagnostic]:
    """A finding unless the path is a file of the repository."""
    fault = paths.fault(source.directory, file)
    if fault:
        yield source.error(path, f"{quoted(file)} {fault}")
    elif paths.is_folder(source.directory, file):
        yield source.error(path, f"expected a {noun}; {quoted(file)} is a folder")
    elif not paths.is_file(source.directory, file):
        yield source.error(path, f"there is no file {quoted(file)} in the repository", similar(source.directory, file))


def similar(root: Path, file: str) -> str:
    """A hint at a file or folder of nearly the same name beside where this one should be."""
    folder = Path(file).parent
    names = [each.name for each in (root / folder).iterdir()] if paths.is_folder(root, folder.as_posix()) else []
    close = words.nearest(Path(file).name, names)
    return f"did you mean {(folder / close).as_posix()}?" if close else ""


def _requirements(project: Project, source: Source) -> Iterator[Diagnostic]:
    file, path = project.build.requirements, ("build", "requirements")
    own = project.build.training_dockerfile and project.build.inference_dockerfile
    if not file or (own and not source.is_written(*path)):
        return
    if source.is_written(*path) or paths.is_file(source.directory, file):
        yield from existing_file(path, file, source, "requirements file")
    else:
        yield source.error(
            path,
            f"there is no {file} in the repository, and build.requirements names no other file",
            'list there what the model imports, or write build: {requirements: ""}',
        )


def _include(path: KeyPath, pattern: str, source: Source) -> Iterator[Diagnostic]:
    fault = paths.fault(source.directory, pattern)
    if fault:
        yield source.error(path, f"{quoted(pattern)} {fault}")
    elif not paths.is_folder(source.directory, pattern) and not paths.matching(source.directory, pattern):
        yield source.error(path, f"{quoted(pattern)} matches no file of the repository")


def _args(project: Project, source: Source) -> Iterator[Diagnostic]:
    for name, value in project.build.args.items():
        path = ("build", "args", name)
        if name in _OURS:
            yield source.key_error(path, f"{name} is set by shapemaker", f"write {_OURS[name]}")
        elif name.upper() in _PROXIES:
            yield source.key_error(
                path,
                "a proxy, with its password perhaps, would stay readable in the image",
                "use build.secrets.proxy_env, a file of KEY=VALUE lines",
            )
        elif SECRET_NAME.search(name) or SECRET_VALUE.search(value):
            yield source.key_error(
                path, "looks like a secret; build arguments stay readable in the image", "use build.secrets"
            )


def _secrets(project: Project, source: Source) -> Iterator[Diagnostic]:
    for name, secret in project.build.secrets.items():
        path = ("build", "secrets", name)
        if bool(secret.file) == bool(secret.env) and source.is_sound(*path):
            given = "both" if secret.file else "neither"
            yield source.key_error(
                path,
                f"expected exactly one of file and env; got {given}",
                f"for example {name}: {{env: {name.upper().replace('-', '_').replace('.', '_')}}}",
            )
