"""Where predictions run: beside the event loop, together when requests are concurrent, and never without a limit.

There is no timer: a batch is what came in while the batch before it was running. So a lone request never waits, and the
more requests there are, the more of them share the fixed cost of a prediction.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from queue import SimpleQueue
from time import perf_counter
from typing import TYPE_CHECKING, cast

from shapemaker_runtime.errors import RequestError
from shapemaker_runtime.serving import batch, company, threads, watch
from shapemaker_runtime.serving.binding import Call
from shapemaker_runtime.serving.encode import LINES, encode
from shapemaker_runtime.serving.formats import Answer
from shapemaker_runtime.serving.pace import Pace
from shapemaker_runtime.serving.reply import Attempt, Reply, log, log_failure, of_error
from shapemaker_runtime.serving.stream import Stream
from shapemaker_runtime.serving.watch import InterruptedRun

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from shapemaker_runtime.serving.binding import Binding
    from shapemaker_runtime.serving.meter import Meter
    from shapemaker_runtime.serving.settings import Limits

_INLINE_ROWS = 16
_TURN_SECONDS = 0.01
"""How long predictions that cannot be joined may share one trip to the thread."""


class Job:
    """One request on its way through the model. Answered once, on the event loop."""

    __slots__ = ("_done", "call", "family", "is_alone", "is_answered", "may_stream", "media_type", "rows")

    def __init__(self, call: Call, media_type: str, done: Callable[[Reply], None], *, may_stream: bool = False) -> None:
        self.may_stream = may_stream
        self.call = call
        self.media_type = media_type
        self.rows = batch.size(call)
        self.family: Hashable = None
        self.is_alone = False
        self.is_answered = False
        self._done = done

    def answer(self, reply: Reply) -> None:
        """Hand the reply over, unless that has happened."""
        if not self.is_answered:
            self.is_answered = True
            self._done(reply)


class _Turn(Job):
    """A stream's turn in the queue."""

    __slots__ = ("work",)

    def __init__(self, work: Callable[[], Reply], done: Callable[[Reply], None]) -> None:
        super().__init__(_NO_CALL, "", done)
        self.work = work


_NO_CALL = Call("fields", {})


class _Run:
    """Jobs on one trip to the thread."""

    __slots__ = ("jobs", "seconds", "timer")

    def __init__(self, jobs: list[Job]) -> None:
        self.jobs = jobs
        self.seconds = 0.0
        self.timer: asyncio.TimerHandle | None = None


class Predictions:
    """The queue in front of one model in one process.

    A run over its deadline cannot be ended. A batch is then tried again, each member by itself on another thread, since
    the others must not suffer for one; a single prediction is answered with 504, and `on_hung` is called, because only
    a new process gets rid of the thread.
    """

    def __init__(self, binding: Binding, limits: Limits, meter: Meter, on_hung: Callable[[], object]) -> None:
        self._binding = binding
        self._limits = limits
        self._meter = meter
        self._on_hung = on_hung
        self._pace = Pace(may_be_inline=limits.inline)
        self._joins = limits.batch_rows > 1 and not binding.makes_streams
        self._loop = asyncio.get_running_loop()
        self._company = company.of_loop()
        self._queue: deque[Job] = deque()
        self._queued_rows = 0
        self._is_due = False
        self._running: _Run | None = None
        self._lane: SimpleQueue[_Run | None] | None = None
        self._is_closed = False
        self._watch = watch.of_process()

    def submit(self, job: Job) -> None:
        """Answer the job, now or later; 503 when there is no hope of an answer in time."""
        waiting = self._pace.expected(self._queued_rows)
        if self._queue and (
            self._queued_rows + job.rows > self._limits.queue_rows or waiting > self._limits.queue_seconds
        ):
            message = f"{len(self._queue)} requests are waiting already"
            job.answer(of_error(RequestError(503, message, retry_after=max(1, round(waiting)))))
            return
        job.family = batch.family(job.call)
        self._enqueue(job)

    def is_free_for(self, rows: int) -> bool:
        """Whether `run_here` is quicker than a trip to the thread, and overtakes nobody."""
        return (
            self._pace.is_inline
            and self._watch.is_on
            and self._running is None
            and rows <= _INLINE_ROWS
            and not self._queue
        )

    def run_here(self, call: Call, rows: int, media_type: str, *, may_stream: bool) -> Reply | None:
        """The reply to a call, made on the event loop; None if it takes too long for that, so it is for the thread.

        Whatever the model raises passes.
        """
        try:
            return self._run_here(call, rows, media_type, may_stream=may_stream)
        except InterruptedRun:
            return None

    def _run_here(self, call: Call, rows: int, media_type: str, *, may_stream: bool) -> Reply:
        began = self._watch.since = perf_counter()
        try:
            reply = self._answered(call, media_type, may_stream=may_stream)
        finally:
            self._watch.since = 0.0
            seconds = perf_counter() - began
            self._pace.ran(rows, seconds, is_alone=self._pace.is_instant or self._company.is_first())
        self._meter.ran(rows, seconds)
        return reply

    def _take_turn(self, work: Callable[[], Reply], done: Callable[[Reply], None]) -> None:
        self._enqueue(_Turn(work, done))

    def _enqueue(self, job: Job) -> None:
        self._queue.append(job)
        self._queued_rows += job.rows
        if self._running is None:
            self._call_start()

    def close(self) -> None:
        """End the thread when nothing is left to do; a stream that goes on after that starts another one."""
        self._is_closed = True
        if self._running is None and not self._queue:
            self._end_lane()

    @property
    def queued_rows(self) -> int:
        """Rows that wait."""
        return self._queued_rows

    def _call_start(self) -> None:
        # At the end of this turn of the loop, so that all requests that it has read go together.
        if not self._is_due:
            self._is_due = True
            if self._limits.batch_seconds:
                self._loop.call_later(self._limits.batch_seconds, self._start)
            else:
                self._loop.call_soon(self._start)

    def _start(self) -> None:
        self._is_due = False
        jobs = self._gather()
        if self._running is not None or not jobs:
            return
        self._running = run = _Run(jobs)
        # Half the time for a batch: then there is as much left to try its members one by one.
        share = 1 if len(jobs) == 1 and not jobs[0].is_alone else 2
        run.timer = self._loop.call_later(self._limits.run_seconds / share, self._overdue, run)
        if self._lane is None:
            self._lane = self._new_lane()
        self._lane.put(run)

    def _gather(self) -> list[Job]:
        jobs: list[Job] = []
        rows = 0
        while self._queue and self._fits(self._queue[0], jobs, rows):
            job = self._queue.popleft()
            self._queued_rows -= job.rows
            if not job.is_answered:
                jobs.append(job)
                rows += job.rows
        return jobs

    def _fits(self, job: Job, jobs: list[Job], rows: int) -> bool:
        if not jobs:
            return True
        if isinstance(job, _Turn) or isinstance(jobs[0], _Turn):
            return False
        if job.is_alone or jobs[0].is_alone or job.family != jobs[0].family:
            return False
        if self._joins and job.family is not None:
            return rows + job.rows <= self._limits.batch_rows
        return self._pace.row_seconds > 0 and self._pace.expected(rows + job.rows) < _TURN_SECONDS

    def _new_lane(self) -> SimpleQueue[_Run | None]:
        lane: SimpleQueue[_Run | None] = SimpleQueue()
        threading.Thread(target=self._work, args=(lane,), name="predict", daemon=True).start()
        return lane

    def _end_lane(self) -> None:
        if self._lane is not None:
            self._lane.put(None)
            self._lane = None

    def _work(self, lane: SimpleQueue[_Run | None]) -> None:
        attempt = Attempt()
        with attempt:
            threads.allow(self._limits.threads)
        if attempt.error is not None:
            log.warning("libraries keep to one thread", exc_info=attempt.error)
        while run := lane.get():
            began = perf_counter()
            replies = self._execute(run.jobs)
            run.seconds = perf_counter() - began
            with Attempt():  # the loop may be closed while a hung prediction returns after all
                self._loop.call_soon_threadsafe(self._finish, run, replies)

    def _execute(self, jobs: list[Job]) -> list[Reply]:
        if len(jobs) > 1 and self._joins and jobs[0].family is not None:
            together = Attempt()
            with together:
                answer = self._binding.run(batch.join([job.call for job in jobs]))
                parts = batch.split(answer, [job.rows for job in jobs])
                return [self._encoded(part, job) for part, job in zip(parts, jobs, strict=True)]
            if isinstance(together.error, batch.UnsplittableError):
                self._joins = False
                log.warning("predict gives no answer for each row, so requests are no longer predicted together")
        # One by one: whoever is at fault fails alone.
        return [self._predict(job) for job in jobs]

    def _predict(self, job: Job) -> Reply:
        attempt = Attempt()
        with attempt:
            if isinstance(job, _Turn):
                return job.work()
            return self._answered(job.call, job.media_type, may_stream=job.may_stream)
        reply = attempt.reply
        if isinstance(job, _Turn):
            log_failure(reply, "an answer broke off")
        return reply

    def _answered(self, call: Call, media_type: str, *, may_stream: bool) -> Reply:
        answer = self._binding.run(call)
        if hasattr(answer.value, "__next__"):
            return self._begin_stream(answer, media_type, may_stream=may_stream)
        return Reply(200, media_type, encode(answer, media_type, self._binding.hooks))

    def _encoded(self, answer: Answer, job: Job) -> Reply:
        attempt = Attempt()
        with attempt:
            return Reply(200, job.media_type, encode(answer, job.media_type, self._binding.hooks))
        return attempt.reply

    def _begin_stream(self, answer: Answer, media_type: str, *, may_stream: bool) -> Reply:
        self._joins = False
        rows = cast("Iterator[object]", answer.value)
        if may_stream and media_type in LINES and media_type not in self._binding.hooks.encoders:
            # What fails before anything is sent can still be told; and a short answer need not be a stream.
            return Stream(rows, media_type, self._take_turn).advance()
        whole = Answer(answer.name, list(rows))
        return Reply(200, media_type, encode(whole, media_type, self._binding.hooks))

    def _finish(self, run: _Run, replies: list[Reply]) -> None:
        if run.timer is not None:
            run.timer.cancel()
        rows = sum(job.rows for job in run.jobs)
        self._pace.ran(rows, run.seconds, len(run.jobs), is_alone=len(run.jobs) == 1)
        self._meter.ran(rows, run.seconds)
        if self._pace.is_inline and not self._watch.is_on:
            self._watch.start()
        if run is self._running:
            self._running = None
            if self._queue:
                self._call_start()
            elif self._is_closed:
                self._end_lane()
        for job, reply in zip(run.jobs, replies, strict=True):
            attempt = Attempt()
            with attempt:
                job.answer(reply)
            if attempt.error is not None:  # the others must not wait for ever
                log.error("an answer could not be sent", exc_info=attempt.error)

    def _overdue(self, run: _Run) -> None:
        self._end_lane()  # its thread ends there, should it ever come back
        self._running = None
        if len(run.jobs) == 1:
            seconds = self._limits.run_seconds
            run.jobs[0].answer(of_error(RequestError(504, f"the model took longer than {seconds:g} seconds")))
            self._on_hung()
        else:
            for job in reversed(run.jobs):
                job.is_alone = True
                self._queue.appendleft(job)
                self._queued_rows += job.rows
        if self._queue:
            self._call_start()
