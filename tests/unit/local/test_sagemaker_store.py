"""Records on disk, their listing and the fields that are refused."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from shapemaker_action.local.sagemaker.listing import page
from shapemaker_action.local.sagemaker.refusals import missing, not_found, refuse_others
from shapemaker_action.local.sagemaker.store import Key, Record, Store
from shapemaker_action.local.wire import ApiError, Call

if TYPE_CHECKING:
    from pathlib import Path

REGION = "eu-west-1"


def record(name: str, *, created: float = 1.0, **state: Any) -> Record:
    return Record(
        kind="model",
        region=REGION,
        name=name,
        arn=f"arn:aws:sagemaker:{REGION}:000000000000:model/{name.lower()}",
        created=created,
        modified=created,
        request={"ModelName": name},
        state=state,
    )


def key(name: str) -> Key:
    return Key("model", REGION, name)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path, lambda: 9.0)


def test_records_survive_a_restart(store: Store, tmp_path: Path) -> None:
    assert store.add(record("Kept", status="Creating"))
    store.change(key("kept"), lambda found: found.state.update(status="InService"))
    again = Store(tmp_path, lambda: 9.0).get(key("Kept"))
    assert again is not None
    assert (again.name, again.status, again.modified) == ("Kept", "InService", 9.0)


def test_a_draft_of_a_killed_server_is_no_record(store: Store, tmp_path: Path) -> None:
    store.add(record("whole"))
    (tmp_path / REGION / "model" / "torn.new").write_text('{"kind": "mod')
    assert [found.name for found in Store(tmp_path, lambda: 0.0).all("model")] == ["whole"]


def test_a_damaged_file_costs_one_record_and_not_the_server(store: Store, tmp_path: Path) -> None:
    store.add(record("whole"))
    for name, text in (("torn", '{"kind": "mod'), ("other", '{"some": "thing"}')):
        (tmp_path / REGION / "model" / f"{name}.json").write_text(text)
    assert [found.name for found in Store(tmp_path, lambda: 0.0).all("model")] == ["whole"]


def test_a_name_is_taken_whatever_its_letter_case(store: Store) -> None:
    assert store.add(record("name"))
    assert not store.add(record("NAME"))


def test_what_comes_out_is_a_copy(store: Store) -> None:
    store.add(record("one", inner={"a": 1}))
    found = store.get(key("one"))
    assert found is not None
    found.state["inner"]["a"] = 2
    again = store.get(key("one"))
    assert again is not None
    assert again.state["inner"] == {"a": 1}


def test_a_change_that_raises_changes_nothing(store: Store) -> None:
    store.add(record("one", status="a"))

    def fail(found: Record) -> None:
        found.state["status"] = "b"
        raise ApiError("Code", "message")

    with pytest.raises(ApiError):
        store.change(key("one"), fail)
    found = store.get(key("one"))
    assert found is not None
    assert found.status == "a"


def test_changes_at_the_same_time_are_all_kept(store: Store) -> None:
    store.add(record("one", count=0))

    def add(found: Record) -> None:
        found.state["count"] += 1

    def many() -> None:
        for _ in range(50):
            store.change(key("one"), add)

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = store.get(key("one"))
    assert found is not None
    assert found.state["count"] == 200


def test_a_removed_record_is_gone_for_good(store: Store, tmp_path: Path) -> None:
    store.add(record("one"))
    store.remove(key("one"))
    store.remove(key("one"))
    assert store.get(key("one")) is None
    assert store.change(key("one"), lambda _: None) is None
    assert Store(tmp_path, lambda: 0.0).all("model") == []


def test_records_are_found_by_arn(store: Store) -> None:
    store.add(record("One"))
    found = store.by_arn(f"arn:aws:sagemaker:{REGION}:000000000000:model/One")
    assert found is not None
    assert found.name == "One"
    assert store.by_arn("arn:other") is None


def test_records_of_equal_time_are_paged_by_name() -> None:
    records = [record(name) for name in "cab"]
    first, token = page(records, {"MaxResults": 2})
    rest, end = page(records, {"MaxResults": 2, **token})
    assert [found.name for found in first + rest] == ["c", "b", "a"]
    assert end == {}


def test_a_page_goes_on_where_it_was_although_records_come_and_go() -> None:
    records = [record(str(number), created=number) for number in range(6)]
    first, token = page(records, {"MaxResults": 3})
    assert [found.name for found in first] == ["5", "4", "3"]
    newer = [*records[:2], record("6", created=6)]
    rest, _ = page(newer, {"MaxResults": 3, **token})
    assert [found.name for found in rest] == ["1", "0"]


def call(**body: Any) -> Call:
    return Call(operation="CreateThing", body=body, region=REGION, account="000000000000")


HONOURED: dict[str, tuple[object, ...]] = {"Name": (), "Deep.Known": (), "Deep.Kind": ("None",), "Free": ()}


def refused(**body: Any) -> str:
    with pytest.raises(ApiError) as raised:
        refuse_others(call(**body), HONOURED)
    assert raised.value.code == "ValidationException"
    return raised.value.message


def test_fields_that_are_honoured_or_ask_for_nothing_pass() -> None:
    refuse_others(
        call(Name="x", Deep=[{"Known": 1, "Kind": "None", "Odd": False}], Free={"any": {"thing": 1}}, Off=[], Other={}),
        HONOURED,
    )


def test_every_field_that_is_not_honoured_is_named_once_with_its_path() -> None:
    message = refused(Deep=[{"Odd": 1}, {"Odd": 2}, {"Kind": "Gzip"}], Vpc={"Subnets": ["a"]})
    assert message.startswith("The local SageMaker does not honour Deep.Odd, Deep.Kind=Gzip, Vpc of CreateThing.")


def test_errors_use_the_services_words() -> None:
    assert missing("Name", "Deep.Known").message == (
        "2 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must not be null; "
        "Value null at 'deep.known' failed to satisfy constraint: Member must not be null"
    )
    assert not_found("endpoint-config", "arn:x").message == 'Could not find endpoint configuration "arn:x".'
