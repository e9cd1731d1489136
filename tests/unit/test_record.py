"""Our dataclass against the standard library's: the same behaviour for what the house makes of it."""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from shapemaker_action import record

if TYPE_CHECKING:
    from types import ModuleType

BOTH = pytest.mark.parametrize("library", [dataclasses, record], ids=["dataclasses", "record"])


def make(library: ModuleType) -> Any:
    class Point:
        kind: ClassVar[str] = "point"

        x: int
        y: int = 2
        tags: list[str] = library.field(default_factory=list, repr=False, compare=False)
        secret: str = library.field(default="", repr=False)

        @property
        def total(self) -> int:
            return self.x + self.y

    return library.dataclass(frozen=True, kw_only=True, order=True)(Point)


@BOTH
def test_values_are_equal_ordered_and_hashable_by_their_compared_fields(library: ModuleType) -> None:
    point = make(library)
    assert point(x=1) == point(x=1, y=2, tags=["a"])
    assert point(x=1) != point(x=1, secret="s")
    assert point(x=1) != 1
    assert point(x=1) < point(x=2)
    assert len({point(x=1), point(x=1, tags=["a"])}) == 1
    assert point(x=1, y=5).total == 6
    assert point.kind == "point"


@BOTH
def test_only_what_may_be_shown_is_shown(library: ModuleType) -> None:
    assert repr(make(library)(x=1, secret="s")).endswith("Point(x=1, y=2)")


@BOTH
@pytest.mark.parametrize("given", [{}, {"y": 1}, {"x": 1, "z": 3}, {"z": 3}])
def test_a_missing_or_unknown_field_is_a_type_error(library: ModuleType, given: dict[str, int]) -> None:
    with pytest.raises(TypeError):
        make(library)(**given)


@BOTH
def test_frozen_values_stay_as_they_are(library: ModuleType) -> None:
    value = make(library)(x=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del value.x
    assert value.x == 1


@BOTH
def test_a_factory_makes_a_default_for_each_value(library: ModuleType) -> None:
    point = make(library)
    assert point(x=1).tags is not point(x=1).tags


@BOTH
def test_the_functions_of_the_standard_library_take_it(library: ModuleType) -> None:
    value = make(library)(x=1)
    assert dataclasses.replace(value, y=7) == make_like(value, y=7)
    assert dataclasses.asdict(value) == {"x": 1, "y": 2, "tags": [], "secret": ""}
    assert [each.name for each in dataclasses.fields(value)] == ["x", "y", "tags", "secret"]
    assert [each.compare for each in dataclasses.fields(value)] == [True, True, False, True]
    assert copy.deepcopy(value) == value
    assert dataclasses.is_dataclass(value)


def make_like(value: object, **changes: int) -> object:
    return type(value)(**{**vars(value), **changes})


@BOTH
def test_a_class_extends_another(library: ModuleType) -> None:
    class Named(make(library)):  # type: ignore[misc]  # a class that is made at run time
        name: str = "n"

    named = library.dataclass(frozen=True, kw_only=True)(Named)
    assert repr(named(x=1)).endswith("Named(x=1, y=2, name='n')")
    assert named(x=1, name="m") != named(x=1)


def test_one_value_can_change_where_it_is_not_frozen() -> None:
    @record.dataclass(kw_only=True)
    class Counter:
        count: int = 0

    counter = Counter()
    counter.count += 1
    assert counter == Counter(count=1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(counter)


def test_replaced_values_keep_the_rest() -> None:
    value = make(record)(x=1, secret="s")
    assert vars(record.replace(value, y=3)) == {**vars(value), "y": 3}
