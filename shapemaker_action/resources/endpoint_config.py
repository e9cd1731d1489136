"""The endpoint configuration: which model on which instances; immutable, one per generation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from shapemaker_action.aws.classify import Kind
from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.naming import OWNER_TAG, SPEC_TAG, content_name, digest
from shapemaker_action.resources.request import Request, after_creation, merged, sagemaker_tags, with_api, with_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.context import Context
    from shapemaker_action.plan import Resource

KIND_WORD = "config"
ENDPOINT_TAG = "shapemaker:endpoint"


@dataclass(frozen=True, kw_only=True)
class EndpointConfig:
    """As with models, only the owner can differ under one name."""

    kind: ClassVar[str] = "endpoint configuration"
    borrowed: ClassVar[bool] = False

    name: str
    owner: str
    request: Request = field(default_factory=dict, compare=False, repr=False)
    tags: Mapping[str, str] = field(default_factory=dict, compare=False)
    created: float = field(default=0, compare=False)
    """Epoch seconds; 0 before it exists."""
    models: tuple[str, ...] = field(default=(), compare=False)

    @property
    def endpoint(self) -> str:
        """The endpoint that it was made for."""
        return self.tags.get(ENDPOINT_TAG, "")

    def read(self, context: Context) -> EndpointConfig | None:
        """The configuration of this name."""
        reply = context.aws.find("sagemaker", "DescribeEndpointConfig", {"EndpointConfigName": self.name})
        if reply is None:
            return None
        tags = sagemaker_tags(context.aws, str(reply["EndpointConfigArn"]))
        return EndpointConfig(
            name=self.name,
            owner=tags.get(OWNER_TAG, ""),
            request=reply,
            tags=tags,
            created=reply["CreationTime"].timestamp(),
            models=tuple(variant["ModelName"] for variant in reply["ProductionVariants"] if "ModelName" in variant),
        )

    def create(self, context: Context) -> None:
        """Create; one that exists is ours from a run that was killed."""
        try:
            after_creation(context, lambda: context.aws.call("sagemaker", "CreateEndpointConfig", self.request))
        except AwsCallError as error:
            if error.kind is not Kind.EXISTS:
                raise

    def update(self, context: Context, observed: Resource) -> None:
        """Never happens: no compared field can differ."""
        raise AssertionError(f"BUG: configuration {self.name} cannot be updated from {observed} in {context.root}")

    def delete(self, context: Context) -> None:
        """Never that of a live endpoint: the callers delete the endpoint first, or keep its generations."""
        context.aws.find("sagemaker", "DeleteEndpointConfig", {"EndpointConfigName": self.name})


def wanted(context: Context, model_name: str) -> EndpointConfig:
    """The configuration that serves `model_name`."""
    deploy = context.project.deploy
    variant: Request = {
        "VariantName": deploy.variant,
        "ModelName": model_name,
        "InstanceType": deploy.instance,
        "InitialInstanceCount": deploy.instance_count,
        "InitialVariantWeight": 1.0,
        "ContainerStartupHealthCheckTimeoutInSeconds": deploy.startup_timeout,
    }
    theirs = dict(deploy.api.get("CreateEndpointConfig", {}))
    given = theirs.pop("ProductionVariants", None)
    # One entry of the user is merged over our variant, so that changing a field doesn't mean repeating all of them.
    variants = [merged(variant, given[0])] if given and len(given) == 1 else given or [variant]
    if "ServerlessConfig" in variants[0]:
        instance_fields = ("InstanceType", "InitialInstanceCount", "ContainerStartupHealthCheckTimeoutInSeconds")
        variants = [{key: value for key, value in variants[0].items() if key not in instance_fields}]
    request = with_api({"ProductionVariants": variants}, {"CreateEndpointConfig": theirs}, "CreateEndpointConfig")
    # The endpoint's name is part of it: two endpoints that serve the same have histories of their own.
    spec = digest([deploy.endpoint, request])
    name = content_name(context.project.scope, KIND_WORD, spec)
    tags = {**context.tags, SPEC_TAG: spec, ENDPOINT_TAG: deploy.endpoint}
    return EndpointConfig(
        name=name,
        owner=context.project.name,
        request=with_tags({"EndpointConfigName": name, **request}, tags),
        tags=tags,
        models=(model_name,),
    )


def owned(context: Context) -> list[EndpointConfig]:
    """Every configuration of this project and environment, newest first."""
    listed = context.aws.pages(
        "sagemaker",
        "ListEndpointConfigs",
        "EndpointConfigs",
        {"NameContains": f"{context.project.scope}-{KIND_WORD}-", "SortBy": "CreationTime", "SortOrder": "Descending"},
    )
    return [
        found
        for item in listed
        if (found := EndpointConfig(name=str(item["EndpointConfigName"]), owner="").read(context))
        and context.owns(found.tags)
    ]


def of_endpoint(context: Context, endpoint: str) -> list[EndpointConfig]:
    """The generations of one endpoint, newest first."""
    return [config for config in owned(context) if config.endpoint == endpoint]
