"""A command line as an invocation."""

from __future__ import annotations

from pathlib import Path

from shapemaker_action import grammar, lazy
from shapemaker_action.context import Switches
from shapemaker_action.errors import InvalidInputError
from shapemaker_action.invocation import DEFAULT_CONFIG, STAGES, TOOLS, Invocation, Start

TYPE_CHECKING = False
if TYPE_CHECKING:
    import difflib
    from collections.abc import Mapping, Sequence

    from shapemaker_action import usage
else:
    (difflib,) = lazy.modules("", "difflib")
    (usage,) = lazy.modules("shapemaker_action", "usage")


def from_argv(argv: Sequence[str], environ: Mapping[str, str], program: str) -> Invocation:
    """The invocation of a command line.

    Raises:
        InvalidInputError: an option or a stage that does not exist.
    """
    given = grammar.read(argv) or usage.read(argv, program)
    switches = Switches(
        wait=not given.no_wait,
        retry=given.retry,
        experimental=given.experimental,
        model_data=given.model_data,
        training_job=given.training_job,
        force=given.force,
        everything=given.everything,
        timeout=given.timeout,
        fingerprint=given.fingerprint,
        logs=given.logs,
        changed_since=given.changed_since,
        on_cancel=given.on_cancel,
    )
    start = Start(
        name=given.name,
        framework=given.framework,
        workflow=given.workflow,
        from_template=given.from_template,
        makefile=given.makefile,
        yes=given.yes,
    )
    return _checked(
        Invocation(
            words=tuple(given.words),
            root=_root(given.directory),
            directory=given.directory,
            configs=tuple(given.config) or (DEFAULT_CONFIG,),
            environment=given.environment,
            target=given.target,
            region=given.region,
            sets=tuple(given.set),
            format=given.format,
            engine=given.engine or environ.get("SHAPEMAKER_ENGINE", ""),
            port=given.port,
            bare=given.bare,
            reload=given.reload,
            eject=given.eject,
            requests=given.requests,
            role_to_assume=given.role_to_assume,
            comment=not given.no_comment,
            summary=not given.no_summary,
            start=start,
            switches=switches,
            program=program,
        )
    )


def _root(directory: str) -> Path:
    root = Path(directory).resolve()
    if not root.is_dir():
        raise InvalidInputError(f"there is no directory {directory}", remedy="check --directory (working-directory)")
    return root


def _checked(invocation: Invocation) -> Invocation:
    first = invocation.words[0]
    if invocation.is_tool:
        return invocation
    for name in (part.strip() for part in first.split(",")):
        if name in TOOLS and name != "run":
            raise InvalidInputError(
                f"'{name}' is no stage, it goes alone", state="nothing was done", remedy=f"run it by itself: {name}"
            )
        if name not in STAGES and name != "run":
            close = difflib.get_close_matches(name, [*STAGES, *TOOLS], n=1)
            meant = f"; did you mean '{close[0]}'?" if close else ""
            raise InvalidInputError(f"unknown stage {name!r}{meant}", remedy=f"one of: {', '.join([*STAGES, *TOOLS])}")
    if invocation.words[1:]:
        raise InvalidInputError(
            f"unexpected {invocation.words[1]!r} after the stage",
            remedy=f"separate several stages by commas: {','.join(invocation.words)}",
        )
    stages = invocation.stages
    if not invocation.switches.wait and stages[-1:] not in {("train",), ("deploy",)}:
        raise InvalidInputError(
            f"--no-wait (wait: false) goes with train or deploy as the last stage, not with {stages[-1]}",
            state="nothing was done",
            remedy="leave it out, or end with train",
        )
    return invocation
