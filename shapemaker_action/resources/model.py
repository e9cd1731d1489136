"""The model: an inference image with model data, immutable, named by both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from shapemaker_action.aws.classify import Kind
from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.config import variables
from shapemaker_action.naming import OWNER_TAG, SPEC_TAG, content_name, digest
from shapemaker_action.resources.request import Request, by_content, sagemaker_tags, with_api, with_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.context import Context
    from shapemaker_action.plan import Resource
    from shapemaker_action.resources.place import Place

TRAINING_JOB_TAG = "shapemaker:training-job"
KIND_WORD = "model"


@dataclass(frozen=True, kw_only=True)
class Model:
    """Nothing of a model can change under its name, so only its owner is compared."""

    kind: ClassVar[str] = "model"
    borrowed: ClassVar[bool] = False

    name: str
    owner: str
    request: Request = field(default_factory=dict, compare=False, repr=False)
    tags: Mapping[str, str] = field(default_factory=dict, compare=False)

    def read(self, context: Context) -> Model | None:
        """The model of this name."""
        reply = context.aws.find("sagemaker", "DescribeModel", {"ModelName": self.name})
        if reply is None:
            return None
        tags = sagemaker_tags(context.aws, str(reply["ModelArn"]))
        return Model(name=self.name, owner=tags.get(OWNER_TAG, ""), request=reply, tags=tags)

    def create(self, context: Context) -> None:
        """Create; one that exists is ours from a run that was killed."""
        try:
            context.aws.call("sagemaker", "CreateModel", self.request)
        except AwsCallError as error:
            if error.kind is not Kind.EXISTS:
                raise

    def update(self, context: Context, observed: Resource) -> None:
        """Never happens: no compared field can differ."""
        raise AssertionError(f"BUG: model {self.name} cannot be updated from {observed} in {context.root}")

    def delete(self, context: Context) -> None:
        """Its metadata; image and artifacts stay."""
        context.aws.find("sagemaker", "DeleteModel", {"ModelName": self.name})


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a model is made of. `training_job` is empty for artifacts that the user named."""

    image_uri: str
    model_data: str
    training_job: str = ""


def wanted(context: Context, place: Place, source: Source) -> Model:
    """The model of this configuration for given artifacts."""
    deploy = context.project.deploy
    environment = variables.of_serving(context.project.serve)
    data = _shelf(source.model_data) if deploy.is_multi_model else _model_data(source.model_data)
    ours: Request = {
        "PrimaryContainer": {"Image": source.image_uri, "Environment": environment, **data},
        "ExecutionRoleArn": place.role_arn,
    }
    request = with_api(ours, deploy.api, "CreateModel")
    spec = digest(by_content(request, "PrimaryContainer", "Image", place))
    name = content_name(context.project.scope, KIND_WORD, spec)
    tags = {**context.tags, SPEC_TAG: spec}
    if source.training_job:
        tags[TRAINING_JOB_TAG] = source.training_job
    return Model(
        name=name,
        owner=context.project.name,
        request=with_tags({"ModelName": name, **request}, tags),
        tags=tags,
    )


def _model_data(uri: str) -> Request:
    """An archive by its URL; files that a job left uncompressed by their prefix."""
    if not uri.endswith("/"):
        return {"ModelDataUrl": uri}
    return {"ModelDataSource": {"S3DataSource": {"S3Uri": uri, "S3DataType": "S3Prefix", "CompressionType": "None"}}}


def _shelf(uri: str) -> Request:
    """The prefix that an archive is below, where requests name it `model.tar.gz`; or a prefix itself."""
    return {"ModelDataUrl": uri[: uri.rindex("/") + 1]}


def owned(context: Context) -> list[Model]:
    """Every model of this project and environment, newest first."""
    return [
        found
        for item in context.aws.pages(
            "sagemaker", "ListModels", "Models", {"NameContains": f"{context.project.scope}-{KIND_WORD}-"}
        )
        if (found := Model(name=str(item["ModelName"]), owner="").read(context)) and context.owns(found.tags)
    ]
