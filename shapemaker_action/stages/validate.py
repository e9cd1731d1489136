"""validate: what can be known without AWS. The configuration was checked when it was read; here the Dockerfiles are."""

from __future__ import annotations

from shapemaker_action import lazy
from shapemaker_action.diagnostics import Diagnostic, Position, Severity
from shapemaker_action.errors import ConfigError
from shapemaker_action.outcome import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.config.project import Project
    from shapemaker_action.containers import dockerfile_lint
    from shapemaker_action.context import Context
else:
    (dockerfile_lint,) = lazy.modules("shapemaker_action.containers", "dockerfile_lint")


def run(context: Context) -> Outcome:
    """Nothing is sent anywhere; `ConfigError` with the errors of all Dockerfiles."""
    paths = own_dockerfiles(context.project, context.root)
    found = [each for path in paths for each in findings(context.root, path)]
    if errors := tuple(each for each in found if each.severity is Severity.ERROR):
        raise ConfigError(errors)
    return Outcome(diagnostics=tuple(found), next=context.again("plan"))


def own_dockerfiles(project: Project, root: Path) -> list[str]:
    """Those that come from the repository, an ejected template included; ours are held to the same by tests."""
    build = project.build
    template = f"{build.templates}/dockerfiles/{build.framework}/Dockerfile"
    ejected = template if build.templates and (root / template).is_file() else ""
    named = (build.training_dockerfile or ejected, build.inference_dockerfile or ejected)
    return [path for path in dict.fromkeys(named) if path]


def findings(root: Path, path: str) -> list[Diagnostic]:
    """What the linter says; a file that is no text is a finding, too."""
    try:
        return dockerfile_lint.lint((root / path).read_text(encoding="utf-8"), path)
    except UnicodeDecodeError:
        return [Diagnostic(message="the Dockerfile is not UTF-8 text", position=Position(file=path))]
