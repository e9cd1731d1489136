"""Where a project's resources live: names, prefixes and ARNs derived from the configuration and the account."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from shapemaker_action.errors import AccessError
from shapemaker_action.naming import digest, short, split_uri

if TYPE_CHECKING:
    from shapemaker_action.context import Context
    from shapemaker_action.naming import Realm

BUCKET_NAME_LIMIT = 63
ROLE_NAME_LIMIT = 64
ROLE_DIGITS = 8


@dataclass(frozen=True)
class Place:
    """Derived from one context; reads the account once."""

    context: Context

    @cached_property
    def realm(self) -> Realm:
        """The account, checked against `aws.account` before anything else happens there."""
        realm = self.context.aws.realm
        allowed = self.context.project.aws.account
        if allowed and realm.account != allowed:
            raise AccessError(
                f"the credentials are of account {realm.account}, but aws.account allows only {allowed}",
                state="nothing was changed",
                remedy="use credentials of the right account, or change aws.account in shapemaker.yml",
            )
        return realm

    @property
    def bucket(self) -> str:
        """The configured bucket, or one named by project, account and region (bucket names are global)."""
        if configured := self.context.project.aws.bucket:
            return configured
        name = f"shapemaker-{self.context.project.name}-{self.realm.account}-{self.realm.region}".lower()
        if len(name) <= BUCKET_NAME_LIMIT:
            return name
        return f"shapemaker-{self.realm.account}-{self.realm.region}-{short(digest(name))}"

    def in_bucket(self, bucket: str) -> dict[str, object]:
        """The `Bucket` of an S3 call; our own is refused by S3 when it is another account's."""
        if bucket == self.bucket:
            return {"Bucket": bucket, "ExpectedBucketOwner": self.realm.account}
        return {"Bucket": bucket}

    @property
    def repository(self) -> str:
        """The configured repository, or `shapemaker/<project>`."""
        return self.context.project.aws.repository or f"shapemaker/{self.context.project.name.lower()}"

    @cached_property
    def remote_buckets(self) -> tuple[str, ...]:
        """The buckets of `s3://` channels that are not the project's own, sorted."""
        project = self.context.project
        channels = [*project.train.channels.values(), *project.evaluate.channels.values()]
        named = {split_uri(channel.source)[0] for channel in channels if channel.is_remote}
        return tuple(sorted(named - {self.bucket}))

    @property
    def role_stem(self) -> str:
        """What the names of this project's roles in this region begin with: IAM is one for all regions."""
        stem = f"shapemaker-{self.context.project.name}-{self.context.aws.region}"
        if len(stem) < ROLE_NAME_LIMIT - ROLE_DIGITS:
            return stem
        return f"shapemaker-{self.context.aws.region}-{short(digest(stem))}"

    @property
    def role_name(self) -> str:
        """The role that provision makes when none is configured.

        Where the configuration names what the role may use, the name holds a digest of that: environments that name
        different buckets have a role each, and none turns the other's back.
        """
        settings = self.context.project.aws
        if not (settings.bucket or settings.repository or self.remote_buckets):
            return self.role_stem
        named = digest([self.bucket, self.repository, self.remote_buckets])
        return f"{self.role_stem}-{named[:ROLE_DIGITS]}"

    @property
    def role_arn(self) -> str:
        """The configured role, or ours."""
        return self.context.project.aws.role or self.realm.arn("iam", f"role/{self.role_name}", regional=False)

    @property
    def prefix(self) -> str:
        """Key prefix of everything of this project and environment."""
        return self.context.project.scope

    @property
    def prefix_uri(self) -> str:
        """The same as an S3 URI, without a slash at the end."""
        return f"s3://{self.bucket}/{self.prefix}"

    def training_output(self, *, experimental: bool = False) -> str:
        """Where training jobs leave their artifacts; experimental ones apart, so that no deploy finds them."""
        return f"{self.prefix_uri}/{'experimental' if experimental else 'training'}"

    def evaluation_output(self, training_job: str) -> str:
        """Where the evaluation reports of a training job's model are."""
        return f"{self.prefix_uri}/evaluation/{training_job}"

    @cached_property
    def registry(self) -> str:
        """Host (and port) of the registry that ECR logs us in to."""
        reply = self.context.aws.call("ecr", "GetAuthorizationToken")
        return str(reply["authorizationData"][0]["proxyEndpoint"]).split("://", 1)[1].rstrip("/")

    def image_uri(self, tag: str) -> str:
        """`registry/repository:tag`."""
        return f"{self.registry}/{self.repository}:{tag}"

    def image_identity(self, uri: str) -> str:
        """The URI without the registry: the same content has the same name in every account."""
        return uri.removeprefix(f"{self.registry}/")
