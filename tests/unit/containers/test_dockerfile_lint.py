from __future__ import annotations

import pytest

from shapemaker_action import assets
from shapemaker_action.containers import template
from shapemaker_action.containers.dockerfile import parse, stages
from shapemaker_action.containers.dockerfile_lint import lint
from shapemaker_action.diagnostics import Severity

GOOD = 'FROM python:3.11-slim-bookworm\nCOPY . /opt/program\nENTRYPOINT ["python", "main.py"]\n'

FINDINGS = {
    # Dockerfile: findings as (line, severity, part of the message)
    GOOD: [],
    "": [(1, "error", "no FROM")],
    "# only a comment\n": [(1, "error", "no FROM")],
    GOOD.replace('["python", "main.py"]', "python main.py"): [(3, "error", "shell form")],
    GOOD.replace('["python", "main.py"]', "['python', 'main.py']"): [(3, "error", "shell form")],
    GOOD.replace('["python", "main.py"]', '["/bin/sh", "-c", "python main.py"]'): [(3, "error", "sh -c")],
    GOOD.replace('["python", "main.py"]', '["/usr/bin/tini", "--", "python"]'): [(3, "error", "tini")],
    GOOD.replace(":3.11-slim-bookworm", ""): [(1, "warning", "python means another image")],
    GOOD.replace(":3.11-slim-bookworm", ":latest"): [(1, "warning", "python:latest means another image")],
    GOOD.replace("python:3.11-slim-bookworm", "host:5000/python"): [(1, "warning", "another image")],
    GOOD.replace(":3.11-slim-bookworm", "@sha256:0123"): [],
    "ARG BASE=python:latest\n" + GOOD.replace("python:3.11-slim-bookworm", "${BASE}"): [(2, "warning", "latest")],
    "ARG BASE\n" + GOOD.replace("python:3.11-slim-bookworm", "$BASE"): [],
    GOOD + "ARG AWS_SECRET_ACCESS_KEY=dummy\n": [(4, "error", "ARG AWS_SECRET_ACCESS_KEY stays in the image")],
    GOOD + "ARG GITHUB_TOKEN\n": [(4, "error", "GITHUB_TOKEN")],
    GOOD + 'ENV A=1 DB_PASSWORD="x y"\n': [(4, "error", "DB_PASSWORD")],
    GOOD + "ENV API_KEY abc\n": [(4, "error", "API_KEY")],
    GOOD + "ENV TOKENIZERS_PARALLELISM=false MAX_TOKENS=3 PASSWORD_FILE=/x KEY=1\n": [],
    GOOD + "ENV AWS_DEFAULT_REGION=eu-west-1\n": [(4, "warning", "AWS_DEFAULT_REGION")],
    GOOD + "COPY model /opt/ml/model\n": [(4, "warning", "below /opt/ml")],
    GOOD + "WORKDIR /opt/ml\nADD x code/\n": [(5, "warning", "below /opt/ml")],
    GOOD + 'COPY ["a b", "/opt/ml/"]\n': [(4, "warning", "below /opt/ml")],
    GOOD + "COPY x /opt/mlx\n": [],
    GOOD + "USER model\n": [(4, "warning", "runs as model")],
    GOOD + "USER model\nUSER root\n": [],
    GOOD + "USER 0:0\n": [],
    "FROM python:3.11\nCMD python main.py\n": [(1, "warning", "no ENTRYPOINT")],
    "FROM python:3.11\nCOPY serve /usr/local/bin/\n": [],
    "FROM python:3.11\nRUN pip install sagemaker-training\n": [],
    "FROM python:3.11 AS base\n" + GOOD.replace("python:3.11-slim-bookworm", "base"): [],
    "FROM a:1 AS base\nENTRYPOINT run\nFROM base AS training\nFROM b:1 AS inference\nFROM c:1\n": [
        (2, "error", "shell form"),
        (4, "warning", "no ENTRYPOINT"),
    ],
    "FROM a:1 AS build\nUSER model\nCOPY x /opt/ml/x\n" + GOOD: [],
}


@pytest.mark.parametrize("text", FINDINGS)
def test_each_finding_has_its_line_and_severity(text: str) -> None:
    found = lint(text, "Dockerfile")
    told = [(each.position.line, each.severity.value, each.message) for each in found]
    assert [each[:2] for each in told] == [each[:2] for each in FINDINGS[text]]
    assert all(part in message for (_, _, message), (_, _, part) in zip(told, FINDINGS[text], strict=True))
    assert all(each.hint and each.position.file == "Dockerfile" for each in found)


@pytest.mark.parametrize("framework", template.names(assets.templates()))
def test_our_own_templates_have_no_findings(framework: str) -> None:
    text = (assets.templates() / "dockerfiles" / framework / "Dockerfile").read_text()
    assert [each for each in lint(text, "Dockerfile") if each.severity is Severity.ERROR] == []
    assert {"training", "inference"} <= {stage.name for stage in stages(text)}


def test_a_dockerfile_that_takes_credentials_as_arguments_is_refused_as_a_whole() -> None:
    text = "FROM python:3.11\nARG AWS_ACCESS_KEY_ID\nARG AWS_SECRET_ACCESS_KEY\nARG AWS_SESSION_TOKEN\nENTRYPOINT run\n"
    assert [each.position.line for each in lint(text, "x") if each.severity is Severity.ERROR] == [2, 3, 4, 5]


def test_continued_lines_comments_and_here_documents_are_read_as_docker_reads_them() -> None:
    text = (
        "FROM a:1\n"
        "# comment\n"
        "RUN one \\\n"
        "  # comment inside\n"
        "\n"
        "  two\n"
        "RUN <<END cat > x\n"
        "ENTRYPOINT not an instruction\n"
        "END\n"
        "copy a b\n"
        "RUN last \\"
    )
    assert [(each.line, each.word, each.rest) for each in parse(text)] == [
        (1, "FROM", "a:1"),
        (3, "RUN", "one two"),
        (7, "RUN", "<<END cat > x"),
        (10, "COPY", "a b"),
        (11, "RUN", "last"),
    ]


def test_the_escape_directive_changes_the_continuation() -> None:
    text = "# escape=`\nFROM a:1\nRUN dir c:\\\nRUN one `\n two\n"
    assert [each.rest for each in parse(text)] == ["a:1", "dir c:\\", "one two"]


def test_stages_have_names_and_parents() -> None:
    found = stages("ARG X\nFROM --platform=linux/amd64 a:1 AS One\nRUN x\nFROM one as two\nFROM scratch")
    assert [(each.name, each.image, len(each.instructions)) for each in found] == [
        ("One", "a:1", 2),
        ("two", "one", 1),
        ("", "scratch", 1),
    ]
