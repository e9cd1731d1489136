"""What the original cookiecutter template serves with: a Flask application that logs every step of a request."""

from __future__ import annotations

import json
import logging

from flask import Flask, Response, request
from models import load  # type: ignore[import-not-found]  # beside the servers' working directory

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("endpoint")
app = Flask(__name__)
model = load()


@app.get("/ping")
def ping() -> Response:
    """Alive."""
    return Response(status=200)


@app.post("/invocations")
def invocations() -> Response:
    """Predict, and tell the log all about it."""
    log.info("request received")
    if request.content_type != "application/json":
        return Response("only JSON", status=415)
    document = json.loads(request.get_data())
    log.info("payload: %s", document)
    if "instances" in document:
        answer = {"predictions": [float(value) for value in model.predict(document["instances"])]}
    else:
        answer = {"output": model.predict(**document)}
    log.info("prediction: %s", answer)
    text = json.dumps(answer)
    log.info("response sent")
    return Response(text, mimetype="application/json")
