"""invoke: send the sample requests to the endpoint, show the answers, hold them against what is expected."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from shapemaker_action.aws.classify import Kind
from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.errors import InvocationError
from shapemaker_action.events import ValuesKnown
from shapemaker_action.outcome import Outcome, Table
from shapemaker_action.stages.wants import Wants

if TYPE_CHECKING:
    from shapemaker_action.config.project import RequestSettings
    from shapemaker_action.context import Context
    from shapemaker_action.errors import ShapemakerError
    from shapemaker_action.naming import Json

SHOWN = 72
PAUSES = (1.0, 2.0, 4.0)
"""Seconds before a request is sent again that never reached the model."""


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
        if not self.content_type.startswith("application/json"):
            return text
        try:
            parsed: Json = json.loads(text, parse_constant=_refused, parse_float=_finite)
        except (ValueError, RecursionError) as error:
            raise InvocationError(
                f"the answer to {self.file} says that it is JSON, but it isn't ({error}): {_shortened(self)}",
                state="the endpoint is in service with this model",
                remedy="let predict() return what JSON can say (it has no NaN), or answer with another content type",
            ) from error
        return parsed


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"JSON has no {constant}")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refused(text)


def run(context: Context) -> Outcome:
    """One invocation for each request file, in order; the first bad answer ends it."""
    name = Wants(context).endpoint("").name
    answers: list[Answer] = []
    predictions: list[Json] = []
    for request in context.project.invoke.requests:
        answer = _ask(context, name, request)
        answers.append(answer)
        predictions.append({"file": answer.file, "milliseconds": round(answer.milliseconds, 2), "answer": answer.value})
        context.emit(ValuesKnown(values={"endpoint-name": name, "predictions": list(predictions)}))
        _demand_expected(context, request, answer)
    rows = tuple((a.file, f"{a.milliseconds:.1f} ms", _shortened(a)) for a in answers)
    return Outcome(
        values={"endpoint-name": name, "predictions": predictions},
        tables=(Table(title="Predictions", header=("request", "latency", "answer"), rows=rows),) if rows else (),
        next=context.again("status"),
    )


def _ask(context: Context, endpoint: str, request: RequestSettings) -> Answer:
    asked = {
        "EndpointName": endpoint,
        "Body": (context.root / request.file).read_bytes(),
        "ContentType": request.content_type,
        "Accept": request.accept,
        **({"TargetModel": request.target_model} if request.target_model else {}),
    }
    for pause in (*PAUSES, None):
        began = context.clock.now()
        try:
            reply, body = context.aws.call_for_body("sagemaker-runtime", "InvokeEndpoint", asked)
        except AwsCallError as error:
            if pause is None or not _is_unasked(error):
                raise _refusal(context, endpoint, request, error) from error
            context.clock.sleep(pause)
            continue
        return Answer(
            file=request.file,
            body=body,
            content_type=str(reply.get("ContentType", "")),
            milliseconds=(context.clock.now() - began) * 1000,
        )
    raise AssertionError("BUG: the last attempt returns or raises")


def _is_unasked(error: AwsCallError) -> bool:
    """Whether the model never saw the request, so that it can be sent again."""
    return error.kind is Kind.THROTTLE or error.code in {"ServiceUnavailable", "ModelNotReadyException"}


def _refusal(context: Context, endpoint: str, request: RequestSettings, error: AwsCallError) -> ShapemakerError:
    if error.kind is Kind.MODEL:
        status = error.details.get("OriginalStatusCode", "unknown")
        return InvocationError(
            f"the model answered {request.file} with status {status}: "
            f"{error.details.get('OriginalMessage') or error.message}",
            state=f"endpoint '{endpoint}' is in service",
            remedy=f"mend the request file or predict(); the endpoint's log: {context.again('status')} --logs",
        )
    if error.kind in {Kind.NOT_FOUND, Kind.INVALID}:
        target = request.target_model
        advice = f"let target_model name an archive below the endpoint's prefix, or put {target} there; " * bool(target)
        return InvocationError(
            f"endpoint '{endpoint}' did not answer {request.file}: {error.message}",
            state="nothing was changed",
            remedy=f"{advice}see what serves: {context.again('status')}; deploy with: {context.again('deploy')}",
        )
    return error.explain(context.again)


def _demand_expected(context: Context, request: RequestSettings, answer: Answer) -> None:
    if request.expect is not None and not contains(answer.value, dict(request.expect)):
        raise InvocationError(
            f"the answer to {request.file} is not as expected: got {_shortened(answer)}, "
            f"expected it to contain {json.dumps(request.expect)}",
            state="the endpoint is in service with this model",
            remedy=f"mend the model or the expectation; go back with: {context.again('rollback')}",
        )


def contains(value: object, expected: object) -> bool:
    """Whether `expected` is a part of `value`: mappings by key, everything else by equality."""
    if isinstance(expected, dict):
        return isinstance(value, dict) and all(k in value and contains(value[k], v) for k, v in expected.items())
    return value == expected


def _shortened(answer: Answer) -> str:
    text = " ".join(answer.body.decode("utf-8", errors="replace").split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
