"""Images of the local registry, as jobs and models name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.containers.process import ENGINE_LABEL
from shapemaker_action.local.sagemaker.refusals import invalid

if TYPE_CHECKING:
    from shapemaker_action.local.world import World

HOSTABLE = "application/vnd.docker.distribution.manifest.v2+json"
MULTI_MODEL = "com.amazonaws.sagemaker.capabilities.multi-models"


def pinned(world: World, image: str) -> str:
    """The image by its digest, so that a tag pushed anew later changes nothing; empty if there is no such image."""
    manifest = world.images.resolve(image)
    return f"{repository(image)}@{manifest.digest}" if manifest else ""


def repository(image: str) -> str:
    """An image URI without tag and digest; a colon before the last slash belongs to a port."""
    name = image.partition("@")[0]
    return name[: name.rfind(":")] if name.rfind(":") > name.rfind("/") else name


def require_hostable(world: World, image: str) -> None:
    """Raise CreateModel's error unless the image is there and of the one type that hosting accepts."""
    manifest = world.images.resolve(image)
    if manifest is None:
        raise invalid(f"Requested image {image} not found.")
    if manifest.media_type != HOSTABLE:
        raise invalid(
            f"Unsupported manifest media type {manifest.media_type} for image {image}. "
            "Ensure that valid manifest media type is used for specified image."
        )


def require_multi_model(world: World, image: str) -> None:
    """Raise CreateModel's error unless the image promises the multi-model API."""
    manifest = world.images.resolve(image)
    labels = world.images.config(manifest)["config"].get("Labels") or {} if manifest else {}
    # What the process engine builds reads no Dockerfile, and so has none of its labels.
    if labels.get(MULTI_MODEL) != "true" and ENGINE_LABEL not in labels:
        raise invalid(f"Your Ecr Image {image} does not contain required {MULTI_MODEL}=true Docker label(s).")
