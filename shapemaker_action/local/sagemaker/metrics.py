"""Metrics of a training job: read out of its log by regular expressions, sent to CloudWatch."""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

NAMESPACE = "/aws/sagemaker/TrainingJobs"
BATCH = 500
"""What CloudWatch takes in one PutMetricData call is 1000."""
INTERVAL = 1.0
"""Seconds between two calls while the log goes on."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """One value of a metric. `moment` is in seconds since the epoch."""

    name: str
    value: float
    moment: float


class Patterns:
    """The metric definitions of a job."""

    def __init__(self, definitions: Sequence[Mapping[str, str]]) -> None:
        self._patterns = [(item["Name"], re.compile(item["Regex"])) for item in definitions]

    def read(self, line: str, moment: float) -> Iterator[Reading]:
        """Every match of every metric in a log line. What is matched but is no number is no metric."""
        for name, pattern in self._patterns:
            for match in pattern.finditer(line):
                value = _number(match.group(1) if pattern.groups else match.group())
                if value is not None:
                    yield Reading(name, value, moment)


def broken(definitions: Sequence[Mapping[str, str]]) -> str:
    """The first regular expression that cannot be compiled; empty if there is none."""
    return next((item["Regex"] for item in definitions if not _compiles(item["Regex"])), "")


def _compiles(regex: str) -> bool:
    try:
        re.compile(regex)
    except re.error:
        return False
    return True


class Collector:
    """Reads the logs of all hosts of a job; keeps the last value of each metric and sends new ones to CloudWatch."""

    def __init__(self, client: Any, clock: Callable[[], float], job: str, patterns: Patterns) -> None:
        self._client = client
        self._clock = clock
        self._job = job
        self._patterns = patterns
        self._lock = threading.Lock()
        self._last: dict[str, Reading] = {}
        self._unsent: list[Reading] = []
        self._sent_at = 0.0

    def see(self, line: str, new: bool) -> None:  # noqa: FBT001 - the signature of a log follower's callback
        """Take a log line in; one that isn't new was sent by an earlier server and counts for the last value only."""
        now = self._clock()
        readings = list(self._patterns.read(line, now))
        with self._lock:
            self._last |= {reading.name: reading for reading in readings}
            if new:
                self._unsent += readings
        if now - self._sent_at > INTERVAL:
            self.flush()

    def flush(self) -> None:
        """Send what waits. Metrics are a by-product: that CloudWatch fails is for the server's log, not the job."""
        with self._lock:
            readings, self._unsent = self._unsent, []
            self._sent_at = self._clock()
        try:
            for start in range(0, len(readings), BATCH):
                self._put(readings[start : start + BATCH])
        except (BotoCoreError, ClientError) as error:
            _LOG.warning("metrics of %s are lost: %s", self._job, error)

    def final(self) -> list[dict[str, Any]]:
        """The FinalMetricDataList."""
        with self._lock:
            return [
                {"MetricName": reading.name, "Value": reading.value, "Timestamp": reading.moment}
                for _, reading in sorted(self._last.items())
            ]

    def _put(self, readings: Sequence[Reading]) -> None:
        self._client.put_metric_data(
            Namespace=NAMESPACE,
            MetricData=[
                {
                    "MetricName": reading.name,
                    "Dimensions": [{"Name": "TrainingJobName", "Value": self._job}],
                    "Timestamp": reading.moment,
                    "Value": reading.value,
                }
                for reading in readings
            ],
        )


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None
