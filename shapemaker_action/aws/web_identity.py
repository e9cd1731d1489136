"""Credentials for a role from a token of somebody whom the account trusts; renewed for as long as the work takes."""

from __future__ import annotations

import base64
import importlib
import json
import re
from typing import TYPE_CHECKING, Any

from shapemaker_action.aws import nowhere
from shapemaker_action.errors import AccessError, CapacityError, EnvironmentProblemError, InvalidInputError
from shapemaker_action.events import Secret
from shapemaker_action.record import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapemaker_action.errors import ShapemakerError
    from shapemaker_action.events import Emit

SECONDS = 3600
"""What every role allows. botocore renews a session in its last quarter of an hour."""

_ROLE = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::\d{12}:role/[\w+=,.@/-]{1,512}")
_SESSION = re.compile(r"[^\w+=,.@-]+", re.ASCII)
_LONGEST_SESSION = 64

_EXPLANATIONS = {
    "AccessDenied": "the role's trust policy has to allow sts:AssumeRoleWithWebIdentity under StringEquals for exactly "
    "this sub and this aud; newer repositories have the ids of owner and repository in their sub "
    "(repo:OWNER@ID/NAME@ID:...), older ones do not (repo:OWNER/NAME:...)",
    "InvalidIdentityToken": "the account needs an IAM OIDC provider with the URL of this iss, and this aud among its "
    "audiences",
    "IDPRejectedClaim": "the OIDC provider refused the token; run the job again",
    "ExpiredTokenException": "the token was too old when it arrived: check the clock of the runner, run the job again",
    "ValidationError": "check the ARN of --role-to-assume (role-to-assume)",
    "RegionDisabledException": "switch STS on for this region in the IAM console, or choose another region",
}


@dataclass(frozen=True, kw_only=True)
class WebIdentity:
    """A role, and where a new token for it comes from whenever one is needed."""

    role: str
    session: str
    """Who assumed the role, as CloudTrail shows it."""
    token: Callable[[], str] = field(repr=False)
    emit: Emit = field(repr=False)

    def session_of(self, region: str) -> Any:
        """A botocore session that is this role and nobody else, whatever lies in variables and files."""
        credentials = importlib.import_module("botocore.credentials")
        renewed = credentials.DeferredRefreshableCredentials(
            refresh_using=lambda: self._assume(region), method="assume-role-with-web-identity"
        )
        session = nowhere.session()
        session.register_component("credential_provider", _Only(credentials=renewed))
        return session

    def _assume(self, region: str) -> dict[str, str]:
        """A session of the role, in the words of botocore. Every call takes a token of its own."""
        token = self.token()
        exceptions = importlib.import_module("botocore.exceptions")
        try:
            answer = _sts(region).assume_role_with_web_identity(
                RoleArn=self.role, RoleSessionName=self.session, WebIdentityToken=token, DurationSeconds=SECONDS
            )
        except exceptions.ClientError as error:
            raise self._refused(error.response.get("Error", {}), token) from error
        except exceptions.BotoCoreError as error:
            raise EnvironmentProblemError(
                f"STS in {region} cannot be reached: {error}",
                remedy="check the network and a proxy, then run the same command again",
            ) from error
        found = answer["Credentials"]
        for secret in ("SecretAccessKey", "SessionToken", "AccessKeyId"):
            self.emit(Secret(value=found[secret]))
        return {
            "access_key": found["AccessKeyId"],
            "secret_key": found["SecretAccessKey"],
            "token": found["SessionToken"],
            "expiry_time": found["Expiration"].isoformat(),
        }

    def _refused(self, error: dict[str, Any], token: str) -> ShapemakerError:
        code, text = str(error.get("Code", "")), str(error.get("Message", ""))
        what = f"the role {self.role} cannot be assumed: {code}: {text}"
        if code in {"Throttling", "ThrottlingException", "ServiceUnavailable", "InternalFailure"}:
            return CapacityError(what, remedy="AWS was busy; run the same command again")
        return AccessError(
            f"{what} ({_claims(token)})",
            state="this call was refused; what was done before stays",
            remedy=_EXPLANATIONS.get(code, _EXPLANATIONS["AccessDenied"]),
        )


@dataclass(frozen=True, kw_only=True)
class _Only:
    """A chain of credential providers with one link."""

    credentials: Any

    def load_credentials(self) -> Any:
        return self.credentials


def partition_of(role: str) -> str:
    """`aws`, `aws-cn` or `aws-us-gov`; raises `InvalidInputError` for what is no ARN of a role."""
    match = _ROLE.fullmatch(role)
    if match is None:
        raise InvalidInputError(
            f"{role!r} is no ARN of a role",
            state="nothing was sent to AWS",
            remedy="write arn:aws:iam::ACCOUNT:role/NAME for --role-to-assume (role-to-assume)",
        )
    return match["partition"]


def audience_of(role: str) -> str:
    """What the token has to be made for."""
    return "sts.amazonaws.com.cn" if partition_of(role) == "aws-cn" else "sts.amazonaws.com"


def session_name(text: str) -> str:
    """The text with only the characters that a session's name may have."""
    return _SESSION.sub("-", text)[:_LONGEST_SESSION]


def _sts(region: str) -> Any:
    config = importlib.import_module("botocore.config").Config(
        # The token is the proof; whatever keys lie around have no part in it.
        signature_version=importlib.import_module("botocore").UNSIGNED,
        retries={"mode": "standard", "total_max_attempts": 4},
        connect_timeout=5,
        read_timeout=10,
        user_agent_extra="shapemaker",
    )
    session = nowhere.session()
    session.register_component("credential_provider", _Only(credentials=None))
    return session.create_client("sts", region_name=region, config=config)


def _claims(token: str) -> str:
    """What the token says about us, so that it can be held against the trust policy; its signature stays out."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError):
        return "the token cannot be read"
    if not isinstance(claims, dict):
        return "the token cannot be read"
    return "the token says " + ", ".join(f"{name} {json.dumps(claims.get(name))}" for name in ("sub", "aud", "iss"))
