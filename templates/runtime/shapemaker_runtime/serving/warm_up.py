"""One prediction before the server is ready: a model that cannot predict ends the container, not the first request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from shapemaker_runtime.errors import RequestError, SetupError
from shapemaker_runtime.serving.decode import decode
from shapemaker_runtime.serving.encode import encode
from shapemaker_runtime.serving.formats import JSON, Answer

if TYPE_CHECKING:
    from shapemaker_runtime.serving.binding import Binding


def warm_up(model: Any, binding: Binding) -> None:
    """Call the model's own `warm_up()`, or predict its `example`, one instance; nothing where it has neither.

    Raises:
        SetupError: the example is no request that the model takes. What the model raises passes.
    """
    if callable(getattr(model, "warm_up", None)):
        model.warm_up()
        return
    example = getattr(model, "example", None)
    if example is None:
        return
    is_one = binding.is_row_model and isinstance(example, dict)
    try:
        body = json.dumps(example if is_one else [example], allow_nan=False).encode()
        call = binding.bind(decode(JSON, body, 1))
    except (TypeError, ValueError, RequestError) as error:
        raise SetupError(f"Model.example is no instance that predict takes: {error}") from None
    answer = binding.run(call)
    if hasattr(answer.value, "__next__"):
        rows: Any = answer.value
        answer = Answer(answer.name, [next(rows, None)])
        getattr(rows, "close", lambda: None)()
    encode(answer, JSON)
