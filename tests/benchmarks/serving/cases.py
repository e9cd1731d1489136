"""What is measured, and what each figure has to be."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from tests.benchmarks.serving import models
from tests.benchmarks.serving.measure import Figures, Load

if TYPE_CHECKING:
    from tests.benchmarks.serving.catalogue import Stack

PEERS = ("fastapi", "mlserver", "bentoml", "litserve", "mlflow", "mms", "mms-batch")
OWN = ("template", "ours", "ours-stock")
ACCELERATED = ("ours-builtin", "ours-compiled")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What one trial of one stack in one round came to."""

    figures: Figures | None = None
    seconds: float = 0
    pss: float = 0
    private: float = 0
    ping: float = 0

    def __str__(self) -> str:
        if self.figures:
            found = self.figures
            failed = f", {found.failed} failed" if found.failed else ""
            return (
                f"{found.rate:.0f}/s, p50 {found.p50:.2g} ms, p99 {found.p99:.3g} ms, "
                f"{found.cpu:.0f} µs CPU, {found.steal:.0f} % steal{failed}"
            )
        if self.pss:
            return f"{self.pss:.0f} MB, {self.private:.0f} MB private"
        return f"{self.ping:.1f} ms" if self.ping else f"{self.seconds:.2f} s"

    @property
    def rate(self) -> float:
        """Requests a second that succeeded."""
        return self.of_load.rate if not self.of_load.failed else self.of_load.rate / 2

    @property
    def of_load(self) -> Figures:
        """The figures of a load."""
        if self.figures is None:
            raise TypeError("no load was measured")
        return self.figures


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One load on one model."""

    id: str
    model: str
    load: Load
    rows: int = 1
    workers: int = 1
    stacks: tuple[str, ...] = OWN
    kind: Literal["load", "ping", "memory", "start"] = "load"
    format: Literal["json", "csv", "npy", "arrow", "parquet"] = "json"
    """That of our own stacks; the others know JSON only."""

    def without(self, names: tuple[str, ...]) -> Trial:
        """Fewer stacks."""
        return replace(self, stacks=tuple(name for name in self.stacks if name not in names))

    def payload(self, stack: Stack) -> tuple[bytes, str]:
        """The body as a stack takes it, and its media type."""
        return stack.body(self.model, self.rows), stack.content_type

    def encoded(self) -> tuple[bytes, str]:
        """The body in the trial's own format."""
        return _ENCODERS[self.format](models.instances(self.rows))


def _csv(rows: list[list[float]]) -> tuple[bytes, str]:
    return "\n".join(",".join(map(str, row)) for row in rows).encode(), "text/csv"


def _npy(rows: list[list[float]]) -> tuple[bytes, str]:
    import numpy as np  # noqa: PLC0415 - only for this format

    stream = io.BytesIO()
    np.save(stream, np.array(rows))
    return stream.getvalue(), "application/x-npy"


def _arrow(rows: list[list[float]]) -> tuple[bytes, str]:
    import pyarrow as pa  # noqa: PLC0415 - only for this format

    table = _columns(rows)
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue(), "application/vnd.apache.arrow.stream"


def _parquet(rows: list[list[float]]) -> tuple[bytes, str]:
    import pyarrow.parquet as pq  # noqa: PLC0415 - only for this format

    stream = io.BytesIO()
    pq.write_table(_columns(rows), stream)
    return stream.getvalue(), "application/vnd.apache.parquet"


def _columns(rows: list[list[float]]) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - only for these formats

    return pa.table({f"x{index}": list(column) for index, column in enumerate(zip(*rows, strict=True))})


_ENCODERS = {"csv": _csv, "npy": _npy, "arrow": _arrow, "parquet": _parquet}

TRIALS = (
    Trial(id="T", model="tiny", load=Load(connections=8), stacks=(*OWN, "nginx")),
    Trial(id="T-varied", model="tiny", load=Load(connections=8, varied=True)),
    Trial(id="T-start", model="tiny", load=Load(connections=1), kind="start"),
    Trial(id="T-close", model="tiny", load=Load(connections=16, close=True), workers=2),
    Trial(id="H1", model="hgb", load=Load(connections=1), stacks=(*OWN, *ACCELERATED)),
    Trial(id="H8", model="hgb", load=Load(connections=8)),
    Trial(id="H64", model="hgb", load=Load(connections=64), stacks=(*OWN, *ACCELERATED, *PEERS)),
    Trial(id="H200", model="hgb", load=Load(connections=200)),
    Trial(id="H-ping", model="hgb", load=Load(connections=64, seconds=4), rows=100, kind="ping"),
    Trial(id="H-start", model="hgb", load=Load(connections=1), kind="start"),
    Trial(id="F1", model="forest", load=Load(connections=1), stacks=("template", *ACCELERATED, "ours-onnx")),
    Trial(id="F64", model="forest", load=Load(connections=64)),
    Trial(id="R100", model="ridge", load=Load(connections=4), rows=100),
    Trial(id="R1000", model="ridge", load=Load(connections=4), rows=1000),
    Trial(id="R10000", model="ridge", load=Load(connections=4), rows=10_000),
    Trial(id="R-csv", model="ridge", load=Load(connections=4), rows=1000, stacks=("ours", "ours-stock"), format="csv"),
    Trial(id="R-npy", model="ridge", load=Load(connections=4), rows=10_000, stacks=("ours",), format="npy"),
    Trial(id="R-arrow", model="ridge", load=Load(connections=4), rows=10_000, stacks=("ours",), format="arrow"),
    Trial(id="R-parquet", model="ridge", load=Load(connections=4), rows=10_000, stacks=("ours",), format="parquet"),
    Trial(id="M", model="large", load=Load(connections=4, seconds=2), workers=2, kind="memory"),
)

Ratio = Callable[[Sample, Sample], float]


def rate(one: Sample, other: Sample) -> float:
    """Requests a second."""
    return one.rate / other.rate


def cpu(one: Sample, other: Sample) -> float:
    """Processor time a request."""
    return one.of_load.cpu / other.of_load.cpu


def p99(one: Sample, other: Sample) -> float:
    """The slowest hundredth."""
    return one.of_load.p99 / other.of_load.p99


@dataclass(frozen=True, kw_only=True)
class Case:
    """One line of the table: a ratio of what was measured."""

    id: str
    title: str
    trial: str
    must: float
    aim: float
    ratio: Ratio = rate
    subject: str = "ours"
    base: str = "template"
    trial_of_base: str = ""
    less: bool = False
    """Whether a smaller ratio is the better one."""

    def holds(self, value: float, bound: float) -> bool:
        """Whether the figure is as it has to be."""
        return value <= bound if self.less else value >= bound


CASES = (
    Case(id="P1", title="tiny model, 1 row, 8 connections", trial="T", must=12, aim=30),
    Case(id="P1b", title="the same, no two heads alike", trial="T-varied", must=10, aim=20),
    Case(id="P2", title="the same, CPU a request", trial="T", must=0.08, aim=0.035, ratio=cpu, less=True),
    Case(id="P3", title="the same, a new connection each, 2 workers", trial="T-close", must=4, aim=7),
    Case(id="P4", title="HistGradientBoosting, 1 connection", trial="H1", must=1.2, aim=1.5),
    Case(id="P5", title="the same, 8 connections", trial="H8", must=4.5, aim=5.5),
    Case(id="P6", title="the same, 64 connections", trial="H64", must=15, aim=35),
    Case(id="P6b", title="the same, p99", trial="H64", must=0.4, aim=0.1, ratio=p99, less=True),
    Case(id="P7", title="the same, 200 connections", trial="H200", must=25, aim=80),
    Case(id="P8", title="RandomForest, 64 connections", trial="F64", must=20, aim=45),
    *(
        Case(id=name, title=f"{title}, {by}", trial=trial, must=must, aim=aim, subject=f"ours-{by}")
        for name, title, trial, must, aim, kinds in (
            ("P9a", "HGB, accelerated, 1 connection", "H1", 5, 9, ("builtin", "compiled")),
            ("P9b", "HGB, accelerated, 64 connections", "H64", 20, 90, ("builtin", "compiled")),
            ("P9c", "RandomForest, accelerated, 1 connection", "F1", 35, 45, ("builtin", "compiled", "onnx")),
        )
        for by in kinds
    ),
    Case(id="P10a", title="JSON, 100 rows", trial="R100", must=2.8, aim=4),
    Case(id="P10b", title="JSON, 1,000 rows", trial="R1000", must=4.5, aim=7),
    Case(id="P10c", title="JSON, 10,000 rows", trial="R10000", must=6, aim=9),
    Case(id="P11a", title="CSV, 1,000 rows, against JSON", trial="R-csv", trial_of_base="R1000", must=3.5, aim=6),
    Case(id="P11b", title="npy, 10,000 rows, against JSON", trial="R-npy", trial_of_base="R10000", must=60, aim=80),
    Case(id="P11c", title="Arrow, 10,000 rows, against JSON", trial="R-arrow", trial_of_base="R10000", must=45, aim=65),
    Case(
        id="P11d",
        title="Parquet, 10,000 rows, against JSON rows",
        trial="R-parquet",
        trial_of_base="R10000",
        must=25,
        aim=34,
    ),
    Case(
        id="P12",
        title="/ping p99 under 64 connections of 100 rows",
        trial="H-ping",
        must=1 / 15,
        aim=1 / 30,
        ratio=lambda one, other: one.ping / other.ping,
        less=True,
    ),
    Case(
        id="P13a",
        title="memory, large model, 2 workers",
        trial="M",
        must=0.62,
        aim=0.55,
        ratio=lambda one, other: one.pss / other.pss,
        less=True,
    ),
    Case(
        id="P13b",
        title="the same, private to a worker",
        trial="M",
        must=0.10,
        aim=0.05,
        ratio=lambda one, other: one.private / other.private,
        less=True,
    ),
    Case(
        id="P14a",
        title="start to first /ping, tiny model",
        trial="T-start",
        must=1.0,
        aim=0.8,
        ratio=lambda one, other: one.seconds / other.seconds,
        less=True,
    ),
    Case(
        id="P14b",
        title="start to first /ping, HGB",
        trial="H-start",
        must=1.0,
        aim=0.8,
        ratio=lambda one, other: one.seconds / other.seconds,
        less=True,
    ),
    *(
        Case(
            id="P15",
            title="HGB, 64 connections",
            trial="H64",
            base=name,
            must=must,
            aim=2 * must,
        )
        for name, must in (
            ("mlserver", 5),
            ("bentoml", 8),
            ("litserve", 8),
            ("fastapi", 11),
            ("mlflow", 15),
            ("mms", 20),
            ("mms-batch", 20),
        )
    ),
    Case(id="P16", title="tiny model, share of a constant answer", trial="T", must=0.2, aim=0.5, base="nginx"),
    Case(id="S1", title="stock worker: tiny model, 8 connections", trial="T", must=4, aim=6, subject="ours-stock"),
    Case(id="S6", title="stock worker: HGB, 64 connections", trial="H64", must=12, aim=15, subject="ours-stock"),
)
