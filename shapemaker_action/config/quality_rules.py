"""Thresholds: a gate that can decide, and in one direction."""

from __future__ import annotations

from shapemaker_action import lazy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.config.project import Project, Threshold
    from shapemaker_action.config.source import Source
    from shapemaker_action.diagnostics import Diagnostic

_METRIC = lazy.pattern(r"[\w.:/@%+-]{1,255}")


def check(project: Project, source: Source) -> Iterator[Diagnostic]:
    """Every threshold by itself, and whether there is one."""
    evaluate = project.evaluate
    for threshold in evaluate.thresholds:
        if source.is_sound("evaluate", "thresholds", threshold.metric):
            yield from _threshold(threshold, source)
    if evaluate.enabled and not evaluate.thresholds and source.is_sound("evaluate"):
        yield source.warning(
            ("evaluate",),
            "measures, but has no thresholds: every model passes",
            "for example thresholds: {rmse: {max: 2500}}",
        )


def _threshold(threshold: Threshold, source: Source) -> Iterator[Diagnostic]:
    path = ("evaluate", "thresholds", threshold.metric)
    if not _METRIC.fullmatch(threshold.metric):
        yield source.key_error(path, "expected the name of a metric without spaces")
    has_min, has_max = threshold.min is not None, threshold.max is not None
    if threshold.max_regression is not None and has_min == has_max:
        given = "both min and max are given" if has_min else "neither min nor max is given"
        keep = "keep only" if has_min else "write"
        yield source.key_error(
            (*path, "max_regression"),
            f"is a larger {threshold.metric} better, or a smaller one? {given}",
            f"{keep} min when larger is better, max when smaller is; that bound also judges the first model",
        )
    elif not has_min and not has_max:
        yield source.key_error(path, "has no bound", "write min when larger is better, max when smaller is better")
    elif threshold.min is not None and threshold.max is not None and threshold.min > threshold.max:
        yield source.key_error(path, f"nothing is at least {threshold.min:g} and at most {threshold.max:g}")
