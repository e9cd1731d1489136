"""CloudWatch Logs of a job, followed while it runs; no log yet is not an error."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.record import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.aws.session import Aws

LINES_KEPT = 50
LONGEST_LINE = 4096


@dataclass(kw_only=True)
class LogTail:
    """Reads what is new in every stream of `group` that starts with `prefix`. Keeps the last lines for errors."""

    aws: Aws
    group: str
    prefix: str
    newest_only: bool = False
    """Only the stream that was made last: an endpoint has one for every instance it ever had."""
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))
    _tokens: dict[str, str] = field(default_factory=dict)

    def new_lines(self) -> Iterator[str]:
        """Lines since the last call, oldest first within a stream. Quiet when logs are missing or not allowed."""
        try:
            streams = list(
                self.aws.pages(
                    "logs",
                    "DescribeLogStreams",
                    "logStreams",
                    {"logGroupName": self.group, "logStreamNamePrefix": self.prefix},
                )
            )
            if self.newest_only and streams:
                streams = [max(streams, key=lambda stream: int(stream.get("creationTime", 0)))]
            for stream in streams:
                yield from self._read(str(stream["logStreamName"]))
        except AwsCallError:
            # The group appears with the first line of the first job of an account; and logs are a comfort, not a need.
            return

    def _read(self, stream: str) -> Iterator[str]:
        while True:
            request = {"logGroupName": self.group, "logStreamName": stream, "startFromHead": True}
            if token := self._tokens.get(stream):
                request["nextToken"] = token
            reply = self.aws.call("logs", "GetLogEvents", request)
            for event in reply.get("events", []):
                for line in str(event["message"]).splitlines() or [""]:
                    self.last.append(line[:LONGEST_LINE])
                    yield line[:LONGEST_LINE]
            # The end of a stream is a token that repeats.
            forward = reply["nextForwardToken"]
            if forward == token:
                return
            self._tokens[stream] = forward
