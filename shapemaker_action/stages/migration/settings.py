"""`shapemaker.yml` as text: sections in their order, short mappings on one line, what stays behind as comments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shapemaker_action.naming import Json
    from shapemaker_action.stages.migration.sheet import Left

_ORDER = ("project", "aws", "build", "train", "serve", "deploy", "invoke")
_WIDTH = 110
_HEAD = """\
# Carried over from .envrc, configs/ and images/; train.py and app.py run as they are.
# What is not said here has a default: `shapemaker schema` lists all there is to say.
"""
_NOTE = """\
# DIR_MODEL_LOCAL is where train.py and app.py look for the model; from /opt/program, this is /opt/ml/model.
"""
_PLAIN = re.compile(r"[A-Za-z_.][\w ./-]*(:[\w./-]+)?")


class _Dumper(yaml.SafeDumper):
    """Writes text in quotes unless no YAML of any version can take it for something else."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if _PLAIN.fullmatch(value) else "'")


_Dumper.add_representer(str, _text)


def render(document: Mapping[str, Json], left: Iterable[Left]) -> str:
    """The file."""
    parts = [_HEAD + _section("project", document) + _section("aws", document)]
    parts += [_section(name, document) for name in _ORDER[2:] if name in document]
    text = "\n".join(parts)
    if "DIR_MODEL_LOCAL" in text:
        text = text.replace("\ntrain:\n", f"\n{_NOTE}train:\n", 1)
    if notes := "".join(f"# - {_line(each)}\n" for each in left):
        text += f"\n# Not carried over:\n{notes}"
    return text


def _section(name: str, document: Mapping[str, Json]) -> str:
    return str(
        yaml.dump(
            {name: document.get(name, {})},
            Dumper=_Dumper,
            sort_keys=False,
            default_flow_style=None,
            width=_WIDTH,
            allow_unicode=True,
        )
    )


def _line(left: Left) -> str:
    """On one line, whatever the names in it are."""
    text = f"{left.where}: {left.what}; {left.instead}"
    return "".join(each if each.isprintable() else "?" for each in text)
