"""The template's two Dockerfiles: what was added to them, since shapemaker's own take their place."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shapemaker_action.containers import dockerfile
from shapemaker_action.diagnostics import Position
from shapemaker_action.stages.migration import secret
from shapemaker_action.stages.migration.code import APP, PACKAGE, TRAIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapemaker_action.containers.dockerfile import Instruction
    from shapemaker_action.stages.migration.folder import Folder
    from shapemaker_action.stages.migration.sheet import Sheet

DOCKERFILES = {"train": "images/training/Dockerfile", "serve": "images/endpoint/Dockerfile"}
_SERVERS = frozenset({"gunicorn", "sagemaker-training", "pip", "setuptools", "wheel"})
"""Packages whose part shapemaker's own images play."""

_NEEDED_BY_THEM = frozenset({"ca-certificates", "gcc", "nginx", "wget"})
_KNOWN_VARIABLES = frozenset(
    {"DIR_CODE", "DIR_VENV", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "SAGEMAKER_PROGRAM"}
)
_COPIED = frozenset({PACKAGE, TRAIN, APP, "requirements_modelpkg.txt", "server/*", "server"})
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._,-]+\])?([<>=!~]=?=?[A-Za-z0-9.*+!-]+)?(,[<>=!~]=?[0-9.*]+)*"
)
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?")
_BASE = re.compile(r"(docker\.io/)?(library/)?python:.*")
_KEYS = "AWS keys as build arguments, which stay in every image"
_WITH_VALUE = frozenset({"-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--trusted-host", "-c", "-t"})
_SETUP = re.compile(
    r"(pip3? install --upgrade pip|python3? -m venv\b.*|rm -rf /var/lib/apt/lists/\*|chmod \+x \S*serve"
    r"|apt-get (-y |-qq )*(update|clean)( -y| -qq)*|set -[a-z]+)"
)


@dataclass(kw_only=True)
class Additions:
    """Requirements and Debian packages of both images, with the place that asked first."""

    requirements: dict[str, Position] = field(default_factory=dict)
    packages: dict[str, Position] = field(default_factory=dict)


def read(folder: Folder, sheet: Sheet) -> Additions:
    """Go through both files; one that is missing is as good as the template's."""
    found = Additions()
    for section, path in DOCKERFILES.items():
        if not folder.has(path):
            continue
        for instruction in dockerfile.parse(folder.text(path)):
            _Reader(folder, section, path, found, sheet).read(instruction)
    return found


class _Reader:
    """One instruction of one file."""

    def __init__(self, folder: Folder, section: str, path: str, found: Additions, sheet: Sheet) -> None:
        self._folder = folder
        self._section = section
        self._path = path
        self._found = found
        self._sheet = sheet
        self._place = Position(file=path)

    def read(self, instruction: Instruction) -> None:
        self._place = Position(file=self._path, line=instruction.line)
        readers: dict[str, Callable[[str], None]] = {
            "FROM": self._from,
            "ARG": self._arg,
            "ENV": self._env,
            "RUN": self._run,
            "COPY": self._copy,
            "ADD": self._copy,
            "WORKDIR": self._workdir,
        }
        if instruction.word in readers:
            readers[instruction.word](instruction.rest)
        else:
            self._leave(f"{instruction.word}", "shapemaker's images start their own runtime")

    def _leave(self, what: str, instead: str) -> None:
        self._sheet.leave(self._place, what, instead)

    def _from(self, rest: str) -> None:
        image = next((word for word in rest.split() if not word.startswith("--")), "")
        if not _BASE.fullmatch(image):
            self._leave("a base image that is not python", "write build.base_image, a Debian with Python")

    def _arg(self, rest: str) -> None:
        name = rest.partition("=")[0].strip()
        if name.startswith("AWS_") and name != "AWS_DEFAULT_REGION":
            if not any(each.what == _KEYS for each in self._sheet.left):
                self._leave(_KEYS, "change the key: whoever may pull such an image can read it")
        elif name not in ("PY_VERSION", "AWS_DEFAULT_REGION"):
            self._leave(f"build argument {name}", "the template's Dockerfiles take BASE_IMAGE and PACKAGES")

    def _env(self, rest: str) -> None:
        for name, value in _variables(rest):
            if name == "SAGEMAKER_PROGRAM":
                self._sheet.carry(("train", "entrypoint"), value, self._place)
            elif name in _KNOWN_VARIABLES:
                continue
            elif "$" in value or secret.suspected(name, value):
                self._leave(f"variable {name}", f"write {self._section}.environment, unless it is a secret")
            else:
                self._sheet.carry((self._section, "environment", name), value, self._place)

    def _run(self, rest: str) -> None:
        for command in (part.strip() for part in re.split(r"&&|;", rest)):
            try:
                words = shlex.split(command)
            except ValueError:
                words = []
            if not command or _SETUP.fullmatch(" ".join(words)):
                continue
            if words[:2] in (["apt-get", "install"], ["apt", "install"]) or _installs(words, "apt-get"):
                self._debian(words)
            elif _installs(words, "pip"):
                self._python(words[words.index("install") + 1 :])
            else:
                self._leave(
                    f"the command {words[0] if words else 'RUN'}", "write a Dockerfile of your own: build.dockerfile"
                )

    def _debian(self, words: list[str]) -> None:
        for word in words[words.index("install") + 1 :]:
            if word.startswith("-") or word in _NEEDED_BY_THEM:
                continue
            if _PACKAGE.fullmatch(word):
                self._found.packages.setdefault(word, self._place)
            else:
                self._leave("a word of apt-get install", "write build.packages")

    def _python(self, words: list[str]) -> None:
        remaining = iter(words)
        for word in remaining:
            if word in ("-r", "--requirement"):
                self._requirements_file(next(remaining, ""))
            elif word in _WITH_VALUE:
                next(remaining, "")
                self._leave(f"pip's option {word}", "write it into a pip.conf: build.secrets.pip_config")
            elif word.startswith("-"):
                continue
            elif not _REQUIREMENT.fullmatch(word):
                self._leave("a requirement that is no plain name and version", "write it into the requirements file")
            elif _project(word) not in _SERVERS:
                self._found.requirements.setdefault(word, self._place)

    def _requirements_file(self, path: str) -> None:
        if path.rpartition("/")[2] != "requirements_modelpkg.txt":
            self._leave("another requirements file", "add it to the requirements file by a line -r")

    def _copy(self, rest: str) -> None:
        words = [word for word in rest.split() if not word.startswith("--")]
        if "--from" in rest or rest.startswith("["):
            self._leave("COPY in a form that was not read", "name files of the repository in build.include")
            return
        for source in (word.removeprefix("./").rstrip("/") for word in words[:-1]):
            if source in _COPIED:
                continue
            if source in ("", ".") or "$" in source or not self._folder.has_any(source):
                self._leave("a COPY of something else", "name what the code needs in build.include")
                continue
            include = self._sheet.value("build", "include")
            known = include if isinstance(include, list) else []
            if source not in known:
                self._sheet.carry(("build", "include"), [*known, source], self._place)

    def _workdir(self, rest: str) -> None:
        if rest.strip("\"'") not in ("${DIR_CODE}", "$DIR_CODE", "/opt/program"):
            self._leave("the working directory", "it is /opt/program")


def _installs(words: list[str], program: str) -> bool:
    """Whether it is `pip install`, also as `python -m pip install` or `apt-get -y install`."""
    names = {program, f"{program}3"}
    return "install" in words and any(word.rpartition("/")[2] in names for word in words[: words.index("install")])


def _project(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~]", requirement, maxsplit=1)[0]).lower()


def _variables(rest: str) -> list[tuple[str, str]]:
    """Of `ENV NAME value` or `ENV A=1 B=2`."""
    try:
        words = shlex.split(rest)
    except ValueError:
        return []
    if words and "=" not in words[0]:
        return [(words[0], " ".join(words[1:]))]
    return [(name, value) for name, _, value in (word.partition("=") for word in words)]
