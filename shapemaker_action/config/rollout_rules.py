"""How an endpoint is updated, and what it runs on: limits that stand in AWS's documentation, not in its models."""

from __future__ import annotations

import math

from shapemaker_action.config.node import find, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from shapemaker_action.config.node import KeyPath
    from shapemaker_action.config.project import Project
    from shapemaker_action.config.source import Source
    from shapemaker_action.diagnostics import Diagnostic

_SIZES = {"CANARY": ("CanarySize", 1), "LINEAR": ("LinearStepSize", 10)}
"""The field that a strategy needs, and the smallest percentage for it; the largest is the same for both."""

_LARGEST_PERCENTAGE = 50
_SHORTEST_TIMEOUT = 600
_MEMORY_STEP = 1024
_MOST_CONCURRENT = 200
_ROUTING = ("BlueGreenUpdatePolicy", "TrafficRoutingConfiguration")
_CONFIG: KeyPath = ("deploy", "api", "CreateEndpointConfig")
_SERVERLESS: KeyPath = (*_CONFIG, "ProductionVariants", 0, "ServerlessConfig")


def check(project: Project, source: Source) -> Iterator[Diagnostic]:
    """Update policies of both calls that take one, serverless settings, and the model's network."""
    for operation in ("CreateEndpoint", "UpdateEndpoint"):
        path: KeyPath = ("deploy", "api", operation, "DeploymentConfig")
        if source.is_written(*path):
            yield from _policy(path, project, source)
    yield from _serverless(source)
    subnets = _value(source, ("deploy", "api", "CreateModel", "VpcConfig", "Subnets"))
    if isinstance(subnets, list) and len(subnets) == 1:
        yield source.error(
            ("deploy", "api", "CreateModel", "VpcConfig", "Subnets"),
            "hosting needs at least two subnets, in different availability zones; got 1",
        )


def _value(source: Source, path: KeyPath) -> Any:
    node = find(source.document, path)
    return None if node is None else plain(node)


def _text(source: Source, path: KeyPath) -> str:
    value = _value(source, path)
    return value if isinstance(value, str) else ""


def _number(source: Source, path: KeyPath) -> int:
    value = _value(source, path)
    return value if isinstance(value, int) else 0


def _policy(path: KeyPath, project: Project, source: Source) -> Iterator[Diagnostic]:
    has_blue_green = source.is_written(*path, "BlueGreenUpdatePolicy")
    has_rolling = source.is_written(*path, "RollingUpdatePolicy")
    if has_blue_green and has_rolling:
        yield source.key_error(
            (*path, "RollingUpdatePolicy"),
            "an update is either rolling or blue/green",
            "remove one of the two policies",
        )
    strategy = _text(source, (*path, *_ROUTING, "Type"))
    if source.is_written(*_SERVERLESS):
        yield source.key_error(path, "a serverless endpoint takes no update policy", "AWS would switch all at once")
    elif project.deploy.instance.startswith("ml.inf1."):
        yield source.key_error(
            path,
            "AWS ignores update policies on ml.inf1 instances and switches all at once",
            "use another instance type",
        )
    yield from _routing(path, strategy, project, source)
    yield from _alarms(path, strategy, has_rolling=has_rolling, source=source)
    yield from _timeout(path, source)


def _routing(path: KeyPath, strategy: str, project: Project, source: Source) -> Iterator[Diagnostic]:
    routing = (*path, *_ROUTING)
    for name, (field, smallest) in _SIZES.items():
        if strategy == name:
            yield from _size((*routing, field), smallest, project, source)
        elif source.is_written(*routing, field):
            yield source.key_error((*routing, field), f"is for the type {name} only; the type is {strategy}")
    rolling = (*path, "RollingUpdatePolicy")
    if source.is_written(*rolling):
        yield from _size((*rolling, "MaximumBatchSize"), 5, project, source)


def _size(path: KeyPath, smallest: int, project: Project, source: Source) -> Iterator[Diagnostic]:
    """A share of the fleet: at most half of it, and at least an instance."""
    if not source.is_written(*path):
        yield source.key_error(path, "is missing", f"for example {path[-1]}: {{Type: CAPACITY_PERCENT, Value: 50}}")
        return
    count = project.deploy.instance_count
    if count == 1 and source.is_sound("deploy", "instance_count"):
        yield source.key_error(
            path,
            "half of one instance is none: a fleet of one cannot be shifted in parts",
            "write deploy.instance_count: 2 or more, or the type ALL_AT_ONCE",
        )
        return
    value = _number(source, (*path, "Value"))
    share = value if _text(source, (*path, "Type")) == "CAPACITY_PERCENT" else 100 * value / count
    if value > 0 and not smallest <= share <= _LARGEST_PERCENTAGE:
        got = f"{value} %" if share == value else f"{value} of {count} instances"
        yield source.error((*path, "Value"), f"expected {smallest} to {_LARGEST_PERCENTAGE} % of the fleet; got {got}")


def _alarms(path: KeyPath, strategy: str, *, has_rolling: bool, source: Source) -> Iterator[Diagnostic]:
    alarms = (*path, "AutoRollbackConfiguration", "Alarms")
    if (strategy in _SIZES or has_rolling) and not source.is_written(*alarms):
        yield source.key_error(
            alarms,
            "a gradual update without alarms would only be slower: nothing can stop it",
            "for example AutoRollbackConfiguration: {Alarms: [{AlarmName: salary-errors}]}",
        )


def _timeout(path: KeyPath, source: Source) -> Iterator[Diagnostic]:
    limit_path = (*path, "BlueGreenUpdatePolicy", "MaximumExecutionTimeoutInSeconds")
    limit = _number(source, limit_path)
    wait = _number(source, (*path, *_ROUTING, "WaitIntervalInSeconds")) * _waits(path, source)
    termination = _number(source, (*path, "BlueGreenUpdatePolicy", "TerminationWaitInSeconds"))
    if limit >= _SHORTEST_TIMEOUT and limit <= wait + termination:
        yield source.error(
            limit_path,
            f"expected more than all waiting together, {wait} + {termination} = {wait + termination} s; got {limit}",
            "AWS rolls back when the time is up",
        )


def _waits(path: KeyPath, source: Source) -> int:
    """How often the wait interval passes: once, or after every linear step."""
    step = (*path, *_ROUTING, "LinearStepSize")
    share = _number(source, (*step, "Value"))
    if share > 0 and _text(source, (*step, "Type")) == "CAPACITY_PERCENT":
        return math.ceil(100 / share)
    return 1


def _serverless(source: Source) -> Iterator[Diagnostic]:
    memory = _number(source, (*_SERVERLESS, "MemorySizeInMB"))
    if memory % _MEMORY_STEP:
        yield source.error((*_SERVERLESS, "MemorySizeInMB"), f"expected a multiple of 1024, up to 6144; got {memory}")
    provisioned = _number(source, (*_SERVERLESS, "ProvisionedConcurrency"))
    most = _number(source, (*_SERVERLESS, "MaxConcurrency"))
    if most and most < provisioned <= _MOST_CONCURRENT:
        yield source.error(
            (*_SERVERLESS, "ProvisionedConcurrency"), f"expected at most MaxConcurrency, {most}; got {provisioned}"
        )
