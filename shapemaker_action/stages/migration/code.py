"""`train.py`, `app.py` and `modelpkg` as they are: parsed, never imported, to see what they count on."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_action.config import paths
from shapemaker_action.diagnostics import Position

if TYPE_CHECKING:
    from shapemaker_action.stages.migration.folder import Folder
    from shapemaker_action.stages.migration.sheet import Sheet

TRAIN, APP, WSGI = "train.py", "app.py", "server/wsgi.py"
PACKAGE = "modelpkg"
MODEL_DIRECTORY = "DIR_MODEL_LOCAL"
OLD_PLACE = "/opt/ml/code"


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file: modules that it imports, names bound at its top, and its texts with their lines."""

    imports: frozenset[str]
    bound: frozenset[str]
    texts: tuple[tuple[str, int], ...]


def read(folder: Folder, sheet: Sheet) -> dict[str, Source]:
    """The project's sources by path, and from them `train.entrypoint`, `serve.app` and the model's directory."""
    names = [TRAIN, APP, *paths.matching(folder.root, f"{PACKAGE}/**/*.py")]
    sources = {name: found for name in names if (found := _parsed(folder, name, sheet))}
    sheet.carry(("train", "entrypoint"), TRAIN, Position(file=TRAIN))
    if not paths.is_folder(folder.root, PACKAGE):
        sheet.leave(Position(file=TRAIN), f"there is no {PACKAGE}/", "name what the scripts import in build.include")
    else:
        sheet.carry(("build", "include"), [PACKAGE], Position(file=f"{PACKAGE}/__init__.py"))
    _application(folder, sources, sheet)
    _model_directory(sources, sheet)
    for name, source in sources.items():
        for line in (line for text, line in source.texts if OLD_PLACE in text):
            sheet.leave(Position(file=name, line=line), f"the path {OLD_PLACE}", "the code is in /opt/program now")
    return sources


def imported(sources: dict[str, Source]) -> set[str]:
    """Top-level modules that any of them imports."""
    return {module for source in sources.values() for module in source.imports}


def _parsed(folder: Folder, name: str, sheet: Sheet) -> Source | None:
    text = folder.text(name)
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        place = Position(file=name, line=error.lineno or 1, column=error.offset or 1)
        sheet.reject(place, f"this is not Python: {error.msg}")
        return None
    except (ValueError, RecursionError):
        sheet.reject(Position(file=name), "this is not Python")
        return None
    return Source(
        imports=frozenset(module.partition(".")[0] for module in _modules(tree)),
        bound=frozenset(name for node in tree.body for name in _bound(node)),
        texts=tuple(
            (node.value, node.lineno)
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ),
    )


def _modules(tree: ast.AST) -> list[str]:
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append(node.module)
    return found


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    return [each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]


def _application(folder: Folder, sources: dict[str, Source], sheet: Sheet) -> None:
    """The template's server started `wsgi:app`, which was nothing but `app:app` unless somebody changed it."""
    wsgi = _parsed(folder, WSGI, sheet) if folder.has(WSGI) else None
    if wsgi and "app" in wsgi.bound and wsgi.imports != {"app"}:
        sheet.carry(("serve", "app"), "server.wsgi:app", Position(file=WSGI))
        include = sheet.value("build", "include")
        sheet.carry(("build", "include"), [*(include if isinstance(include, list) else []), APP], Position(file=WSGI))
        sheet.leave(Position(file=WSGI), "a changed wsgi.py serves, as server.wsgi:app", "check what it imports")
        return
    sheet.carry(("serve", "app"), "app:app", Position(file=APP))
    if APP in sources and "app" not in sources[APP].bound:
        sheet.reject(Position(file=APP), "there is no application of the name app", "write app = …, or change wsgi.py")


def _model_directory(sources: dict[str, Source], sheet: Sheet) -> None:
    """Where the scripts look for the model, said relative to /opt/program: so it holds without a container, too."""
    users = [name for name, source in sources.items() if any(text == MODEL_DIRECTORY for text, _ in source.texts)]
    if not users:
        return
    for section in ("train", "serve"):
        sheet.carry((section, "environment", MODEL_DIRECTORY), "../ml/model", Position(file=users[0]))
