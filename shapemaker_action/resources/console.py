"""Pages of the AWS console: where a person looks at what we made. The local SageMaker has none."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from shapemaker_action.context import Context

_HOSTS = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def endpoint(context: Context, name: str) -> str:
    """The page of an endpoint; empty where there is no console."""
    return _page(context, "sagemaker/home", f"/endpoints/{quote(name)}")


def training_job(context: Context, name: str) -> str:
    """The page of a training job."""
    return _page(context, "sagemaker/home", f"/jobs/{quote(name)}")


def processing_job(context: Context, name: str) -> str:
    """The page of an evaluation."""
    return _page(context, "sagemaker/home", f"/processing-jobs/{quote(name)}")


def log(context: Context, group: str, prefix: str) -> str:
    """The log streams of a job: the console wants the name of the group quoted twice, with a dollar for the percent."""
    name = quote(quote(group, safe=""), safe="").replace("%", "$")
    streams = f"$3FlogStreamNameFilter$3D{quote(prefix, safe='')}"
    return _page(context, "cloudwatch/home", f"logsV2:log-groups/log-group/{name}{streams}")


def repository(context: Context, name: str) -> str:
    """The page of an image repository."""
    return _page(context, f"ecr/repositories/private/{context.aws.realm.account}/{quote(name)}", "")


def _page(context: Context, path: str, fragment: str) -> str:
    if context.aws.target.endpoint_url:
        return ""
    realm = context.aws.realm
    host = _HOSTS.get(realm.partition)
    if not host:
        return ""
    return f"https://{realm.region}.{host}/{path}?region={realm.region}{f'#{fragment}' if fragment else ''}"
