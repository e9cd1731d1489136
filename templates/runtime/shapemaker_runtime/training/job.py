"""The job that SageMaker describes under /opt/ml/input/config, and its two readings: SM_* variables and arguments."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_runtime.annotation import UnfitError, UnsupportedError, from_text
from shapemaker_runtime.errors import SetupError
from shapemaker_runtime.program import did_you_mean, read_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shapemaker_runtime.signature import Parameter, Signature
    from shapemaker_runtime.tree import Tree

_OURS = ("_tuning_objective_metric",)
_PLATFORM_PREFIX = "sagemaker_"


@dataclass(frozen=True)
class Job:
    """A training job as this host sees it."""

    hyperparameters: dict[str, str]
    """Without those that SageMaker and its SDK add for themselves."""
    channels: dict[str, Path]
    hosts: tuple[str, ...]
    current_host: str
    instance_type: str
    network_interface: str

    @property
    def rank(self) -> int:
        """This host's place among the hosts; 0 saves the model."""
        return self.hosts.index(self.current_host)


def read(tree: Tree) -> Job:
    """Read the three files; any of them may be absent."""
    resources = read_object(tree.config / "resourceconfig.json")
    hosts = tuple(str(host) for host in resources.get("hosts") or ["algo-1"])
    current = str(resources.get("current_host") or hosts[0])
    if current not in hosts:
        raise SetupError(f"resourceconfig.json: current_host {current} is not among the hosts {', '.join(hosts)}")
    return Job(
        hyperparameters=_hyperparameters(read_object(tree.config / "hyperparameters.json")),
        channels=_channels(tree),
        hosts=hosts,
        current_host=current,
        instance_type=str(resources.get("current_instance_type") or ""),
        network_interface=str(resources.get("network_interface_name") or ""),
    )


def _hyperparameters(document: dict[str, object]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in document.items()
        if name not in _OURS and not name.startswith(_PLATFORM_PREFIX)
    }


def _channels(tree: Tree) -> dict[str, Path]:
    listed = read_object(tree.config / "inputdataconfig.json")
    names = listed or (_directories(tree.data) if tree.data.is_dir() else [])
    return {name: tree.data / name for name in names}


def _directories(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.is_dir())


def environment(job: Job, tree: Tree) -> dict[str, str]:
    """The SM_* variables of SageMaker's own training images, for code that was written for those."""
    return {
        "SM_MODEL_DIR": str(tree.model),
        "SM_INPUT_DIR": str(tree.base / "input"),
        "SM_INPUT_CONFIG_DIR": str(tree.config),
        "SM_OUTPUT_DIR": str(tree.base / "output"),
        "SM_OUTPUT_DATA_DIR": str(tree.output),
        "SM_OUTPUT_INTERMEDIATE_DIR": str(tree.base / "output" / "intermediate"),
        "SM_CHECKPOINT_DIR": str(tree.checkpoints),
        "SM_HPS": json.dumps(job.hyperparameters),
        "SM_USER_ARGS": json.dumps(arguments(job)),
        "SM_HOSTS": json.dumps(job.hosts),
        "SM_CURRENT_HOST": job.current_host,
        "SM_NUM_HOSTS": str(len(job.hosts)),
        "SM_HOST_RANK": str(job.rank),
        "SM_CURRENT_INSTANCE_TYPE": job.instance_type,
        "SM_NETWORK_INTERFACE_NAME": job.network_interface,
        "SM_NUM_CPUS": str(len(os.sched_getaffinity(0))),
        "SM_NUM_GPUS": str(_gpus()),
        **{f"SM_HP_{_variable(name)}": value for name, value in job.hyperparameters.items()},
        **channel_environment(job.channels),
    }


def channel_environment(channels: Mapping[str, Path]) -> dict[str, str]:
    """SM_CHANNELS, and one SM_CHANNEL_* for each."""
    return {
        "SM_CHANNELS": json.dumps(sorted(channels)),
        **{f"SM_CHANNEL_{_variable(name)}": str(path) for name, path in channels.items()},
    }


def _variable(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name).upper()


def _gpus() -> int:
    return sum(1 for _ in Path("/dev").glob("nvidia[0-9]*"))


def arguments(job: Job) -> list[str]:
    """The hyperparameters as `--name value`, for the user's own training script."""
    return [part for name, value in job.hyperparameters.items() for part in (f"--{name}", value)]


def bind_hyperparameters(given: Mapping[str, str], signature: Signature) -> dict[str, object]:
    """Values by parameter name, typed as annotated; `SetupError` names everything that is unknown, unfit or missing."""
    parameters = {name: signature.parameters[name] for name in signature.names(paths=False)}
    bound: dict[str, object] = {}
    problems: list[str] = []
    for name, text in given.items():
        parameter = parameters.get(name.replace("-", "_"))
        if parameter is None:
            if signature.takes_any:
                bound[name] = text
            else:
                problems.append(f"hyperparameter {name} is unknown{did_you_mean(name, list(parameters))}")
            continue
        try:
            bound[parameter.name] = _value(parameter, text)
        except UnfitError as error:
            problems.append(f"hyperparameter {name}: expected {error}, got {text[:80]!r}")
    problems += [f"hyperparameter {name} is missing" for name in _missing(parameters.values(), bound)]
    _refuse(problems, takes=list(parameters), what="hyperparameters")
    return bound


def _value(parameter: Parameter, text: str) -> object:
    try:
        return from_text(parameter.annotation, text)
    except UnsupportedError as error:
        raise SetupError(
            f"parameter {parameter.name}: no hyperparameter can be made into {error}; "
            "annotate it as int, float, bool, str, list, dict, Optional, Literal or an enum"
        ) from None


def bind_channels(given: Mapping[str, Path], signature: Signature, reserved: Mapping[str, Path]) -> dict[str, Path]:
    """Directories by parameter name; `reserved` ones are made as they are asked for."""
    parameters = {name: signature.parameters[name] for name in signature.names(paths=True)}
    channels = [name for name in parameters if name not in reserved]
    bound = {name: path for name, path in given.items() if name in channels or signature.takes_any}
    problems = [
        _untaken(name, signature, channels, reserved) for name in given if name not in bound or name in reserved
    ]
    for name in set(parameters) & set(reserved):
        reserved[name].mkdir(parents=True, exist_ok=True)
        bound[name] = reserved[name]
    problems += [f"channel {name} is missing" for name in _missing(parameters.values(), bound)]
    _refuse(problems, takes=channels, what="channels")
    return bound


def _untaken(name: str, signature: Signature, channels: list[str], reserved: Mapping[str, Path]) -> str:
    if name in reserved:
        return f"channel {name}: the name is reserved"
    if name in signature.parameters:
        return f"channel {name}: annotate that parameter as pathlib.Path"
    return f"channel {name} is not taken{did_you_mean(name, channels)}"


def _missing(parameters: Iterable[Parameter], bound: Mapping[str, object]) -> list[str]:
    return [each.name for each in parameters if each.is_required and each.name not in bound]


def _refuse(problems: list[str], *, takes: list[str], what: str) -> None:
    if problems:
        raise SetupError(f"{'; '.join(problems)}. The {what} that the model takes: {', '.join(takes) or 'none'}")
