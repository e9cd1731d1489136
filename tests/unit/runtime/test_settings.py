"""How the server runs, against what the configuration documents."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from shapemaker_runtime.acceleration.settings import TOLERANCES, Acceleration
from shapemaker_runtime.errors import SetupError
from shapemaker_runtime.serving.settings import Settings

from shapemaker_action.config import schema, variables

FIELDS = schema.definition("serve")["properties"]
OTHERS = {"server": "stock", "inline": "never", "log": "all"}


def flat(settings: Settings) -> dict[str, object]:
    values = asdict(settings)
    return {**values, **values.pop("limits")}


def variable(name: str) -> str:
    return f"{variables.PREFIX}{name.upper()}"


def test_the_defaults_are_those_of_the_configuration() -> None:
    documented = {variable(name): str(FIELDS[name]["default"]) for name in variables.NAMES if name != "workers"}
    assert Settings.from_environ(documented) == Settings.from_environ({})


@pytest.mark.parametrize("name", variables.NAMES)
def test_every_field_of_the_configuration_is_heeded_from_its_least_to_its_largest(name: str) -> None:
    before = flat(Settings.from_environ({}))
    values = [OTHERS[name]] if name in OTHERS else [max(1, FIELDS[name]["minimum"]), FIELDS[name]["maximum"]]
    assert any(flat(Settings.from_environ({variable(name): str(value)})) != before for value in values)


def test_the_accelerators_are_those_of_the_configuration() -> None:
    assert {"none", *TOLERANCES} == set(schema.definition("accelerator")["enum"])
    details = FIELDS["accelerate"]["anyOf"][1]["properties"]["tolerance"]["description"]
    assert all(f"{tolerance:.0e}".replace("e-0", "e-") in details for tolerance in TOLERANCES.values())
    assert Acceleration.from_environ({}) == Acceleration("none", "", 0, fallback=False)
    assert not Acceleration.from_environ({}).is_wanted


@pytest.mark.parametrize("text", ["nan", "-1", "inf", "x"])
def test_a_tolerance_is_a_number(text: str) -> None:
    with pytest.raises(SetupError, match="SHAPEMAKER_ACCELERATE_TOLERANCE"):
        Acceleration.from_environ({"SHAPEMAKER_ACCELERATE": "builtin", "SHAPEMAKER_ACCELERATE_TOLERANCE": text})


def test_workers_that_were_asked_for_are_never_fewer() -> None:
    assert Settings.from_environ({variable("workers"): "900"}).loaded().workers == 900


def test_there_are_no_more_workers_than_the_memory_beside_the_model_has_room_for() -> None:
    settings = replace(Settings.from_environ({}), workers=100_000)
    assert 1 <= settings.loaded().workers < 100_000
