"""What the configuration wants, as resources: the one place where the sections of a project meet the nouns of AWS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from shapemaker_action.resources import endpoint_config as configs
from shapemaker_action.resources import image, model, processing_job, role, training_job
from shapemaker_action.resources.bucket import Bucket
from shapemaker_action.resources.channel import Channel
from shapemaker_action.resources.endpoint import Endpoint
from shapemaker_action.resources.place import Place
from shapemaker_action.resources.repository import Repository
from shapemaker_action.resources.role import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.config.project import ChannelSettings
    from shapemaker_action.context import Context
    from shapemaker_action.plan import Resource
    from shapemaker_action.resources.image import Image
    from shapemaker_action.resources.processing_job import ProcessingJob
    from shapemaker_action.resources.training_job import TrainingJob


@dataclass(frozen=True)
class Wants:
    """Desired resources of one context. Reads AWS where a name depends on it; writes nothing."""

    context: Context

    @cached_property
    def place(self) -> Place:
        """Names and ARNs."""
        return Place(self.context)

    def provision(self) -> list[Resource]:
        """Bucket, repository, and the role unless the user brought one."""
        context, place = self.context, self.place
        owner, tags, settings = context.project.name, context.shared_tags, context.project.aws
        bucket = Bucket(
            name=place.bucket, owner=owner, tags=tags, partition=place.realm.partition, borrowed=bool(settings.bucket)
        )
        repository = Repository(name=place.repository, owner=owner, tags=tags, borrowed=bool(settings.repository))
        return [bucket, repository, *([] if settings.role else [self._role()])]

    def _role(self) -> Role:
        return Role(
            name=self.place.role_name,
            owner=self.context.project.name,
            tags=self.context.shared_tags,
            trust=role.trust(self.place),
            permissions=role.permissions(self.place),
        )

    @cached_property
    def training_image(self) -> Image:
        """The image that trains and evaluates."""
        return image.wanted(self.context, self.place, "training")

    @cached_property
    def inference_image(self) -> Image:
        """The image that serves."""
        return image.wanted(self.context, self.place, "inference")

    def images(self) -> list[Resource]:
        """Both images, the training image first: the second shares its layers."""
        return [self.training_image, self.inference_image]

    @cached_property
    def training_job(self) -> TrainingJob:
        """The training job of this configuration."""
        return training_job.wanted(self.context, self.place, self.training_image.uri, self._train_channels)

    def training(self) -> list[Resource]:
        """Channel data, then the job that reads them."""
        data = [channel.data for channel in self._train_channels if channel.data]
        return [*data, self.training_job]

    def evaluation(self, candidate: processing_job.Candidate) -> list[Resource]:
        """Channel data and the evaluation job of one model; nothing without an `evaluate` section."""
        if not self.context.project.evaluate.enabled:
            return []
        return [*self.evaluation_data(), self.evaluation_job(candidate)]

    def evaluation_data(self) -> list[Resource]:
        """The evaluation channels to upload."""
        return [channel.data for channel in self._evaluate_channels if channel.data]

    def evaluation_job(self, candidate: processing_job.Candidate) -> ProcessingJob:
        """The job that judges one model."""
        return processing_job.wanted(self.context, self.place, candidate, self._evaluate_channels)

    @cached_property
    def candidate(self) -> processing_job.Candidate:
        """The model of this configuration's training job."""
        job = self.training_job
        return processing_job.Candidate(
            training_job=job.name, model_data=job.model_data, image_uri=self.training_image.uri
        )

    def serving(self, source: model.Source) -> list[Resource]:
        """Model, endpoint configuration and endpoint for given artifacts."""
        served = model.wanted(self.context, self.place, source)
        config = configs.wanted(self.context, served.name)
        return [served, config, self.endpoint(config.name)]

    def endpoint(self, config: str, name: str = "") -> Endpoint:
        """The configured endpoint, or the one of the given name, with a given configuration."""
        deploy = self.context.project.deploy
        return Endpoint(
            name=name or deploy.endpoint,
            owner=self.context.project.name,
            config=config,
            variant=deploy.variant,
            tags=self.context.tags,
        )

    @cached_property
    def _train_channels(self) -> tuple[Channel, ...]:
        return self._channels(self.context.project.train.channels)

    @cached_property
    def _evaluate_channels(self) -> tuple[Channel, ...]:
        return self._channels(self.context.project.evaluate.channels)

    def _channels(self, settings: Mapping[str, ChannelSettings]) -> tuple[Channel, ...]:
        return tuple(
            Channel(
                name=name,
                settings=channel,
                root=self.context.root,
                bucket=self.place.bucket,
                prefix=self.place.prefix,
                owner=self.context.project.name,
            )
            for name, channel in sorted(settings.items())
        )
