"""The way in: configuration files to a `Project`, with every problem of them at once."""

from __future__ import annotations

from shapemaker_action.config import check, document, overlay, paths, rules
from shapemaker_action.config.complete import complete
from shapemaker_action.config.node import MappingNode, plain, without
from shapemaker_action.config.source import Source
from shapemaker_action.diagnostics import Diagnostic, Position, Severity
from shapemaker_action.errors import ConfigError
from shapemaker_action.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from shapemaker_action.config.project import Project


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A project without errors, and what is allowed but probably not meant."""

    project: Project
    warnings: tuple[Diagnostic, ...]


def load(paths: Sequence[Path], *, root: Path, environment: str = "", sets: Sequence[str] = ()) -> Loaded:
    """The project of these files, later ones over earlier ones. Raises `ConfigError` with all problems.

    `root` is the repository: relative paths start there, and nothing outside it is read.
    """
    merged = _merged(paths, root, environment, sets)
    problems, broken = check.check(merged)
    sound = without(merged, broken)
    project = complete(plain(sound), root=root, environment=environment)
    source = Source(document=merged, directory=root, broken=broken)
    found = _in_order([*problems, *rules.check(project, source)], [_shown(path, root) for path in paths])
    errors = tuple(each for each in found if each.severity is Severity.ERROR)
    if errors:
        raise ConfigError(errors)
    return Loaded(project=project, warnings=tuple(found))


def _in_order(found: list[Diagnostic], files: list[str]) -> list[Diagnostic]:
    """By place, in the order in which the files were given; then what stands elsewhere."""
    order = {file: number for number, file in enumerate(files)}
    return sorted(found, key=lambda each: (order.get(each.position.file, len(order)), each.position, each.path))


def _merged(paths: Sequence[Path], root: Path, environment: str, sets: Sequence[str]) -> MappingNode:
    """Files, environment and `--set` as one document; raises for what cannot be read at all."""
    problems: list[Diagnostic] = []
    merged: MappingNode | None = None
    for path in paths:
        node = _parsed(path, root, problems)
        merged = overlay.merge(merged, node) if merged and node else merged or node
    if problems or merged is None:
        raise ConfigError(tuple(problems))
    try:
        merged = overlay.with_environment(merged, environment)
        return overlay.with_sets(merged, sets)
    except document.UnreadableError as error:
        raise ConfigError(tuple(error.diagnostics)) from None


def _parsed(path: Path, root: Path, problems: list[Diagnostic]) -> MappingNode | None:
    file = _shown(path, root)
    fault = _fault(path, root)
    if fault:
        problems.append(Diagnostic(message=fault, position=Position(file=file)))
        return None
    try:
        with (root / path).open("rb") as stream:
            data = stream.read(document.MAX_BYTES + 1)
        return document.parse(data, file)
    except OSError as error:
        problems.append(Diagnostic(message=f"cannot be read: {error.strerror}", position=Position(file=file)))
    except document.UnreadableError as error:
        problems += error.diagnostics
    return None


def _fault(path: Path, root: Path) -> str:
    """Why a file must not, or cannot, be read."""
    text = str(path)
    if text == "-" or paths.is_url(text):
        return "the configuration must be a file of the repository"
    try:
        target = (root / path).resolve()
        if not target.is_relative_to(root.resolve()):
            return "the configuration must be a file of the repository; this leads out of it"
        if not target.exists():
            return "there is no such file; the README has one to start from"
        return "" if target.is_file() else "this is not a file"
    except (OSError, RuntimeError, ValueError):
        return "the path cannot be followed"


def _shown(path: Path, root: Path) -> str:
    """The file as messages name it: relative to the repository where it lies in there."""
    text = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    # A Path has lost one of a URL's slashes.
    return f"{text.partition(':/')[0]}://{text.partition(':/')[2]}" if paths.is_url(text) else text
