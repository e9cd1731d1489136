"""Invocations of the local SageMaker's endpoints; the numbers are those of the conformance list."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from tests.support.sagemaker import refusal

if TYPE_CHECKING:
    from tests.support.sagemaker import SageMaker

ECHO = """
import json
command, _, rest = body.partition(b' ')
if command == b'headers':
    self.answer(200, json.dumps(dict(self.headers)).encode(), Content_Type='application/json', X_Secret='s',
                X_Amzn_SageMaker_Custom_Attributes='from-container')
elif command == b'status':
    self.answer(int(rest), b'it says no', Content_Type='text/plain')
elif command == b'count':
    self.answer(200, str(len(rest)).encode())
elif command == b'sleep':
    time.sleep(float(rest)); self.answer(200, b'')
elif command == b'cut':
    self.send_response(200); self.send_header('Content-Length', '10'); self.end_headers()
    self.wfile.write(b'half'); self.close_connection = True
else:
    self.answer(200, body)
"""
STREAM = """
self.send_response(int(os.environ.get('STATUS', 200)))
self.send_header('Content-Type', 'text/event-stream')
self.send_header('Transfer-Encoding', 'chunked')
self.end_headers()
for part in body.split():
    self.chunk(part)
    time.sleep(0.05)
if b'die' in body:
    self.close_connection = True
elif b'hang' in body:
    time.sleep(5)
else:
    self.chunk(b'')
"""


@pytest.fixture(scope="module")
def echo(local: SageMaker) -> str:
    """An endpoint that does what its request says."""
    return local.endpoint(local.config(local.model("exec(os.environ['ECHO'])", ECHO=ECHO)))


@pytest.fixture(scope="module")
def stream(local: SageMaker) -> str:
    """An endpoint that sends each word of a request as a chunk of its own."""
    return local.endpoint(local.config(local.model(STREAM)))


def failure(local: SageMaker, endpoint: str, body: bytes, **more: Any) -> dict[str, Any]:
    """The whole error response of an invocation."""
    with pytest.raises(ClientError) as raised:
        local.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, **more)
    return dict(raised.value.response)


# 89
def test_an_unknown_endpoint_is_a_validation_error(local: SageMaker) -> None:
    bodies: list[bytes] = []

    def keep(http_response: Any, **_: Any) -> None:
        bodies.append(http_response.content)

    local.runtime.meta.events.register("after-call.sagemaker-runtime.*", keep)
    response = failure(local, "nowhere", b"")
    local.runtime.meta.events.unregister("after-call.sagemaker-runtime.*", keep)
    assert response["Error"]["Code"] == "ValidationError"
    assert response["Error"]["Message"] == f"Endpoint nowhere of account {local.service.account} not found."
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert json.loads(bodies[0])["ErrorCode"] == "NO_SUCH_ENDPOINT"


# 92
def test_only_the_headers_of_the_api_pass(local: SageMaker, echo: str) -> None:
    def add(request: Any, **_: Any) -> None:
        request.headers["X-Foo"] = "bar"

    local.runtime.meta.events.register("before-sign.sagemaker-runtime.*", add)
    response = local.runtime.invoke_endpoint(
        EndpointName=echo,
        Body=b"headers",
        ContentType="text/csv",
        Accept="application/json",
        CustomAttributes="trace=1",
        InferenceId="inference-1",
    )
    local.runtime.meta.events.unregister("before-sign.sagemaker-runtime.*", add)
    seen = {name.lower(): value for name, value in json.loads(response["Body"].read()).items()}
    assert {name: value for name, value in seen.items() if name not in {"host", "accept-encoding"}} == {
        "content-type": "text/csv",
        "accept": "application/json",
        "x-amzn-sagemaker-custom-attributes": "trace=1",
        "x-amzn-sagemaker-inference-id": "inference-1",
        "content-length": "7",
    }
    assert response["ContentType"] == "application/json"
    assert response["CustomAttributes"] == "from-container"
    assert response["InvokedProductionVariant"] == "A"
    assert "x-secret" not in response["ResponseMetadata"]["HTTPHeaders"]
    assert "CustomAttributes" not in local.runtime.invoke_endpoint(EndpointName=echo, Body=b"x", CustomAttributes="a")


# 90
@pytest.mark.parametrize(("status", "side"), [(400, "client"), (415, "client"), (500, "server"), (503, "server")])
def test_an_error_of_the_container_is_a_model_error(local: SageMaker, echo: str, status: int, side: str) -> None:
    response = failure(local, echo, f"status {status}".encode())
    group = f"/aws/sagemaker/Endpoints/{echo}"
    account = local.service.account
    assert response["Error"]["Code"] == "ModelError"
    assert response["Error"]["Message"] == (
        f'Received {side} error ({status}) from primary with message "it says no". See '
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logEventViewer:group="
        f"{group} in account {account} for more information."
    )
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == status
    assert response["OriginalMessage"] == "it says no"
    assert response["LogStreamArn"] == f"arn:aws:logs:eu-west-1:{account}:log-group:{group}"


def test_an_answer_that_breaks_off_is_a_model_error(local: SageMaker, echo: str) -> None:
    response = failure(local, echo, b"cut")
    assert response["Error"]["Code"] == "ModelError"
    assert response["OriginalStatusCode"] == 0
    assert local.ask(echo, b"still here") == b"still here"


# 93
def test_a_body_of_25_megabytes_passes_and_one_byte_more_does_not(local: SageMaker, echo: str) -> None:
    limit = 25 * 1024 * 1024
    assert local.ask(echo, b"count " + b"x" * (limit - 6)) == str(limit - 6).encode()
    response = failure(local, echo, b"x" * (limit + 1))
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert response["Error"]["Message"] == f"HTTP content length exceeded {limit} bytes."
    assert local.ask(echo, b"still here") == b"still here"


def test_headers_out_of_bounds_are_refused(local: SageMaker, echo: str) -> None:
    response = failure(local, echo, b"", CustomAttributes="x" * 1025)
    assert response["Error"]["Code"] == "ValidationError"
    assert "'customAttributes' failed to satisfy constraint" in response["Error"]["Message"]


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("TargetModel", "is not a multi-model endpoint and does not support target model header."),
        ("TargetContainerHostname", "is not a multi-container endpoint"),
        ("SessionId", "does not support stateful sessions"),
        ("InferenceComponentName", "has no inference components"),
    ],
)
def test_what_the_endpoint_does_not_have_is_refused(local: SageMaker, echo: str, member: str, message: str) -> None:
    code, text = refusal(local.runtime.invoke_endpoint, EndpointName=echo, Body=b"", **{member: "some"})
    assert code == "ValidationError"
    assert text.startswith(f"Endpoint {echo} {message}")


# 96
def test_an_asynchronous_call_is_the_wrong_kind(local: SageMaker, echo: str) -> None:
    code, message = refusal(local.runtime.invoke_endpoint_async, EndpointName=echo, InputLocation="s3://bucket/x")
    assert (code, message) == ("ValidationError", f"Endpoint {echo} does not support this inference type.")


# 94
def test_a_stream_arrives_in_parts(local: SageMaker, stream: str) -> None:
    response = local.runtime.invoke_endpoint_with_response_stream(
        EndpointName=stream, Body=b"one two three", Accept="text/event-stream"
    )
    assert response["ContentType"] == "text/event-stream"
    assert response["InvokedProductionVariant"] == "A"
    parts = [event["PayloadPart"]["Bytes"] for event in response["Body"]]
    response["Body"].close()
    assert b"".join(parts) == b"onetwothree"
    assert len(parts) > 1


# 94
def test_a_stream_that_breaks_off_says_so(local: SageMaker, stream: str) -> None:
    response = local.runtime.invoke_endpoint_with_response_stream(EndpointName=stream, Body=b"one die")
    parts: list[bytes] = []
    with pytest.raises(EventStreamError) as raised:
        parts += [event["PayloadPart"]["Bytes"] for event in response["Body"]]
    assert raised.value.response["Error"]["Code"] == "ModelStreamError"
    response["Body"].close()
    assert local.runtime.invoke_endpoint(EndpointName=stream, Body=b"x")["Body"].read() == b"x"


def test_a_client_that_leaves_in_the_middle_of_a_stream_does_no_harm(local: SageMaker, stream: str) -> None:
    for _ in range(3):
        response = local.runtime.invoke_endpoint_with_response_stream(EndpointName=stream, Body=b"one hang")
        next(iter(response["Body"]))
        response["Body"].close()
    assert local.ask(stream, b"x") == b"x"


# 94
def test_an_error_before_the_stream_is_a_model_error(local: SageMaker, echo: str) -> None:
    with pytest.raises(ClientError) as raised:
        local.runtime.invoke_endpoint_with_response_stream(EndpointName=echo, Body=b"status 400")
    response: dict[str, Any] = dict(raised.value.response)
    assert response["Error"]["Code"] == "ModelError"
    assert response["OriginalStatusCode"] == 400
