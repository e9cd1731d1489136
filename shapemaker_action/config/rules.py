"""What a schema cannot say: rules between fields, about AWS, and about the files of the repository."""

from __future__ import annotations

from shapemaker_action.config import (
    api_rules,
    aws_rules,
    build_rules,
    channel_rules,
    job_rules,
    model_source,
    multi_model_rules,
    name_rules,
    quality_rules,
    rollout_rules,
    serve_rules,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shapemaker_action.config.project import Project
    from shapemaker_action.config.source import Source
    from shapemaker_action.diagnostics import Diagnostic

RULES: tuple[Callable[[Project, Source], Iterator[Diagnostic]], ...] = (
    name_rules.check,
    aws_rules.check,
    build_rules.check,
    channel_rules.check,
    job_rules.check,
    quality_rules.check,
    serve_rules.check,
    api_rules.check,
    rollout_rules.check,
    multi_model_rules.check,
    model_source.check,
)


def check(project: Project, source: Source) -> list[Diagnostic]:
    """Everything that any rule finds."""
    return [diagnostic for rule in RULES for diagnostic in rule(project, source)]
