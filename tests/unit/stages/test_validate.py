from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from shapemaker_action import assets
from shapemaker_action.arguments import from_argv
from shapemaker_action.cli import build_context
from shapemaker_action.errors import ConfigError, ExitCode
from shapemaker_action.report.text import TextReporter
from shapemaker_action.stages import validate

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.outcome import Outcome

CONTRARY = "FROM python:3.11\nENTRYPOINT python main.py\n"
DOUBTFUL = 'FROM python\nENTRYPOINT ["python", "main.py"]\n'
EJECTED = "docker/dockerfiles/sklearn"


def validated(sample: Path, *settings: str) -> Outcome:
    sets = [word for setting in settings for word in ("--set", setting)]
    argv = ["validate", "--directory", str(sample), *sets]
    return validate.run(build_context(from_argv(argv, {}, "shapemaker"), TextReporter()))


def test_the_sample_has_nothing_to_say(sample: Path) -> None:
    assert validated(sample).diagnostics == ()


def test_an_error_in_ones_own_dockerfile_ends_it_at_its_line(sample: Path) -> None:
    (sample / "Dockerfile").write_text(CONTRARY)
    with pytest.raises(ConfigError) as caught:
        validated(sample, "build.dockerfile=Dockerfile")
    assert caught.value.exit_code is ExitCode.INVALID
    (found,) = caught.value.diagnostics
    assert str(found).startswith("Dockerfile:2:1: ENTRYPOINT in shell form")


def test_a_warning_is_told_and_lets_it_pass(sample: Path) -> None:
    (sample / "Dockerfile").write_text(DOUBTFUL)
    (found,) = validated(sample, "build.dockerfile=Dockerfile").diagnostics
    assert str(found).startswith("Dockerfile:1:1: python means another image")


def test_an_ejected_template_is_held_to_the_same(sample: Path) -> None:
    shutil.copytree(assets.templates() / "dockerfiles" / "sklearn", sample / EJECTED)
    assert validated(sample, "build.templates=docker").diagnostics == ()
    (sample / EJECTED / "Dockerfile").write_text(CONTRARY)
    with pytest.raises(ConfigError) as caught:
        validated(sample, "build.templates=docker")
    assert caught.value.diagnostics[0].position.file == f"{EJECTED}/Dockerfile"


def test_what_is_no_text_is_a_finding(sample: Path) -> None:
    (sample / "Dockerfile").write_bytes(b"FROM python:3.11\n\xff")
    with pytest.raises(ConfigError) as caught:
        validated(sample, "build.dockerfile={training: Dockerfile}")
    assert "not UTF-8" in caught.value.diagnostics[0].message
