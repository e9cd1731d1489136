"""What is wanted against what is there: resources, changes, and the plan that both `plan` and `apply` are made of."""

from __future__ import annotations

from enum import Enum

from shapemaker_action.errors import ForeignError, InvalidInputError, NotOwnedError
from shapemaker_action.naming import ENVIRONMENT_TAG, Json, digest
from shapemaker_action.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import ClassVar, Protocol

    from shapemaker_action.context import Context
else:
    Protocol = object


class Action(str, Enum):
    """What a change does; the value is what JSON shows, `symbol` what text shows."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    NOOP = "no-op"

    @property
    def symbol(self) -> str:
        """`+`, `~`, `-` or `=`."""
        return {"create": "+", "update": "~", "delete": "-", "no-op": "="}[self.value]


class Resource(Protocol):
    """One AWS noun, desired or observed: a frozen dataclass whose compared fields are what can drift."""

    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """The identity on AWS, known before any call."""

    @property
    def owner(self) -> str:
        """The project in the ownership tag; empty when there is none."""

    @property
    def borrowed(self) -> bool:
        """Whether the user named it: then one that exists is used as it is, owned or not."""

    def read(self, context: Context) -> Resource | None:
        """What AWS has under this name, in the same type; None if there is nothing. Never writes."""

    def create(self, context: Context) -> None:
        """Make it, and return when it is as desired. Safe to repeat after a kill at any point."""

    def update(self, context: Context, observed: Resource) -> None:
        """Turn `observed` into this; for a job that runs: wait for it."""

    def delete(self, context: Context) -> None:
        """Remove it, and return when it is gone. Not found is done."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One field before and after, as text for people."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """One step from observed to desired."""

    action: Action
    resource: Resource
    observed: Resource | None = None
    differences: tuple[Difference, ...] = ()

    @property
    def kind(self) -> str:
        """The kind of the resource, in the field's words."""
        return self.resource.kind

    @property
    def name(self) -> str:
        """The name of the resource."""
        return self.resource.name

    def as_json(self) -> dict[str, Json]:
        """The stable form: what `--format json` shows and what the fingerprint covers."""
        return {
            "action": self.action.value,
            "kind": self.kind,
            "name": self.name,
            "differences": [{"field": d.field, "before": d.before, "after": d.after} for d in self.differences],
        }


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The changes of one or several stages, in the order of their application."""

    changes: tuple[Change, ...]

    @property
    def pending(self) -> tuple[Change, ...]:
        """The changes that do something."""
        return tuple(change for change in self.changes if change.action is not Action.NOOP)

    def count(self, action: Action) -> int:
        """How many changes have this action."""
        return sum(change.action is action for change in self.changes)

    @property
    def fingerprint(self) -> str:
        """Digest of the pending changes: equal plans have equal fingerprints, whatever their text."""
        return digest([change.as_json() for change in self.pending])

    def demand(self, fingerprint: str) -> None:
        """Refuse to go on when the plan isn't the approved one."""
        if fingerprint and fingerprint != self.fingerprint:
            raise ForeignError(
                f"the plan has changed since it was approved: its fingerprint is {self.fingerprint}, not {fingerprint}",
                state="nothing was changed",
                remedy="look at the new plan with: shapemaker plan",
            )

    def demand_nothing(self, what: str, remedy: str) -> None:
        """Refuse to go on when something has to be made first by another stage."""
        if self.pending:
            missing = ", ".join(change.name for change in self.pending)
            raise InvalidInputError(
                f"missing {what}: {missing}", state="nothing was changed", remedy=f"make it first: {remedy}"
            )


def differences(observed: Resource, desired: Resource) -> tuple[Difference, ...]:
    """The compared fields in which two values of one type differ."""
    if type(observed) is not type(desired):
        raise AssertionError(f"BUG: read() of {desired.kind} returned a {observed.kind}")
    from dataclasses import fields  # noqa: PLC0415 - dear, and validate does without it

    found = []
    for item in fields(desired):  # type: ignore[arg-type]  # every Resource is a dataclass; a Protocol can't say so
        before, after = getattr(observed, item.name), getattr(desired, item.name)
        if item.compare and before != after:
            found.append(Difference(field=item.name, before=_text(before), after=_text(after)))
    return tuple(found)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(_text(item) for item in value) or "none"
    return str(value) if value not in ("", None) else "none"


def compare(desired: Resource, observed: Resource | None) -> Change:
    """One change. A resource of our name without our ownership tag is refused, unless the user named it."""
    if observed is None:
        return Change(action=Action.CREATE, resource=desired)
    if observed.owner != desired.owner or _environment(observed) != _environment(desired):
        if desired.borrowed:
            return Change(action=Action.NOOP, resource=desired, observed=observed)
        raise not_owned(desired, observed)
    found = differences(observed, desired)
    action = Action.UPDATE if found else Action.NOOP
    return Change(action=action, resource=desired, observed=observed, differences=found)


def not_owned(desired: Resource, observed: Resource) -> NotOwnedError:
    """The refusal to touch what another project, or a person, has made."""
    whose, remedy = "it has no ownership tag", "choose another project name, or remove it yourself if nobody needs it"
    if observed.owner and observed.owner != desired.owner:
        whose = f"it belongs to the project '{observed.owner}'"
    elif observed.owner:
        whose = f"it belongs to the environment '{_environment(observed)}' of this project"
        remedy = "give each environment a name of its own for it, or leave the name out of shapemaker.yml"
    return NotOwnedError(
        f"{desired.kind} '{desired.name}' exists, but {whose}", state="it was not touched", remedy=remedy
    )


def _environment(resource: Resource) -> str:
    """The environment that it is tagged with; what environments share, and what has no tags, has none."""
    tags = getattr(resource, "tags", {})
    return str(tags.get(ENVIRONMENT_TAG, ""))


def make(context: Context, desired: Sequence[Resource]) -> Plan:
    """Read each desired resource once and compare; issues only describe and list calls."""
    return Plan(changes=tuple(compare(resource, resource.read(context)) for resource in desired))


def removal(owned: Iterable[Resource], project: str) -> Plan:
    """The plan that deletes, in the given order; refuses what isn't owned by `project`."""
    changes = []
    for resource in owned:
        if resource.owner != project:
            raise InvalidInputError(
                f"{resource.kind} '{resource.name}' is not owned by '{project}'", state="it was not touched"
            )
        changes.append(Change(action=Action.DELETE, resource=resource, observed=resource))
    return Plan(changes=tuple(changes))


def union(plans: Iterable[Plan]) -> Plan:
    """Several plans as one; a resource that two stages want appears once."""
    seen: dict[tuple[str, str], Change] = {}
    for plan in plans:
        for change in plan.changes:
            seen.setdefault((change.kind, change.name), change)
    return Plan(changes=tuple(seen.values()))
