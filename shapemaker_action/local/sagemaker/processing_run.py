"""A processing job at work: inputs in, one container per host, outputs out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shapemaker_action.containers.engine import ContainerSpec, Mount
from shapemaker_action.local.sagemaker import channel, failure, harvest, objects
from shapemaker_action.local.sagemaker.job import LOG_END, JobRun
from shapemaker_action.local.sagemaker.objects import TransferError
from shapemaker_action.local.sagemaker.processing_spec import ProcessingSpec

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.local.sagemaker.hosts import Exit, Hosts
    from shapemaker_action.local.sagemaker.service import Service
    from shapemaker_action.local.sagemaker.store import Record

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
CONFIG = "/opt/ml/config"
OUTPUT = "/opt/ml/output"
MESSAGE_LIMIT = 1024


class ProcessingRun(JobRun):
    """See `JobRun`."""

    def __init__(self, sagemaker: Service, record: Record) -> None:
        self._spec = ProcessingSpec.of(record.request)
        super().__init__(sagemaker, record, self._spec.hosts, isolated=self._spec.isolated)

    def _fill(self, number: int, host: str) -> None:
        for mount in self._mounts(host):
            mount.source.mkdir(parents=True, exist_ok=True)
        config = self._directory(host, "config")
        job = {"ProcessingJobArn": self._record.arn, **self._record.request}
        job.pop("Tags", None)
        (config / "processingjobconfig.json").write_text(json.dumps(job), encoding="utf-8")
        cluster = {"current_host": host, "hosts": list(self._spec.hosts), "network_interface_name": "eth0"}
        (config / "resourceconfig.json").write_text(json.dumps(cluster), encoding="utf-8")
        for index, each in enumerate(self._spec.inputs):
            if self._stopping.is_set():
                return
            found = channel.items(
                self._world, self._record.region, each.source, host=number, hosts=len(self._spec.hosts)
            )
            objects.fetch(self._world, self._record.region, found, self._directory(host, f"input-{index}"))

    def _container(self, host: str) -> ContainerSpec:
        record = self._record
        return ContainerSpec(
            image=record.state["image"],
            name=f"shapemaker-{record.state['token']}-{host}",
            entrypoint=self._spec.entrypoint,
            command=self._spec.arguments,
            environment={"AWS_REGION": record.region, **self._spec.environment},
            mounts=self._mounts(host),
            network=self._network,
            hostname=host,
            labels=self._labels(host),
        )

    def _mounts(self, host: str) -> tuple[Mount, ...]:
        return (
            Mount(source=self._directory(host, "config"), target=CONFIG),
            Mount(source=self._directory(host, "message"), target=OUTPUT),
            *(
                Mount(source=self._directory(host, f"input-{index}"), target=each.path)
                for index, each in enumerate(self._spec.inputs)
            ),
            *(
                Mount(source=self._directory(host, f"output-{index}"), target=each.path)
                for index, each in enumerate(self._spec.outputs)
            ),
        )

    def _begin(self, record: Record) -> None:
        now = self._service.now()
        record.state["started"] = now
        record.state["streams"] = self._streams(now)

    def _attend(self, hosts: Hosts, *, again: bool) -> list[Exit]:
        followers = self._follow(hosts, LOG_GROUP, lambda *_: None, again=again)
        exits = self._wait(hosts, self._spec.max_runtime, lambda record: record.state.update(status="Stopping"))
        for follower in followers:
            follower.join(LOG_END)
        return exits

    def _settle(self, hosts: Hosts, exits: list[Exit]) -> str:
        failed = next((each for each in exits if each.code), None)
        first = failed.host if failed else self._spec.hosts[0]
        note = self._collect(hosts, first, "message", OUTPUT) / "message"
        if not self._keep_message(note):
            return f"ClientError: {OUTPUT}/message is not text in UTF-8."
        stopped = self._change(lambda _: None).status == "Stopping"
        if failed and not stopped:
            return failure.of_exit(failed, note)
        try:
            for index, each in enumerate(self._spec.outputs):
                for host in self._spec.hosts:
                    found = self._collect(hosts, host, f"output-{index}", each.path)
                    objects.put_tree(self._world.client("s3", self._record.region), found, each.target)
        except TransferError as error:
            return f"ClientError: Failed to upload output {error}"
        self._end("Stopped" if stopped else "Completed")
        return ""

    def _keep_message(self, file: Path) -> bool:
        """Take the ExitMessage over; False if it isn't text."""
        if not file.is_file():
            return True
        with file.open("rb") as source:
            raw = source.read(4 * MESSAGE_LIMIT + 4)
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            if error.end != len(raw) or len(raw) <= 4 * MESSAGE_LIMIT:
                return False
            # A long message cut in the middle of a character.
            text = raw[: error.start].decode()
        self._change(lambda record: record.state.update(message=text[:MESSAGE_LIMIT]))
        return True

    def _end(self, status: str, reason: str = "") -> None:
        def end(record: Record) -> None:
            record.state["status"] = status
            record.state["ended"] = self._service.now()
            if reason:
                record.state["failure"] = reason[: failure.LIMIT]

        self._change(end)

    def _collect(self, hosts: Hosts, host: str, name: str, path: str) -> Path:
        spare = self._workdir / "copies" / host / name
        mounted = harvest.Mounted(source=self._directory(host, name), path=path, spare=spare)
        return harvest.collect(hosts.containers[host], mounted)

    def _directory(self, host: str, name: str) -> Path:
        return self._workdir / host / name
