"""The endpoint: the one resource with a fixed name. Success is identity, then status."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from shapemaker_action.aws.classify import Kind
from shapemaker_action.aws.logs import LogTail
from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.aws.wait import Wait, until
from shapemaker_action.errors import (
    EndpointUnhealthyError,
    LockedError,
    NeedsHumanError,
    RolloutRolledBackError,
)
from shapemaker_action.naming import OWNER_TAG, tag_list
from shapemaker_action.resources.request import Request, after_creation, sagemaker_tags, with_api, with_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.aws.session import Reply
    from shapemaker_action.context import Context
    from shapemaker_action.plan import Resource

IN_SERVICE = "InService"
MOVING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
TOWARDS_TAG = "shapemaker:towards"
"""The configuration of the last rollout that was begun."""
PREVIOUS_TAG = "shapemaker:previous"
"""What served before that rollout."""
BEFORE_TAG = "shapemaker:before"
"""What could be returned to before it: the way back if the rollout did not succeed."""
LIMIT = 3600
"""Seconds that a rollout may take before we stop waiting."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Desired: this configuration, in service."""

    kind: ClassVar[str] = "endpoint"
    borrowed: ClassVar[bool] = False

    name: str
    owner: str
    config: str
    status: str = IN_SERVICE
    variant: str = field(default="AllTraffic", compare=False)
    request: Request = field(default_factory=dict, compare=False, repr=False)
    tags: Mapping[str, str] = field(default_factory=dict, compare=False)
    arn: str = field(default="", compare=False)
    pending: str = field(default="", compare=False)
    """The configuration that a rollout under way leads to."""
    reason: str = field(default="", compare=False)
    images: tuple[str, ...] = field(default=(), compare=False)
    """What SageMaker resolved the image tags to: URIs with digests."""

    @property
    def way_back(self) -> str:
        """The configuration that a rollback returns to; empty when this is the first generation."""
        if self.pending:
            return self.config
        noted = self.tags.get(PREVIOUS_TAG if self.tags.get(TOWARDS_TAG) == self.config else BEFORE_TAG, "")
        return "" if noted == self.config else noted

    def read(self, context: Context) -> Endpoint | None:
        """What serves under this name."""
        reply = context.aws.find("sagemaker", "DescribeEndpoint", {"EndpointName": self.name})
        return self._observed(context, reply) if reply else None

    def create(self, context: Context) -> None:
        """Create and wait until it serves."""
        try:
            after_creation(
                context, lambda: context.aws.call("sagemaker", "CreateEndpoint", self._create_request(context))
            )
        except AwsCallError as error:
            # It may be ours from a killed run; what it is gets decided by reading, not by guessing.
            if error.kind is not Kind.EXISTS:
                raise
        if context.switches.wait:
            self._demand(context, self._settled(context))

    def update(self, context: Context, observed: Resource) -> None:
        """From any state that a command of ours can leave: wait, replace, or roll out."""
        if not isinstance(observed, Endpoint):
            raise AssertionError(f"BUG: {observed.kind} observed for an endpoint")  # noqa: TRY004 - no caller's type
        if observed.status in MOVING:
            self._join(context, observed)
        elif observed.status == "Failed":
            # A failed first creation holds the name and can only be deleted.
            self.delete(context)
            self.create(context)
        elif observed.status == IN_SERVICE:
            self._roll_out(context, observed)
        else:
            raise NeedsHumanError(
                f"endpoint '{self.name}' is {observed.status}: {observed.reason or 'no reason given'}",
                state=f"it is configured as {observed.config}; part of it may serve",
                remedy="look at it in the SageMaker console; `shapemaker delete` removes it, `deploy` makes it anew",
            )

    def delete(self, context: Context) -> None:
        """Delete, after any change under way, and wait until it is gone."""
        if self._settled(context) is None:
            return
        context.aws.find("sagemaker", "DeleteEndpoint", {"EndpointName": self.name})
        self._settled(context, gone=True)

    def _join(self, context: Context, observed: Endpoint) -> None:
        """A change is under way: ours from a killed run, or somebody else's."""
        ours = (observed.pending or observed.config) == self.config
        if not context.switches.wait:
            if ours:
                return
            raise LockedError(
                f"endpoint '{self.name}' is {observed.status} towards {observed.pending or observed.config}",
                remedy=f"run again when it has settled: {context.again('deploy')}",
            )
        settled = self._settled(context)
        if settled is None:
            self.create(context)
        elif settled.status == IN_SERVICE and settled.config == self.config:
            return
        elif observed.pending == self.config:
            self._demand(context, settled)
        else:
            self.update(context, settled)

    def _roll_out(self, context: Context, observed: Endpoint) -> None:
        tags = {
            **self.tags,
            TOWARDS_TAG: self.config,
            PREVIOUS_TAG: observed.config,
            BEFORE_TAG: observed.way_back or observed.config,
        }
        # The way back is noted before the step is taken, so that a run killed in between can still be rolled back.
        context.aws.call("sagemaker", "AddTags", {"ResourceArn": observed.arn, "Tags": tag_list(tags)})
        deploy = context.project.deploy
        ours: Request = {
            "EndpointName": self.name,
            "EndpointConfigName": self.config,
            "RetainAllVariantProperties": False,
        }
        request = with_api(ours, deploy.api, "UpdateEndpoint")
        after_creation(context, lambda: context.aws.call("sagemaker", "UpdateEndpoint", request))
        if context.switches.wait:
            self._demand(context, self._settled(context))

    def _demand(self, context: Context, settled: Endpoint | None) -> None:
        """Identity first: after a rollback SageMaker says InService, too."""
        if settled is None:
            raise NeedsHumanError(f"endpoint '{self.name}' was deleted while it was being deployed")
        if settled.status == IN_SERVICE and settled.config == self.config:
            return
        lines = self._last_lines(context)
        if settled.status == IN_SERVICE:
            raise RolloutRolledBackError(
                f"endpoint '{self.name}' was rolled back: {settled.reason or 'no reason given'}",
                state=f"it serves the previous generation, {settled.config}; no request was lost",
                remedy=f"mend the model or its image, then run: {context.again('deploy')}",
                details=lines,
            )
        if settled.status == "Failed":
            raise EndpointUnhealthyError(
                f"endpoint '{self.name}' did not start: {settled.reason or 'no reason given'}",
                state="it serves nothing; the next deploy replaces it",
                remedy=f"mend the model or its image, try it with `shapemaker dev serve`, then run: "
                f"{context.again('deploy')}",
                details=lines,
            )
        raise NeedsHumanError(
            f"endpoint '{self.name}' is {settled.status}: {settled.reason or 'no reason given'}",
            state=f"it is configured as {settled.config}",
            remedy="look at it in the SageMaker console",
            details=lines,
        )

    def _settled(self, context: Context, *, gone: bool = False) -> Endpoint | None:
        """Wait until no change is under way (or it is gone)."""
        waiting = Wait(
            subject=f"endpoint {self.name}",
            deadline=context.switches.timeout or LIMIT,
            remedy=f"wait on with: {context.again('deploy')}",
        )

        def is_settled(found: Endpoint | None) -> bool:
            return found is None or (not gone and found.status not in MOVING)

        def state(found: Endpoint | None) -> str:
            return found.status if found else "gone"

        return until(waiting, lambda: self.read(context), is_settled, state, clock=context.clock, emit=context.emit)

    def _observed(self, context: Context, reply: Reply) -> Endpoint:
        tags = sagemaker_tags(context.aws, str(reply["EndpointArn"]))
        variants = reply.get("ProductionVariants", [])
        return Endpoint(
            name=self.name,
            owner=tags.get(OWNER_TAG, ""),
            config=str(reply["EndpointConfigName"]),
            status=str(reply["EndpointStatus"]),
            variant=self.variant,
            tags=tags,
            arn=str(reply["EndpointArn"]),
            pending=str(reply.get("PendingDeploymentSummary", {}).get("EndpointConfigName", "")),
            reason=str(reply.get("FailureReason", "")),
            images=tuple(
                str(image.get("ResolvedImage", ""))
                for variant in variants
                for image in variant.get("DeployedImages", [])
            ),
        )

    def _create_request(self, context: Context) -> Request:
        ours: Request = {"EndpointName": self.name, "EndpointConfigName": self.config}
        tags = {**self.tags, TOWARDS_TAG: self.config}
        return with_tags(with_api(ours, context.project.deploy.api, "CreateEndpoint"), tags)

    def _last_lines(self, context: Context) -> tuple[str, ...]:
        tail = self.log(context)
        for _ in tail.new_lines():
            pass
        return tuple(tail.last)

    def log(self, context: Context) -> LogTail:
        """The log of the instance of our variant that started last."""
        group = f"/aws/sagemaker/Endpoints/{self.name}"
        return LogTail(aws=context.aws, group=group, prefix=f"{self.variant}/", newest_only=True)
