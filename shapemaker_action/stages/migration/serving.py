"""The requests for model and endpoint configuration, and the sample request, as `serve`, `deploy` and `invoke`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.config.complete import content_type
from shapemaker_action.stages.migration.training import environment, role

if TYPE_CHECKING:
    from shapemaker_action.diagnostics import Position
    from shapemaker_action.naming import Json
    from shapemaker_action.stages.migration.documents import Document
    from shapemaker_action.stages.migration.sheet import Sheet

_VARIANT = {
    "VariantName": "variant",
    "InstanceType": "instance",
    "InitialInstanceCount": "instance_count",
    "ContainerStartupHealthCheckTimeoutInSeconds": "startup_timeout",
}
_SERVER = {"MODEL_SERVER_WORKERS": "workers", "MODEL_SERVER_TIMEOUT": "timeout"}
"""Variables by which the template's `serve` was set up."""


def read_model(model: Document, sheet: Sheet) -> None:
    """Everything of CreateModel."""
    role(model, "ExecutionRoleArn", sheet)
    model.drop("ModelName")
    container = "PrimaryContainer"
    if not model.drop(container, "Image").endswith(".endpoint"):
        place = model.place(container, "Image")
        sheet.leave(place, "an endpoint image that this project does not build", "shapemaker builds one; see build")
    data = model.drop(container, "ModelDataUrl")
    if data not in ("", "${MODEL_DATA}", "$MODEL_DATA"):
        place = model.place(container, "ModelDataUrl")
        sheet.leave(place, "fixed model data", "deploy them with --model-data s3://…")
    environment(model, (container, "Environment"), "serve", sheet)
    for variable, key in _SERVER.items():
        _server_setting(variable, key, sheet)
    if model.take("Containers") is not None:
        sheet.leave(model.place("Containers"), "an inference pipeline", "shapemaker serves one container")
    for key, value, place in model.rest():
        sheet.carry(("deploy", "api", "CreateModel", key), value, place)


def _server_setting(variable: str, key: str, sheet: Sheet) -> None:
    found = sheet.settings.pop(("serve", "environment", variable), None)
    if found and str(found.value).isdecimal():
        sheet.carry(("serve", key), int(str(found.value)), found.origin)
    elif found:
        sheet.reject(found.origin, f"expected a whole number for {variable}")


def read_endpoint_config(config: Document, sheet: Sheet) -> None:
    """Everything of CreateEndpointConfig."""
    config.drop("EndpointConfigName")
    count = config.count("ProductionVariants")
    if not count:
        sheet.reject(config.place("ProductionVariants"), "expected ProductionVariants with one variant")
        return
    base = ("ProductionVariants", 0)
    config.drop(*base, "ModelName")
    config.drop(*base, "InitialVariantWeight")
    for name, key in _VARIANT.items():
        if (value := config.take(*base, name)) is not None:
            sheet.carry(("deploy", key), value, config.place(*base, name))
    for index in range(1, count):
        place = config.place("ProductionVariants", index)
        sheet.leave(place, "a second production variant", "shapemaker deploys one")
        config.drop("ProductionVariants", index)
    for key, value, place in config.rest():
        sheet.carry(("deploy", "api", "CreateEndpointConfig", key), value, place)


def read_request(path: str, place: Position, sheet: Sheet) -> None:
    """The body that the template's invoke_endpoint sent, as JSON whatever the file is called."""
    entry: Json = (
        path if content_type(path) == "application/json" else {"file": path, "content_type": "application/json"}
    )
    sheet.carry(("invoke", "requests"), [entry], place)
