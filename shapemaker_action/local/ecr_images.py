"""ECR's operations on the images of a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapemaker_action.local.image_store import is_digest
from shapemaker_action.local.paging import page
from shapemaker_action.local.wire import ApiError
from shapemaker_action.local.world import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shapemaker_action.local.image_store import Image, ImageStore, Repository
    from shapemaker_action.local.wire import Call

_NOT_FOUND = ("ImageNotFound", "Requested image not found")


def _put_image(store: ImageStore, call: Call) -> dict[str, Any]:
    body = call.body
    with store.lock:
        repository = store.repository(body["repositoryName"])
        tag, before = body.get("imageTag", ""), set(repository.images)
        holder = repository.find(tag) if tag else None
        content = body["imageManifest"].encode()
        image = store.put(repository, tag, body.get("imageManifestMediaType", ""), content)
        if image.digest in before and (holder is image or not tag):
            raise ApiError(
                "ImageAlreadyExistsException",
                f"Image with digest '{image.digest}' and tag '{tag or None}' already exists in the repository with"
                f" name '{repository.name}' in registry with id '{ACCOUNT}'",
            )
    identifier = {"imageDigest": image.digest, **({"imageTag": tag} if tag else {})}
    return {"image": {**_identified(repository), "imageId": identifier, "imageManifest": body["imageManifest"]}}


def _batch_get_image(store: ImageStore, call: Call) -> dict[str, Any]:
    repository = store.repository(call.body["repositoryName"])
    images: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    for wanted in call.body["imageIds"]:
        image, failure = _found(repository, wanted)
        if image is None:
            failures.append(_failed(wanted, failure))
            continue
        shown = {
            **_identified(repository),
            "imageId": {**wanted, "imageDigest": image.digest},
            "imageManifest": store.blob(image.digest).read_text(encoding="utf-8"),
            "imageManifestMediaType": image.media_type,
        }
        images.append(shown)
    return {"images": images, "failures": failures}


def _batch_delete_image(store: ImageStore, call: Call) -> dict[str, Any]:
    deleted: list[dict[str, str]] = []
    failures: list[dict[str, Any]] = []
    with store.lock:
        repository = store.repository(call.body["repositoryName"])
        for wanted in call.body["imageIds"]:
            image, failure = _found(repository, wanted)
            if image is None:
                failures.append(_failed(wanted, failure))
                continue
            tag = "" if "imageDigest" in wanted else wanted["imageTag"]
            gone = [tag] if tag else [*image.tags]
            store.remove(repository, image, tag)
            deleted += [{"imageDigest": image.digest, "imageTag": name} for name in gone] or [
                {"imageDigest": image.digest}
            ]
    return {"imageIds": deleted, "failures": failures}


def _describe_images(store: ImageStore, call: Call) -> dict[str, Any]:
    repository = store.repository(call.body["repositoryName"])
    wanted = call.body.get("imageIds")
    if wanted:
        chosen = [_required(repository, identifier) for identifier in wanted]
    else:
        chosen = [image for image in repository.images.values() if _passes(call.body, image)]
    unique = {image.digest: image for image in chosen}
    return page(call.body, "imageDetails", [_detail(repository, image) for image in unique.values()])


def _list_images(store: ImageStore, call: Call) -> dict[str, Any]:
    repository = store.repository(call.body["repositoryName"])
    identifiers: list[dict[str, str]] = []
    for image in repository.images.values():
        if _passes(call.body, image):
            digest = {"imageDigest": image.digest}
            identifiers += [{**digest, "imageTag": tag} for tag in image.tags] or [digest]
    return page(call.body, "imageIds", identifiers)


def _batch_check_layer_availability(store: ImageStore, call: Call) -> dict[str, Any]:
    store.repository(call.body["repositoryName"])
    layers: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    for digest in call.body["layerDigests"]:
        if not is_digest(digest):
            reason = f"Invalid layer digest '{digest}'"
            failures.append({"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": reason})
        elif store.has_blob(digest):
            size = store.blob(digest).stat().st_size
            layers.append({"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": size})
        else:
            layers.append({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})
    return {"layers": layers, "failures": failures}


OPERATIONS: dict[str, Callable[[ImageStore, Call], dict[str, Any]]] = {
    "BatchCheckLayerAvailability": _batch_check_layer_availability,
    "BatchDeleteImage": _batch_delete_image,
    "BatchGetImage": _batch_get_image,
    "DescribeImages": _describe_images,
    "ListImages": _list_images,
    "PutImage": _put_image,
}


def _found(repository: Repository, wanted: Mapping[str, str]) -> tuple[Image | None, tuple[str, str]]:
    """The image of an `imageId`, or None and why not."""
    digest, tag = wanted.get("imageDigest", ""), wanted.get("imageTag", "")
    if not digest and not tag:
        return None, ("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null")
    if digest and not is_digest(digest):
        reason = "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
        return None, ("InvalidImageDigest", reason)
    image = repository.find(digest or tag)
    if image is not None and tag and tag not in image.tags:
        return None, ("ImageTagDoesNotMatchDigest", "Tag does not match digest")
    return image, _NOT_FOUND


def _required(repository: Repository, wanted: Mapping[str, str]) -> Image:
    image, _ = _found(repository, wanted)
    if image is None:
        digest, tag = wanted.get("imageDigest", "null"), wanted.get("imageTag", "null")
        raise ApiError(
            "ImageNotFoundException",
            f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the repository"
            f" with name '{repository.name}' in the registry with id '{ACCOUNT}'",
        )
    return image


def _failed(wanted: Mapping[str, str], failure: tuple[str, str]) -> dict[str, Any]:
    code, reason = failure
    return {"imageId": dict(wanted), "failureCode": code, "failureReason": reason}


def _passes(body: Mapping[str, Any], image: Image) -> bool:
    status: str = body.get("filter", {}).get("tagStatus", "ANY")
    return status in ("ANY", "TAGGED" if image.tags else "UNTAGGED")


def _detail(repository: Repository, image: Image) -> dict[str, Any]:
    detail: dict[str, Any] = {
        **_identified(repository),
        "imageDigest": image.digest,
        "imageSizeInBytes": image.size,
        "imagePushedAt": image.pushed_at,
        "imageManifestMediaType": image.media_type,
    }
    if image.tags:
        detail["imageTags"] = sorted(image.tags)
    if image.artifact_type:
        detail["artifactMediaType"] = image.artifact_type
    return detail


def _identified(repository: Repository) -> dict[str, Any]:
    return {"registryId": ACCOUNT, "repositoryName": repository.name}
