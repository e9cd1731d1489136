"""Project, account and names on AWS, from `.envrc`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapemaker_action.config.aws_facts import partition_of
from shapemaker_action.naming import ENVIRONMENT_TAG, OWNER_TAG

if TYPE_CHECKING:
    from shapemaker_action.stages.migration.envrc import Variables
    from shapemaker_action.stages.migration.sheet import Sheet

_ENDPOINT = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_VERSION = re.compile(r"3\.([0-9]{1,2})(\.[0-9]+)?")
_OLDEST = 10
"""Minor version of the oldest Python that the images' runtime takes."""


def read(variables: Variables, sheet: Sheet) -> None:
    """Everything that is said once for the whole project."""
    _project(variables, sheet)
    for name, key in (
        ("AWS_DEFAULT_REGION", "region"),
        ("AWS_ACCOUNT_ID", "account"),
        ("BUCKET_ARTIFACTS", "bucket"),
        ("ECR_REPO", "repository"),
    ):
        if value := variables.get(name):
            sheet.carry(("aws", key), value, variables.place(name))
    if not variables.get("AWS_DEFAULT_REGION"):
        sheet.reject(variables.place("AWS_DEFAULT_REGION"), "AWS_DEFAULT_REGION is missing", "export it here")
    _role(variables, sheet)
    _registry(variables, sheet)
    _python(variables, sheet)


def _project(variables: Variables, sheet: Sheet) -> None:
    place, given = variables.place("PROJECT_NAME"), variables.get("PROJECT_NAME")
    name = "-".join(re.findall(r"[a-z0-9]+", given.lower()))
    if not name:
        sheet.reject(place, "PROJECT_NAME is missing", "export it here: letters, digits and hyphens")
        return
    sheet.carry(("project", "name"), name, place)
    if name != given:
        sheet.leave(place, "the project's name as it was written", f"names of jobs and models begin with {name}")
    if _ENDPOINT.fullmatch(given):
        sheet.carry(("deploy", "endpoint"), given, place)
    sheet.leave(
        place,
        "an endpoint that the Makefile made: shapemaker touches only what has its tags",
        f"delete it once, or tag it {OWNER_TAG}={name}, {ENVIRONMENT_TAG}=default",
    )


def _role(variables: Variables, sheet: Sheet) -> None:
    """As an ARN, which `.envrc` puts together from account and name."""
    role, account = variables.get("SAGEMAKER_ROLE"), variables.get("AWS_ACCOUNT_ID")
    if arn := variables.get("SAGEMAKER_ROLE_ARN"):
        sheet.carry(("aws", "role"), arn, variables.place("SAGEMAKER_ROLE_ARN"))
    elif role and account:
        partition = partition_of(variables.get("AWS_DEFAULT_REGION")) or "aws"
        sheet.carry(("aws", "role"), f"arn:{partition}:iam::{account}:role/{role}", variables.place("SAGEMAKER_ROLE"))


def _registry(variables: Variables, sheet: Sheet) -> None:
    account, region = variables.get("AWS_ACCOUNT_ID"), variables.get("AWS_DEFAULT_REGION")
    given = variables.get("ECR")
    if given and not given.startswith(f"{account}.dkr.ecr.{region}."):
        sheet.leave(variables.place("ECR"), "a registry of another account or region", "images go to the project's own")


def _python(variables: Variables, sheet: Sheet) -> None:
    place, given = variables.place("PY_VERSION"), variables.get("PY_VERSION")
    version = _VERSION.fullmatch(given)
    if version and int(version[1]) >= _OLDEST:
        sheet.carry(("build", "python"), f"3.{version[1]}", place)
    elif given:
        sheet.leave(
            place,
            f"Python {given}" if version else "PY_VERSION",
            f"the images get shapemaker's default; the oldest they take is 3.{_OLDEST}",
        )
