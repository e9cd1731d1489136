from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import pytest

from shapemaker_action.errors import ForeignError, InvalidInputError, NotOwnedError
from shapemaker_action.plan import Action, Plan, Resource, compare, removal, union

if TYPE_CHECKING:
    from shapemaker_action.context import Context


@dataclass(frozen=True, kw_only=True)
class Lamp:
    kind: ClassVar[str] = "lamp"

    name: str = "desk"
    owner: str = "salary"
    colour: str = "red"
    socket: str = field(default="E27", compare=False)
    borrowed: bool = field(default=False, compare=False)

    def read(self, context: Context) -> Lamp | None:
        raise NotImplementedError

    def create(self, context: Context) -> None: ...

    def update(self, context: Context, observed: Resource) -> None: ...

    def delete(self, context: Context) -> None: ...


def test_what_is_missing_is_created() -> None:
    assert compare(Lamp(), None).action is Action.CREATE


def test_equal_values_are_a_no_op_even_if_uncompared_fields_differ() -> None:
    assert compare(Lamp(), Lamp(socket="E14")).action is Action.NOOP


def test_a_difference_names_the_field_before_and_after() -> None:
    change = compare(Lamp(colour="blue"), Lamp())
    assert change.action is Action.UPDATE
    assert [(d.field, d.before, d.after) for d in change.differences] == [("colour", "red", "blue")]


@pytest.mark.parametrize(("owner", "whose"), [("", "no ownership tag"), ("other", "the project 'other'")])
def test_a_resource_without_our_tag_is_refused_and_its_owner_named(owner: str, whose: str) -> None:
    with pytest.raises(NotOwnedError, match=whose):
        compare(Lamp(), Lamp(owner=owner))


def test_a_resource_that_the_user_named_is_used_as_it_is() -> None:
    assert compare(Lamp(borrowed=True), Lamp(owner="", colour="green")).action is Action.NOOP


def test_removal_refuses_what_is_not_owned() -> None:
    with pytest.raises(InvalidInputError, match="not owned"):
        removal([Lamp(owner="other")], "salary")


def test_the_fingerprint_covers_pending_changes_and_nothing_else() -> None:
    create = compare(Lamp(), None)
    same = compare(Lamp(name="floor"), Lamp(name="floor"))
    assert Plan(changes=(create, same)).fingerprint == Plan(changes=(create,)).fingerprint
    assert Plan(changes=(create,)).fingerprint != Plan(changes=(compare(Lamp(name="wall"), None),)).fingerprint


def test_an_approved_plan_that_has_changed_is_refused() -> None:
    plan = Plan(changes=(compare(Lamp(), None),))
    plan.demand(plan.fingerprint)
    plan.demand("")
    with pytest.raises(ForeignError, match="has changed since it was approved"):
        plan.demand("0" * 64)


def test_a_resource_that_two_stages_want_appears_once() -> None:
    change = compare(Lamp(), None)
    assert union([Plan(changes=(change,)), Plan(changes=(change,))]).changes == (change,)
