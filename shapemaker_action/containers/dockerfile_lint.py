"""What a Dockerfile says against SageMaker's contract or against good sense, found without building it."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from typing import TYPE_CHECKING

from shapemaker_action.containers import dockerfile
from shapemaker_action.containers.credential import is_credential_name
from shapemaker_action.diagnostics import Diagnostic, Position, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shapemaker_action.containers.dockerfile import Instruction, Stage

_SHELLS = frozenset({"sh", "bash", "dash", "ash"})
_STARTS_BY_NAME = re.compile(r"\b(?:train|serve)\b|sagemaker[-_](?:training|inference|containers)")
_RESERVED = re.compile(r"/opt/ml(?:/|$)")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?[-+][^}]*)?\}|(\w+))")


def lint(text: str, file: str) -> list[Diagnostic]:
    """The findings in the order of their lines; `file` is the name shown."""
    stages = dockerfile.stages(text)
    if not stages:
        return [_finding(file, 1, "the Dockerfile has no FROM", "start it with FROM and a base image")]
    defaults = _defaults(text)
    found = [each for stage in stages for each in _base(file, stage, stages, defaults)]
    for stage in stages:
        for instruction in stage.instructions:
            check = _CHECKS.get(instruction.word)
            found += check(file, instruction) if check else []
    for stage in _final(stages):
        found += _reserved(file, _lineage(stage, stages))
        found += _entrypoint(file, _lineage(stage, stages))
        found += _user(file, _lineage(stage, stages))
    return sorted(set(found), key=lambda each: (each.position, each.message))


def _finding(file: str, line: int, message: str, hint: str, severity: Severity = Severity.ERROR) -> Diagnostic:
    return Diagnostic(message=message, position=Position(file=file, line=line), hint=hint, severity=severity)


def _final(stages: list[Stage]) -> list[Stage]:
    """The stages that become images: those of our two targets, else the last one."""
    return [stage for stage in stages if stage.name in ("training", "inference")] or stages[-1:]


def _lineage(stage: Stage, stages: list[Stage]) -> list[Instruction]:
    """A stage's instructions after those of the stages that it builds on."""
    instructions = list(stage.instructions)
    earlier = {each.name.lower(): each for each in stages[: stages.index(stage)] if each.name}
    parent = earlier.get(stage.image.lower())
    return [*_lineage(parent, stages), *instructions] if parent else instructions


def _defaults(text: str) -> dict[str, str]:
    """Values of the ARGs before the first FROM, which FROM may use."""
    found: dict[str, str] = {}
    for instruction in dockerfile.parse(text):
        if instruction.word == "FROM":
            break
        if instruction.word == "ARG":
            name, _, value = instruction.rest.partition("=")
            found[name] = value.strip("\"'")
    return found


def _base(file: str, stage: Stage, stages: list[Stage], defaults: dict[str, str]) -> Iterator[Diagnostic]:
    image = _VARIABLE.sub(lambda match: defaults.get(match[1] or match[2], ""), stage.image)
    names = {each.name.lower() for each in stages}
    if not image or "$" in image or image == "scratch" or image.lower() in names or "@" in image:
        return
    tag = image.rpartition("/")[2].partition(":")[2]
    if tag in ("", "latest"):
        yield _finding(
            file,
            stage.instructions[0].line,
            f"{image} means another image every few weeks",
            "name a version, or better a digest: image@sha256:…",
            Severity.WARNING,
        )


def _variables(file: str, instruction: Instruction) -> Iterator[Diagnostic]:
    for name in _names(instruction):
        if is_credential_name(name):
            yield _finding(
                file,
                instruction.line,
                f"{instruction.word} {name} stays in the image, where anybody who pulls it can read it",
                "use build.secrets and RUN --mount=type=secret",
            )
        elif instruction.word == "ENV" and name.startswith("AWS_"):
            yield _finding(
                file,
                instruction.line,
                f"ENV {name} takes the place of what SageMaker sets",
                "leave region and credentials to SageMaker",
                Severity.WARNING,
            )


def _names(instruction: Instruction) -> list[str]:
    """`A=1 B="2 3"`, or the old `A 1`."""
    try:
        words = shlex.split(instruction.rest)
    except ValueError:  # an unbalanced quote; docker will say so
        words = instruction.rest.split()
    if instruction.word == "ENV" and words and "=" not in words[0]:
        return words[:1]
    return [word.partition("=")[0] for word in words]


def _form(file: str, instruction: Instruction) -> Iterator[Diagnostic]:
    words = _exec_form(instruction.rest)
    if words is None:
        yield _finding(
            file,
            instruction.line,
            "ENTRYPOINT in shell form: the program gets neither SageMaker's argument (train, serve) nor its SIGTERM",
            'write it as a JSON list: ENTRYPOINT ["python", "main.py"]',
        )
        return
    program = posixpath.basename(words[0]) if words else ""
    if program in _SHELLS and "-c" in words[1:2]:
        yield _finding(
            file,
            instruction.line,
            f"ENTRYPOINT starts {program} -c, which keeps SageMaker's argument and its SIGTERM from the program",
            "start the program itself",
        )
    if program == "tini":
        yield _finding(
            file,
            instruction.line,
            "ENTRYPOINT starts tini, which takes SageMaker's argument (train, serve) for its own",
            "start the program itself; SageMaker reaps what is left over",
        )


def _exec_form(rest: str) -> list[str] | None:
    try:
        words = json.loads(rest)
    except ValueError:
        return None
    return [str(word) for word in words] if isinstance(words, list) else None


def _reserved(file: str, lineage: list[Instruction]) -> Iterator[Diagnostic]:
    folder = "/"
    for instruction in lineage:
        if instruction.word == "WORKDIR":
            folder = posixpath.join(folder, instruction.rest.strip("\"'"))
        if instruction.word in ("COPY", "ADD") and _RESERVED.match(posixpath.join(folder, _target(instruction))):
            yield _finding(
                file,
                instruction.line,
                f"{instruction.word} puts files below /opt/ml, which SageMaker may hide behind its own",
                "put them elsewhere, below /opt/program for instance",
                Severity.WARNING,
            )


def _target(instruction: Instruction) -> str:
    words = _exec_form(instruction.rest) or instruction.rest.split()
    return words[-1].strip("\"'") if words else ""


def _entrypoint(file: str, lineage: list[Instruction]) -> Iterator[Diagnostic]:
    if any(each.word == "ENTRYPOINT" for each in lineage):
        return
    if any(each.word in ("COPY", "ADD", "RUN") and _STARTS_BY_NAME.search(each.rest) for each in lineage):
        return
    last = max(each.line for each in lineage if each.word == "FROM")
    yield _finding(
        file,
        last,
        "this stage has no ENTRYPOINT, and nothing in it looks like a program train or serve",
        "SageMaker runs `docker run IMAGE train` and `… serve`: set ENTRYPOINT, unless the base image has one",
        Severity.WARNING,
    )


def _user(file: str, lineage: list[Instruction]) -> Iterator[Diagnostic]:
    users = [each for each in lineage if each.word == "USER"]
    if users and users[-1].rest.partition(":")[0] not in ("root", "0"):
        yield _finding(
            file,
            users[-1].line,
            f"the container runs as {users[-1].rest}, but SageMaker expects root: it may not write to /opt/ml",
            "end with USER root, or try the image in the local SageMaker first",
            Severity.WARNING,
        )


_CHECKS: dict[str, Callable[[str, Instruction], Iterator[Diagnostic]]] = {
    "ARG": _variables,
    "ENV": _variables,
    "ENTRYPOINT": _form,
}
