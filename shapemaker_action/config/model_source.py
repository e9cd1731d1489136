"""The model class against the configuration, by reading its source: nothing of the user's code runs here."""

from __future__ import annotations

import ast
import warnings

from shapemaker_action.config import signature, words
from shapemaker_action.config.job_rules import is_reserved
from shapemaker_action.config.node import quoted
from shapemaker_action.config.serve_rules import module_file, no_module
from shapemaker_action.diagnostics import Diagnostic, Position
from shapemaker_action.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapemaker_action.config.node import KeyPath
    from shapemaker_action.config.project import ChannelSettings, Project
    from shapemaker_action.config.source import Source

_RESERVED = frozenset({"checkpoints", "output"})
"""Parameters of train() that are no channels although they are paths."""

_LARGEST = 1024 * 1024
_MODEL: KeyPath = ("model",)
_HYPERPARAMETERS: KeyPath = ("train", "hyperparameters")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True)
class _Class:
    """`methods` by name; None for one whose source is elsewhere. `is_whole` unless a base class is elsewhere."""

    name: str
    file: str
    methods: Mapping[str, Function | None]
    is_whole: bool


def check(project: Project, source: Source) -> Iterator[Diagnostic]:
    """Everything that reading the model class can tell."""
    if not source.is_sound("model"):
        return
    if not project.model:
        yield from _no_model(project, source)
        return
    found = _read(project.model, source)
    if isinstance(found, Diagnostic):
        yield found
    elif found is not None:
        yield from _methods(found, project, source)
        if not project.train.entrypoint:
            yield from _train(found, project, source)
        if project.evaluate.enabled and not project.evaluate.entrypoint:
            yield from _evaluate(found, project, source)


def _no_model(project: Project, source: Source) -> Iterator[Diagnostic]:
    needed = [
        key
        for key, is_given in (
            ("train.entrypoint", project.train.entrypoint),
            ("serve.app", project.serve.app),
            ("evaluate.entrypoint", project.evaluate.entrypoint or not project.evaluate.enabled),
        )
        if not is_given
    ]
    if needed:
        yield source.key_error(
            _MODEL,
            "is missing",
            f"for example model: modelpkg.model:Model; without a model class, write {words.together(needed)}",
        )


def _read(model: str, source: Source) -> _Class | Diagnostic | None:
    """The class; a finding; or None when its source cannot be followed."""
    module, _, name = model.partition(":")
    file = module_file(source, module)
    if file is None:
        return no_module(_MODEL, module, source)
    tree = _parsed(file, source)
    if isinstance(tree, Diagnostic):
        return tree
    classes = {each.name: each for each in ast.walk(tree) if isinstance(each, ast.ClassDef)}
    if name in classes:
        methods, is_whole = _inherited(classes[name], classes, frozenset())
        return _Class(name=name, file=file, methods=methods, is_whole=is_whole)
    if _is_bound_otherwise(tree, name):
        return None
    return source.error(_MODEL, f"{file} has no class {name}", words.did_you_mean(name, classes))


def _parsed(file: str, source: Source) -> ast.Module | Diagnostic:
    path = source.directory / file
    try:
        if path.stat().st_size > _LARGEST:
            return source.error(_MODEL, f"{file} is larger than {_LARGEST} bytes, which no module is")
        data = path.read_bytes()
        if b"\0" in data:
            return source.error(_MODEL, f"{file} is not Python source text")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data)
    except OSError as error:
        return source.error(_MODEL, f"{file} cannot be read: {error.strerror}")
    except SyntaxError as error:
        place = Position(file=file, line=error.lineno or 1, column=error.offset or 1)
        return Diagnostic(message=f"this is not Python: {error.msg}", position=place)
    except (ValueError, RecursionError, MemoryError):
        return source.error(_MODEL, f"{file} is not Python source text")


def _is_bound_otherwise(tree: ast.Module, name: str) -> bool:
    """Whether an import or an assignment may bring the class."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
            if names & {name, "*"}:
                return True
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            return True
    return False


def _inherited(
    node: ast.ClassDef, classes: Mapping[str, ast.ClassDef], seen: frozenset[str]
) -> tuple[dict[str, Function | None], bool]:
    """Methods with those of base classes in the same module; and whether there are no other bases."""
    methods: dict[str, Function | None] = {}
    is_whole = not node.keywords and not node.decorator_list
    for base in reversed(node.bases):
        name = base.id if isinstance(base, ast.Name) else ""
        if name in classes and name not in seen:
            inherited, base_is_whole = _inherited(classes[name], classes, seen | {node.name})
            methods |= inherited
            is_whole = is_whole and base_is_whole
        elif name != "object":
            is_whole = False
    for statement in node.body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                methods[name] = statement
            case ast.Assign(targets=targets):
                methods |= {each.id: None for each in targets if isinstance(each, ast.Name)}
            case _:
                pass
    return methods, is_whole


def _methods(found: _Class, project: Project, source: Source) -> Iterator[Diagnostic]:
    evaluates = project.evaluate.enabled and not project.evaluate.entrypoint
    needed = {
        "train": not project.train.entrypoint,
        "save": not project.train.entrypoint,
        "load": not project.serve.app or evaluates,
        "predict": not project.serve.app,
        "evaluate": evaluates,
    }
    missing = [name for name, is_needed in needed.items() if is_needed and name not in found.methods]
    if found.is_whole and missing:
        listed = words.together([f"{name}()" for name in missing])
        plural = "s" if len(missing) > 1 else ""
        yield source.error(_MODEL, f"the class {found.name} in {found.file} lacks the method{plural} {listed}")


def _signature(found: _Class, method: str) -> signature.Signature | None:
    function = found.methods.get(method)
    return signature.of(function) if function else None


def _train(found: _Class, project: Project, source: Source) -> Iterator[Diagnostic]:
    taken = _signature(found, "train")
    if taken is None:
        return
    by_name = {each.name: each for each in taken.parameters}
    for name, text in project.train.hyperparameters.items():
        # A name that shells like, as in --learning-rate, is the parameter's as well.
        parameter = by_name.get(name) or by_name.get(name.replace("-", "_"))
        yield from _hyperparameter(name, text, parameter, taken, source)
    given = {name.replace("-", "_") for name in project.train.hyperparameters}
    for each in taken.parameters:
        path = (*_HYPERPARAMETERS, each.name)
        if each.is_required and not each.is_path and each.name not in given and source.is_sound(*path):
            yield source.key_error(path, f"train() in {found.file} demands this hyperparameter", "write a value for it")
    yield from _channels(taken, "train", project.train.channels, source)


def _hyperparameter(
    name: str, text: str, parameter: signature.Parameter | None, taken: signature.Signature, source: Source
) -> Iterator[Diagnostic]:
    path = (*_HYPERPARAMETERS, name)
    if parameter is None:
        known = [each.name for each in taken.parameters if not each.is_path]
        hint = words.did_you_mean(name, known) or (f"it takes {', '.join(known)}" if known else "it takes none")
        if not taken.is_open and not is_reserved(name):
            yield source.key_error(path, f"train() takes no hyperparameter {quoted(name)}", hint)
    elif parameter.is_path:
        yield source.key_error(path, f"train() takes {quoted(name)} as a channel", "move it to train.channels")
    elif expected := signature.expected(parameter.annotation, text):
        yield source.error(path, f"train() takes {expected} as {parameter.name}; got {quoted(text)}")


def _evaluate(found: _Class, project: Project, source: Source) -> Iterator[Diagnostic]:
    taken = _signature(found, "evaluate")
    if taken is None:
        return
    for each in taken.parameters:
        if each.is_required and not each.is_path:
            yield source.error(
                _MODEL, f"evaluate() in {found.file} demands {each.name}, but gets channels only", "annotate it as Path"
            )
    yield from _channels(taken, "evaluate", project.evaluate.channels, source)


def _channels(
    taken: signature.Signature, section: str, channels: Mapping[str, ChannelSettings], source: Source
) -> Iterator[Diagnostic]:
    path: KeyPath = (section, "channels")
    reserved = _RESERVED if section == "train" else frozenset()
    wanted = [each for each in taken.parameters if each.is_path and each.name not in reserved]
    for each in wanted:
        if each.is_required and each.name not in channels and source.is_sound(*path, each.name):
            close = words.nearest(each.name, channels)
            hint = f"rename {close}?" if close else f"for example {each.name}: modelpkg/data/{each.name}"
            yield source.key_error((*path, each.name), f"{section}() wants this channel", hint)
    names = [each.name for each in wanted]
    for name in channels:
        if name not in names and not taken.is_open and name not in reserved:
            takes = (
                f"it takes {', '.join(names)}" if names else "it takes none; a channel's parameter is annotated as Path"
            )
            yield source.key_error((*path, name), f"{section}() has no parameter for this channel", takes)
