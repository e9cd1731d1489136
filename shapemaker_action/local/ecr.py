"""ECR's operations on repositories: what is in them, who may pull and when images expire."""

from __future__ import annotations

import base64
import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from shapemaker_action.local import ecr_images
from shapemaker_action.local.image_store import Repository
from shapemaker_action.local.paging import page
from shapemaker_action.local.wire import ApiError
from shapemaker_action.local.world import ACCOUNT
from shapemaker_action.naming import Realm, tag_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapemaker_action.local.image_store import ImageStore
    from shapemaker_action.local.wire import Call

    Operation = Callable[[ImageStore, Call], dict[str, Any]]

TARGET = "AmazonEC2ContainerRegistry_V20150921"
_TOKEN_SECONDS = 12 * 3600
_TAG_LIMIT = 50


def operations(store: ImageStore, password: str) -> dict[str, Callable[[Call], dict[str, Any]]]:
    """Every operation that is offered, by name. `password` is what docker logs in with as user `AWS`."""
    bound: dict[str, Callable[[Call], dict[str, Any]]] = {
        name: partial(operation, store) for name, operation in {**_OPERATIONS, **ecr_images.OPERATIONS}.items()
    }
    return {**bound, "GetAuthorizationToken": partial(_get_authorization_token, store, password)}


def _get_authorization_token(store: ImageStore, password: str, _: Call) -> dict[str, Any]:
    token = base64.b64encode(f"AWS:{password}".encode()).decode()
    entry = {
        "authorizationToken": token,
        "expiresAt": time.time() + _TOKEN_SECONDS,
        "proxyEndpoint": f"http://{store.host}",
    }
    return {"authorizationData": [entry]}


def _create_repository(store: ImageStore, call: Call) -> dict[str, Any]:
    body = call.body
    repository = Repository(
        name=body["repositoryName"],
        created_at=time.time(),
        tag_mutability=body.get("imageTagMutability", "MUTABLE"),
        exclusions=body.get("imageTagMutabilityExclusionFilters", []),
        scan_on_push=bool(body.get("imageScanningConfiguration", {}).get("scanOnPush")),
        encryption=body.get("encryptionConfiguration", {"encryptionType": "AES256"}),
        tags=_checked_tags({tag["Key"]: tag["Value"] for tag in body.get("tags", [])}),
    )
    store.create(repository)
    return {"repository": _shown(store, call, repository)}


def _describe_repositories(store: ImageStore, call: Call) -> dict[str, Any]:
    names = call.body.get("repositoryNames")
    found = [store.repository(name) for name in names] if names else store.repositories()
    return page(call.body, "repositories", [_shown(store, call, repository) for repository in found])


def _delete_repository(store: ImageStore, call: Call) -> dict[str, Any]:
    with store.lock:
        repository = store.repository(call.body["repositoryName"])
        if repository.images and not call.body.get("force"):
            raise ApiError(
                "RepositoryNotEmptyException",
                f"The repository with name '{repository.name}' in registry with id '{ACCOUNT}'"
                " cannot be deleted because it still contains images",
            )
        store.delete(repository.name)
        return {"repository": _shown(store, call, repository)}


def _put_lifecycle_policy(store: ImageStore, call: Call) -> dict[str, Any]:
    text = call.body["lifecyclePolicyText"]
    if not isinstance(_parsed("lifecyclePolicyText", text).get("rules"), list):
        raise ApiError(
            "InvalidParameterException",
            "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation"
            ' failure: object has missing required properties (["rules"])\'',
        )
    repository = _changed(store, call, lifecycle=text)
    return {**_identified(repository), "lifecyclePolicyText": text}


def _get_lifecycle_policy(store: ImageStore, call: Call) -> dict[str, Any]:
    repository = store.repository(call.body["repositoryName"])
    if not repository.lifecycle:
        raise _lacks("LifecyclePolicyNotFoundException", "Lifecycle policy", repository)
    # Images never expire here, so the policy has never been evaluated.
    return {**_identified(repository), "lifecyclePolicyText": repository.lifecycle, "lastEvaluatedAt": 0.0}


def _delete_lifecycle_policy(store: ImageStore, call: Call) -> dict[str, Any]:
    removed = _get_lifecycle_policy(store, call)
    _changed(store, call, lifecycle="")
    return removed


def _set_repository_policy(store: ImageStore, call: Call) -> dict[str, Any]:
    text = call.body["policyText"]
    _parsed("PolicyText", text)
    repository = _changed(store, call, policy=text)
    return {**_identified(repository), "policyText": text}


def _get_repository_policy(store: ImageStore, call: Call) -> dict[str, Any]:
    repository = store.repository(call.body["repositoryName"])
    if not repository.policy:
        raise _lacks("RepositoryPolicyNotFoundException", "Repository policy", repository)
    return {**_identified(repository), "policyText": repository.policy}


def _delete_repository_policy(store: ImageStore, call: Call) -> dict[str, Any]:
    removed = _get_repository_policy(store, call)
    _changed(store, call, policy="")
    return removed


def _put_image_tag_mutability(store: ImageStore, call: Call) -> dict[str, Any]:
    exclusions = call.body.get("imageTagMutabilityExclusionFilters", [])
    mutability = call.body["imageTagMutability"]
    repository = _changed(store, call, tag_mutability=mutability, exclusions=exclusions)
    shown = {**_identified(repository), "imageTagMutability": mutability}
    return {**shown, "imageTagMutabilityExclusionFilters": exclusions} if exclusions else shown


def _put_image_scanning_configuration(store: ImageStore, call: Call) -> dict[str, Any]:
    scan = bool(call.body["imageScanningConfiguration"].get("scanOnPush"))
    repository = _changed(store, call, scan_on_push=scan)
    return {**_identified(repository), "imageScanningConfiguration": {"scanOnPush": scan}}


def _tag_resource(store: ImageStore, call: Call) -> dict[str, Any]:
    with store.lock:
        repository = _of_arn(store, call)
        given = {tag["Key"]: tag["Value"] for tag in call.body["tags"]}
        repository.tags = _checked_tags({**repository.tags, **given})
        store.save(repository)
    return {}


def _untag_resource(store: ImageStore, call: Call) -> dict[str, Any]:
    with store.lock:
        repository = _of_arn(store, call)
        repository.tags = {key: value for key, value in repository.tags.items() if key not in call.body["tagKeys"]}
        store.save(repository)
    return {}


def _list_tags_for_resource(store: ImageStore, call: Call) -> dict[str, Any]:
    return {"tags": tag_list(_of_arn(store, call).tags)}


_OPERATIONS: dict[str, Operation] = {
    "CreateRepository": _create_repository,
    "DeleteLifecyclePolicy": _delete_lifecycle_policy,
    "DeleteRepository": _delete_repository,
    "DeleteRepositoryPolicy": _delete_repository_policy,
    "DescribeRepositories": _describe_repositories,
    "GetLifecyclePolicy": _get_lifecycle_policy,
    "GetRepositoryPolicy": _get_repository_policy,
    "ListTagsForResource": _list_tags_for_resource,
    "PutImageScanningConfiguration": _put_image_scanning_configuration,
    "PutImageTagMutability": _put_image_tag_mutability,
    "PutLifecyclePolicy": _put_lifecycle_policy,
    "SetRepositoryPolicy": _set_repository_policy,
    "TagResource": _tag_resource,
    "UntagResource": _untag_resource,
}


def _changed(store: ImageStore, call: Call, **settings: Any) -> Repository:
    with store.lock:
        repository = store.repository(call.body["repositoryName"])
        for name, value in settings.items():
            setattr(repository, name, value)
        store.save(repository)
        return repository


def _of_arn(store: ImageStore, call: Call) -> Repository:
    arn = call.body["resourceArn"]
    service, _, name = arn.rpartition(":")[2].partition("/")
    if service != "repository" or not arn.startswith("arn:"):
        raise ApiError(
            "InvalidParameterException",
            f"Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN': {arn}",
        )
    return store.repository(name)


def _checked_tags(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > _TAG_LIMIT:
        raise ApiError("TooManyTagsException", f"Too many tags: a repository may have {_TAG_LIMIT}")
    return tags


def _parsed(parameter: str, text: str) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError):
        raise ApiError(
            "InvalidParameterException",
            f"Invalid parameter at '{parameter}' failed to satisfy constraint: 'Invalid JSON syntax'",
        ) from None


def _lacks(code: str, what: str, repository: Repository) -> ApiError:
    return ApiError(
        code,
        f"{what} does not exist for the repository with name '{repository.name}' in the registry with id '{ACCOUNT}'",
    )


def _identified(repository: Repository) -> dict[str, Any]:
    return {"registryId": ACCOUNT, "repositoryName": repository.name}


def _shown(store: ImageStore, call: Call, repository: Repository) -> dict[str, Any]:
    realm = Realm(account=ACCOUNT, region=call.region)
    shown = {
        **_identified(repository),
        "repositoryArn": realm.arn("ecr", f"repository/{repository.name}"),
        "repositoryUri": f"{store.host}/{repository.name}",
        "createdAt": repository.created_at,
        "imageTagMutability": repository.tag_mutability,
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": repository.encryption,
    }
    filters = {"imageTagMutabilityExclusionFilters": repository.exclusions}
    return {**shown, **filters} if repository.exclusions else shown
