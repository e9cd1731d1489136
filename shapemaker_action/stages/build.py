"""build: the training and the inference image, built and pushed unless their content is in the registry already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.events import Notice
from shapemaker_action.outcome import Outcome, Table
from shapemaker_action.plan import Action
from shapemaker_action.resources import console
from shapemaker_action.stages.converge import converge
from shapemaker_action.stages.wants import Wants

if TYPE_CHECKING:
    from shapemaker_action.context import Context
    from shapemaker_action.naming import Json
    from shapemaker_action.resources.image import Image

MEGABYTE = 1_000_000


def run(context: Context) -> Outcome:
    """Build, push, and prove what the registry holds."""
    wants = Wants(context)
    plan = converge(context, wants.images())
    if plan.count(Action.CREATE):
        _tell_promises(context)
    training, inference = (_pushed(context, image) for image in (wants.training_image, wants.inference_image))
    return Outcome(
        plan=plan,
        values={
            "repository": wants.place.repository,
            "repository-url": console.repository(context, wants.place.repository),
            **_values("image", inference),
            **_values("training-image", training),
        },
        tables=(
            Table(
                title="Images",
                header=("image", "tag", "digest", "size"),
                rows=(_row("training", training), _row("inference", inference)),
            ),
        ),
        next=context.again("train"),
    )


def _tell_promises(context: Context) -> None:
    """What images of this engine do not promise is said when there are new ones, not at every run."""
    engine = context.engine()
    for sentence in engine.promises():
        context.emit(Notice(text=f"{engine.name} engine: {sentence}"))


def _pushed(context: Context, image: Image) -> Image:
    """As the registry describes it now, with digest and size."""
    observed = image.read(context)
    if observed is None:
        raise AssertionError(f"BUG: {image.name} was pushed and is not there")
    return observed


def _values(prefix: str, image: Image) -> dict[str, Json]:
    return {
        f"{prefix}-uri": image.uri,
        f"{prefix}-tag": image.tag,
        f"{prefix}-digest": image.digest,
        f"{prefix}-size": image.size,
    }


def _row(name: str, image: Image) -> tuple[str, ...]:
    size = f"{image.size / 1e6:.1f} MB" if image.size >= MEGABYTE else f"{image.size / 1e3:.0f} kB"
    return (name, image.tag, image.digest[:19], size)
