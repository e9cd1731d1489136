"""Measure our serving runtime beside the original template's stack and its peers, interleaved, on pinned cores.

    python -m tests.benchmarks.serving [--rounds 3] [--only T,H64] [--peers] [--cache DIR]

Needs wrk, nginx, uv and taskset; multi-model-server needs Java, compiled trees a C compiler. Each round starts every
stack anew, every other round in reverse order; a ratio is the median of the rounds' ratios to the template in the same
round.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.serving import cases, catalogue, measure, models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Table = dict[tuple[str, str], list[cases.Sample]]
"""What was measured in each round, by trial and stack."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to run."""

    rounds: int
    cache: Path
    trials: tuple[cases.Trial, ...]


def main() -> int:
    """Print a Markdown table of ratios."""
    options = _options()
    models.make(options.cache / "models")
    table: Table = defaultdict(list)
    broken: dict[str, str] = {}
    for number in range(options.rounds):
        for group in _groups(options.trials):
            names = [name for name in dict.fromkeys(name for t in group for name in t.stacks) if name not in broken]
            for name in names if number % 2 == 0 else reversed(names):
                if reason := _try(name, group, options, table):
                    broken[name] = reason
    _print(table)
    for name, reason in broken.items():
        print(f"\n{name} was left out: {' '.join(reason.split())[-200:]}")
    return 0


def _try(name: str, group: list[cases.Trial], options: Options, table: Table) -> str:
    """Why the stack does not start; empty when it does."""
    try:
        _measure(name, group, options, table)
    except catalogue.NotStartedError as error:
        _say(f"{name} does not start here: {error}")
        return str(error) or "no reason given"
    return ""


def _measure(name: str, group: list[cases.Trial], options: Options, table: Table) -> None:
    """Start one stack once and run every trial of a group that it takes part in."""
    first = group[0]
    stack = catalogue.STACKS[name]
    cores = "0" if first.workers == 1 else "0,1"
    with measure.running(stack, first.model, options.cache, workers=first.workers, cores=cores) as server:
        for trial in group:
            if name not in trial.stacks:
                continue
            sample = _sample(server, trial)
            table[trial.id, name].append(sample)
            _say(f"{trial.id} {name}: {sample}")


def _sample(server: measure.Server, trial: cases.Trial) -> cases.Sample:
    if trial.kind == "start":
        return cases.Sample(seconds=server.seconds)
    ours = server.stack.name.startswith("ours")
    body, content_type = trial.payload(server.stack) if not ours or trial.format == "json" else trial.encoded()
    if trial.kind == "memory":
        measure.load(server, body, trial.load, content_type)
        total, private = server.pss()
        return cases.Sample(pss=total, private=statistics.median(sorted(private)[-trial.workers :]))
    if trial.kind == "ping":
        with _Pings(server) as p99:
            measure.load(server, body, trial.load, content_type)
        return cases.Sample(ping=p99())
    return cases.Sample(figures=measure.load(server, body, trial.load, content_type))


class _Pings:
    """Asks for /ping twenty times a second, on a connection each, while others load the server."""

    def __init__(self, server: measure.Server) -> None:
        self._server = server
        self._times: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Callable[[], float]:
        self._thread.start()
        return self._p99

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _p99(self) -> float:
        """Milliseconds."""
        return sorted(self._times)[int(len(self._times) * 0.99)] if self._times else float("inf")

    def _run(self) -> None:
        while not self._over.wait(0.05):
            connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=30)
            began = time.perf_counter()
            try:
                connection.request("GET", self._server.stack.ping)
                connection.getresponse().read()
                self._times.append((time.perf_counter() - began) * 1000)
            except OSError:
                self._times.append(30_000.0)
            finally:
                connection.close()


def _groups(trials: Iterable[cases.Trial]) -> list[list[cases.Trial]]:
    """Trials that one start of a server can serve."""
    groups: dict[tuple[str, int, bool], list[cases.Trial]] = defaultdict(list)
    for trial in trials:
        groups[trial.model, trial.workers, trial.kind == "memory"].append(trial)
    return list(groups.values())


def _print(table: Table) -> None:
    print("| id | work | against | ratio | must | aim | figures |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for case in cases.CASES:
        mine, base = table.get((case.trial, case.subject)), table.get((case.trial_of_base or case.trial, case.base))
        if not mine or not base:
            continue
        ratios = [case.ratio(one, other) for one, other in zip(mine, base, strict=False)]
        ratio = statistics.median(ratios)
        verdict = "" if case.holds(ratio, case.must) else " ✗"
        shown = f"{mine[len(mine) // 2]} / {base[len(base) // 2]}"
        bounds = f"{case.must:.3g} | {case.aim:.3g}"
        print(f"| {case.id} | {case.title} | {case.base} | {ratio:.3g}{verdict} | {bounds} | {shown} |")


def _options() -> Options:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="trials by id, separated by commas")
    parser.add_argument("--peers", action="store_true", help="the peers, too")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "shapemaker-benchmarks")
    given = parser.parse_args()
    wanted = set(given.only.split(",")) if given.only else {trial.id for trial in cases.TRIALS}
    trials = [trial.without(() if given.peers else cases.PEERS) for trial in cases.TRIALS if trial.id in wanted]
    return Options(rounds=given.rounds, cache=given.cache.resolve(), trials=tuple(trials))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
