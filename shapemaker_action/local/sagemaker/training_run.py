"""A training job at work: from the image to the artifacts, and on from where a killed server left it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.containers.engine import ContainerSpec
from shapemaker_action.local.sagemaker import channel, failure, metrics, training_output, transitions
from shapemaker_action.local.sagemaker.checkpoints import Checkpoints
from shapemaker_action.local.sagemaker.job import LOG_END, JobRun
from shapemaker_action.local.sagemaker.objects import TransferError, fetch
from shapemaker_action.local.sagemaker.pipe import Pipe
from shapemaker_action.local.sagemaker.training_spec import TrainingSpec
from shapemaker_action.local.sagemaker.tree import HostTree

if TYPE_CHECKING:
    from shapemaker_action.local.sagemaker.hosts import Exit, Hosts
    from shapemaker_action.local.sagemaker.service import Service
    from shapemaker_action.local.sagemaker.store import Record

LOG_GROUP = "/aws/sagemaker/TrainingJobs"


class TrainingRun(JobRun):
    """See `JobRun`."""

    def __init__(self, sagemaker: Service, record: Record) -> None:
        self._spec = TrainingSpec.of(record.request)
        super().__init__(sagemaker, record, self._spec.hosts, isolated=self._spec.isolated)
        self._syncs: dict[str, Checkpoints] = {}
        self._pipes: list[Pipe] = []
        self._collector = metrics.Collector(
            self._world.client("cloudwatch", record.region),
            self._world.clock,
            record.name,
            metrics.Patterns(self._spec.metric_definitions),
        )

    def _retry(self) -> bool:
        """As often as the job's RetryStrategy allows."""
        attempt = self._record.state.get("attempt", 1)
        if attempt >= self._spec.attempts or self._stopping.is_set():
            return False

        for pipe in self._pipes:
            pipe.close()

        def back(record: Record) -> None:
            record.state["attempt"] = attempt + 1
            del record.state["started"]
            transitions.enter(record, "Starting", self._service.now())

        self._change(back)
        return True

    def _find(self) -> Hosts | None:
        found = super()._find()
        if found and any(each.mode == "Pipe" for each in self._spec.channels):
            # Their reader saw the end of the data when the earlier server died: what it makes of that is worthless.
            found.remove()
            return None
        return found

    def _fill(self, number: int, host: str) -> None:
        if (self._spec.channels or self._spec.checkpoints) and not self._stopping.is_set():
            self._enter("Downloading")
        tree = self._tree(host)
        tree.write(self._spec, host)
        for each in self._spec.channels:
            if self._stopping.is_set():
                return
            if each.mode == "FastFile":
                channel.require_folder(self._world, self._record.region, each.source)
            found = channel.items(
                self._world, self._record.region, each.source, host=number, hosts=len(self._spec.hosts)
            )
            if each.mode == "Pipe":
                pipe = Pipe(self._world.client("s3", self._record.region), tree.channel(each.name), found)
                pipe.start()
                self._pipes.append(pipe)
            else:
                fetch(self._world, self._record.region, found, tree.channel(each.name))
        if checkpoints := self._checkpoints(host):
            checkpoints.restore()
            self._syncs[host] = checkpoints

    def _container(self, host: str) -> ContainerSpec:
        record = self._record
        return ContainerSpec(
            image=record.state["image"],
            name=f"shapemaker-{record.state['token']}-{host}",
            entrypoint=self._spec.entrypoint,
            command=self._spec.command,
            environment={
                "AWS_REGION": record.region,
                **self._spec.environment,
                "TRAINING_JOB_NAME": record.name,
                "TRAINING_JOB_ARN": record.arn,
            },
            mounts=self._tree(host).mounts(self._spec),
            network=self._network,
            hostname=host,
            labels=self._labels(host),
        )

    def _begin(self, record: Record) -> None:
        now = self._service.now()
        record.state["started"] = now
        record.state["streams"] = self._streams(now)
        if record.status != "Stopping":
            transitions.enter(record, "Training", now)

    def _attend(self, hosts: Hosts, *, again: bool) -> list[Exit]:
        followers = self._follow(hosts, LOG_GROUP, self._collector.see, again=again)
        for host, container in hosts.containers.items():
            # Without a memory of what was there, as after a restart, everything is copied out once more.
            if sync := self._syncs.get(host) or self._checkpoints(host):
                self._syncs[host] = sync
                sync.start(container)
        exits = self._wait(hosts, self._spec.max_runtime, self._overrun)
        for follower in followers:
            follower.join(LOG_END)
        self._collector.flush()
        return exits

    def _overrun(self, record: Record) -> None:
        record.state["status"] = "Stopping"
        record.state["cause"] = "MaxRuntimeExceeded"
        transitions.enter(record, "Stopping", self._service.now())

    def _settle(self, hosts: Hosts, exits: list[Exit]) -> str:
        failed = next((each for each in exits if each.code), None)
        final = self._collector.final()
        stopped = self._change(lambda record: record.state.update(metrics=final)).status == "Stopping"
        output = training_output.Output(self._world, self._record.region, self._spec, self._workdir)
        output.collect(hosts)
        try:
            for sync in self._syncs.values():
                sync.finish()
            if failed and not stopped:
                output.put_data()
                return failure.of_exit(failed, output.failure_file(failed.host))
            self._enter("Uploading")
            output.put_model()
            output.put_data()
        except TransferError as error:
            return f"ClientError: Artifact upload failed:{error}"
        self._end("Stopped" if stopped else "Completed")
        return ""

    def _end(self, status: str, reason: str = "") -> None:
        for pipe in self._pipes:
            pipe.close()
        now = self._service.now()

        def end(record: Record) -> None:
            secondary = record.state.get("cause", status) if status == "Stopped" else status
            transitions.end(record, status, secondary, now, reason)

        self._change(end)

    def _enter(self, secondary: str) -> None:
        def enter(record: Record) -> None:
            # Of what follows a request to stop, only the upload is news.
            if record.status != "Stopping" or secondary == "Uploading":
                transitions.enter(record, secondary, self._service.now())

        self._change(enter)

    def _tree(self, host: str) -> HostTree:
        return HostTree(self._workdir / host)

    def _checkpoints(self, host: str) -> Checkpoints | None:
        if self._spec.checkpoints is None:
            return None
        tree = self._tree(host)
        mounted = tree.mounted(tree.checkpoints, self._spec.checkpoint_path)
        return Checkpoints(self._world, self._record.region, mounted, self._spec.checkpoints)
