"""What happens, as values: stages and resources emit events, only `report/` turns them into text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shapemaker_action.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shapemaker_action.naming import Json


@dataclass(frozen=True, kw_only=True)
class StageStarted:
    """A stage begins."""

    stage: str


@dataclass(frozen=True, kw_only=True)
class StageFinished:
    """A stage has ended; `outcome` is a short phrase (`nothing to do`, `2 created`)."""

    stage: str
    seconds: float
    outcome: str


@dataclass(frozen=True, kw_only=True)
class ChangeStarted:
    """Work on one resource begins; `symbol` is the plan's `+`, `~` or `-`."""

    symbol: str
    kind: str
    name: str


@dataclass(frozen=True, kw_only=True)
class ChangeFinished:
    """Work on one resource has ended well."""

    symbol: str
    kind: str
    name: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Something takes time: what, and its latest state (`InProgress / Downloading`)."""

    subject: str
    state: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One line of foreign text: a build, a training container, an endpoint. Never trusted, always prefixed."""

    source: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A sentence for the user that is neither progress nor an error."""

    text: str
    warning: bool = False


@dataclass(frozen=True, kw_only=True)
class ValuesKnown:
    """Outputs that a stage knows before it has ended: they stay known when it fails afterwards."""

    values: Mapping[str, Json]


@dataclass(frozen=True, kw_only=True)
class MetricRead:
    """A training job has said the value of a metric in its log."""

    name: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A value that no log may show: GitHub is told to mask it, nobody else hears of it."""

    value: str


Event = (
    StageStarted
    | StageFinished
    | ChangeStarted
    | ChangeFinished
    | Progress
    | LogLine
    | Notice
    | ValuesKnown
    | MetricRead
    | Secret
)
Emit = Callable[[Event], None]


def silence(event: Event) -> None:
    """An `Emit` that drops everything."""
