"""The house rules that a linter does not know: who may import whom, and what stands nowhere or in one place only."""

from __future__ import annotations

import ast
import re
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PACKAGE = "shapemaker_action"


def parsed(*paths: Path) -> dict[str, ast.Module]:
    """Syntax trees by path relative to the repository."""
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_bytes(), filename=str(path)) for path in paths}


MODULES = parsed(*(ROOT / PACKAGE).rglob("*.py"))
CASES = ROOT / "tests" / "cases"
"""Repositories of made-up users: many are wrong on purpose."""
OTHERS = [
    path
    for folder in ("templates", "tests", "modelpkg")
    for path in (ROOT / folder).rglob("*.py")
    if not path.is_relative_to(CASES)
]
TREES = MODULES | parsed(ROOT / "entrypoint", *OTHERS)

FLOORS = (
    {
        "assets",
        "diagnostics",
        "errors",
        "events",
        "git",
        "installer",
        "java_pattern",
        "lazy",
        "naming",
        "record",
        "service_model",
    }
    | {"signals"},
    {"config", "aws", "containers", "github"},
    {"context"},
    {"invocation", "plan"},
    {"grammar"},
    {"usage"},
    {"apply", "arguments", "identity", "outcome", "resources", "trust"},
    {"inputs", "report", "stages"},
    {"cli"},
)
"""A room imports rooms of the floors below its own; only those of the lowest floor know each other."""
LOCAL = FLOORS[0] | {"containers"}
"""What the local SageMaker imports: it stands beside the house, and stages/local.py alone has its key."""

LINES = 400


def room(name: str) -> str:
    """`shapemaker_action.aws.session` and `shapemaker_action/aws/session.py` lie in `aws`."""
    return re.split(r"[./]", name.removesuffix(".py"))[1]


def below(name: str) -> set[str]:
    """The rooms that a room may import, itself included."""
    if name == "local":
        return LOCAL | {name}
    level = next(level for level, floor in enumerate(FLOORS) if name in floor)
    return set().union({name}, *FLOORS[: max(level, 1)])


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of what a tree imports: the module, and with `from` also the name, which may be a module itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(tree: ast.AST) -> set[str]:
    """What a tree imports of the package."""
    return {name for name in imported(tree) if name.startswith(f"{PACKAGE}.")}


def in_rooms(path: str, *rooms: str) -> bool:
    return path.startswith(tuple(f"{PACKAGE}/{name}/" for name in rooms))


def is_broad(handler: ast.ExceptHandler) -> bool:
    names = [] if handler.type is None else [n.id for n in ast.walk(handler.type) if isinstance(n, ast.Name)]
    return handler.type is None or bool({"Exception", "BaseException"} & set(names))


def test_every_room_imports_only_the_rooms_below_it() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in MODULES.items()
        if path != f"{PACKAGE}/__init__.py"
        for name in ours(tree)
        if name != f"{PACKAGE}.__version__"
        and room(name) not in below(room(path))
        and (path, room(name)) != (f"{PACKAGE}/stages/local.py", "local")
    ]
    assert not wrong


def test_no_module_imports_itself_by_a_detour() -> None:
    files = {path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in MODULES}
    graph = {
        module: {name if name in files else name.rpartition(".")[0] for name in ours(MODULES[path])}
        for module, path in files.items()
    }
    list(TopologicalSorter(graph).static_order())


def test_our_own_modules_are_imported_at_the_top_of_a_file() -> None:
    inside = [
        f"{path}: {function.name}"
        for path, tree in TREES.items()
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and ours(function)
    ]
    allowed = {"entrypoint: main", "entrypoint: installed"}
    assert set(inside) == allowed, "only entrypoint has a reason: before, there is nothing to import"


def test_the_runtime_in_the_users_image_knows_nothing_of_the_tool() -> None:
    assert not [path for path, tree in TREES.items() if path.startswith("templates/") and ours(tree)]


def test_untyped_data_stays_where_documents_come_in() -> None:
    users = [path for path, tree in MODULES.items() if "typing.Any" in imported(tree)]
    assert not [path for path in users if not in_rooms(path, "config", "aws", "local")]


def test_only_the_reporters_print() -> None:
    prints = [
        path
        for path, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "print"
    ]
    assert not [path for path in prints if not in_rooms(path, "report")]


def test_there_is_one_error_boundary() -> None:
    broad = [
        path
        for path, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and is_broad(node)
    ]
    assert broad == [f"{PACKAGE}/cli.py"]


def test_no_command_goes_through_a_shell() -> None:
    shells = [
        f"{path}:{node.value.lineno}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "shell"
    ]
    assert not shells


def test_no_module_is_too_long_to_read() -> None:
    counts = {path: len((ROOT / path).read_text().splitlines()) for path in TREES}
    assert not {path: count for path, count in counts.items() if count > LINES}


@pytest.mark.parametrize(
    "word",
    [
        pytest.param(re.escape(str(ROOT)), id="the place of this checkout"),
        pytest.param(r"(pypi|pythonhosted|npmjs|anaconda)\.(org|com|io)", id="the host of a package registry"),
        pytest.param(r"/(root|home/\w+)/(\.pyenv|dev|src)", id="somebody's home"),
    ],
)
def test_no_file_depends_on_where_it_was_written(word: str) -> None:
    found = subprocess.run(
        ["git", "grep", "--untracked", "-lIE", word, "--", ":!tests/unit/test_architecture.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not found.stdout.splitlines(), found.stderr
