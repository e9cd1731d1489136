"""invoke: send the sample requests to the endpoint, show the answers, hold them against what is expected."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.errors import InvocationError
from shapemaker_action.outcome import Outcome, Table
from shapemaker_action.stages.wants import Wants

if TYPE_CHECKING:
    from shapemaker_action.config.project import RequestSettings
    from shapemaker_action.context import Context
    from shapemaker_action.naming import Json

SHOWN = 72


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer of the endpoint."""

    file: str
    body: bytes
    content_type: str
    milliseconds: float

    @property
    def value(self) -> Json:
        """Parsed when it is JSON, else text; base64 would help nobody in a log."""
        text = self.body.decode("utf-8", errors="replace")
        if self.content_type.startswith("application/json"):
            parsed: Json = json.loads(text)
            return parsed
        return text


def run(context: Context) -> Outcome:
    """One invocation for each request file, in order; the first bad answer ends it."""
    name = Wants(context).endpoint("").name
    answers = [_ask(context, name, request) for request in context.project.invoke.requests]
    rows = tuple((a.file, f"{a.milliseconds:.1f} ms", _shortened(a)) for a in answers)
    predictions: list[Json] = [
        {"file": a.file, "milliseconds": round(a.milliseconds, 2), "answer": a.value} for a in answers
    ]
    return Outcome(
        values={"endpoint-name": name, "predictions": predictions},
        tables=(Table(title="Predictions", header=("request", "latency", "answer"), rows=rows),) if rows else (),
        next=context.again("status"),
    )


def _ask(context: Context, endpoint: str, request: RequestSettings) -> Answer:
    path = context.root / request.file
    began = context.clock.now()
    try:
        reply = context.aws.call(
            "sagemaker-runtime",
            "InvokeEndpoint",
            {
                "EndpointName": endpoint,
                "Body": path.read_bytes(),
                "ContentType": request.content_type,
                "Accept": request.accept,
            },
        )
    except AwsCallError as error:
        raise _refusal(context, endpoint, request, error) from error
    body = reply["Body"].read()
    answer = Answer(
        file=request.file,
        body=body,
        content_type=str(reply.get("ContentType", "")),
        milliseconds=(context.clock.now() - began) * 1000,
    )
    _demand_expected(request, answer)
    return answer


def _refusal(context: Context, endpoint: str, request: RequestSettings, error: AwsCallError) -> InvocationError:
    if "OriginalStatusCode" in error.details:
        status = error.details["OriginalStatusCode"]
        return InvocationError(
            f"the model answered {request.file} with status {status}: {error.details.get('OriginalMessage', '')}",
            state=f"endpoint '{endpoint}' is in service",
            remedy=f"mend the request file or predict(); the endpoint's log: {context.again('status')} --logs",
        )
    return InvocationError(
        f"endpoint '{endpoint}' did not answer {request.file}: {error.message}",
        state="nothing was changed",
        remedy=f"see what serves: {context.again('status')}; deploy with: {context.again('deploy')}",
    )


def _demand_expected(request: RequestSettings, answer: Answer) -> None:
    if request.expect is not None and not contains(answer.value, dict(request.expect)):
        raise InvocationError(
            f"the answer to {request.file} is not as expected: got {_shortened(answer)}, "
            f"expected it to contain {json.dumps(request.expect)}",
            state="the endpoint is in service with this model",
            remedy="mend the model or the expectation; go back with: shapemaker rollback",
        )


def contains(value: object, expected: object) -> bool:
    """Whether `expected` is a part of `value`: mappings by key, everything else by equality."""
    if isinstance(expected, dict):
        return isinstance(value, dict) and all(k in value and contains(value[k], v) for k, v in expected.items())
    return value == expected


def _shortened(answer: Answer) -> str:
    text = " ".join(answer.body.decode("utf-8", errors="replace").split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
