from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft7Validator

from shapemaker_action.config import project, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
SCHEMA = schema.load()
MINIMAL = {"project": {"name": "salary"}, "aws": {"region": "eu-west-1"}}
SECTIONS = {
    "aws": project.AwsSettings,
    "secret": project.SecretSource,
    "channel_details": project.ChannelSettings,
    "train": project.TrainSettings,
    "evaluate": project.EvaluateSettings,
    "serve": project.ServeSettings,
    "deploy": project.DeploySettings,
    "invoke": project.InvokeSettings,
    "request_details": project.RequestSettings,
}


def fields(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property of the schema with its dotted path."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from fields(item, f"{path}.{index}")
    elif isinstance(node, dict):
        properties = node.get("properties", {})
        for name, field in properties.items() if isinstance(properties, dict) else ():
            yield f"{path}.{name}", field
        for key, item in node.items():
            if key not in ("examples", "default", "description"):
                yield from fields(item, f"{path}.{key}" if key != "properties" else path)


FIELDS = dict(fields(SCHEMA))


def valid(document: object) -> list[str]:
    return [error.message for error in Draft7Validator(SCHEMA).iter_errors(document)]


def test_it_is_a_valid_draft_7_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", FIELDS)
def test_every_field_is_described(path: str) -> None:
    field = FIELDS[path]
    description = field.get("description") or schema.resolved(field)["description"]
    assert description[0].isupper() or description.startswith(("false", "true"))
    assert description.endswith((".", ")")) or "https://" in description


def test_every_section_has_a_title_and_refuses_unknown_keys() -> None:
    sections = {name: each for name, each in SCHEMA["definitions"].items() if "properties" in each}
    assert len(sections) >= 10
    for section in sections.values():
        assert section["title"]
        assert section["additionalProperties"] is False


def test_every_pattern_has_words_and_whole_anchors() -> None:
    nodes = [each for each in FIELDS.values() if "pattern" in each]
    assert len(nodes) >= 6
    for node in nodes:
        assert node["patternErrorMessage"]
        assert node["pattern"].startswith("^")
        assert node["pattern"].endswith("$")


def test_the_defaults_are_valid_themselves() -> None:
    filled = schema.filled(SCHEMA, MINIMAL)
    assert valid(filled) == []
    assert schema.filled(SCHEMA, filled) == filled


def test_filling_leaves_the_schema_and_the_document_alone() -> None:
    before = json.dumps(SCHEMA)
    filled = schema.filled(SCHEMA, MINIMAL)
    filled["train"]["hyperparameters"]["degree"] = 1
    filled["train"]["channels"]["train"] = "x"
    assert json.dumps(SCHEMA) == before
    assert MINIMAL == {"project": {"name": "salary"}, "aws": {"region": "eu-west-1"}}


def test_every_example_is_valid() -> None:
    for path, field in FIELDS.items():
        for example in field.get("examples", ()):
            scoped = {**field, "definitions": SCHEMA["definitions"]}
            assert not list(Draft7Validator(scoped).iter_errors(example)), path


@pytest.mark.parametrize("section", SECTIONS)
def test_the_schema_and_the_project_have_the_same_fields(section: str) -> None:
    assert set(schema.definition(section)["properties"]) == {
        each.name for each in dataclasses.fields(SECTIONS[section])
    }


def test_a_build_has_one_dockerfile_for_each_image() -> None:
    ours = {each.name for each in dataclasses.fields(project.BuildSettings)}
    assert ours - set(schema.definition("build")["properties"]) == {"training_dockerfile", "inference_dockerfile"}


def test_the_complete_case_has_every_key_of_the_schema() -> None:
    text = (ROOT / "tests/cases/config/good-complete/shapemaker.yml").read_text()
    absent = {"$schema", "CreateEndpoint", "app", "entrypoint", "training"}
    names = {path.rpartition(".")[2] for path in FIELDS} - absent
    assert not {name for name in names if not re.search(rf"\b{re.escape(name)}:", text)}


def test_the_sample_names_this_schema_and_fits_it() -> None:
    text = (ROOT / "shapemaker.yml").read_text()
    (named,) = re.findall(r"\$schema=(\S+)", text)
    assert (ROOT / named).samefile(schema.PATH)
    assert valid(yaml.safe_load(text)) == []


def test_an_environment_may_say_part_of_a_section() -> None:
    environments = {
        "production": {
            "aws": {"account": "123456789012"},
            "train": {"channels": {"train": {"content_type": "text/csv"}}},
        }
    }
    assert valid({**MINIMAL, "environments": environments}) == []
    assert valid({**MINIMAL, "environments": {"production": {"project": {"name": "x"}}}})
    assert valid({**MINIMAL, "environments": {"Production": {}}})
