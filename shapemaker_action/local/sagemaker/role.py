"""The execution role: whether SageMaker could assume it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shapemaker_action.local.sagemaker.refusals import invalid

if TYPE_CHECKING:
    from shapemaker_action.local.world import World

PRINCIPAL = "sagemaker.amazonaws.com"


def check(world: World, region: str, arn: str) -> None:
    """Raise SageMaker's error unless the role exists and trusts SageMaker."""
    if not _assumable(world, region, arn):
        raise invalid(
            f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
            f"'{PRINCIPAL}' to assume the role."
        )


def _assumable(world: World, region: str, arn: str) -> bool:
    try:
        role = world.client("iam", region).get_role(RoleName=arn.rpartition("/")[2])["Role"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchEntity":
            return False
        raise
    return role["Arn"] == arn and any(map(_trusts, _listed(role["AssumeRolePolicyDocument"].get("Statement"))))


def _trusts(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal", {})
    services = principal if principal == "*" else principal.get("Service")
    return (
        statement.get("Effect") == "Allow"
        and bool({"*", PRINCIPAL} & set(_listed(services)))
        and bool({"*", "sts:*", "sts:AssumeRole"} & set(_listed(statement.get("Action"))))
    )


def _listed(value: Any) -> list[Any]:
    """Policy documents write one thing as itself and several as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
