"""A production variant as it is deployed: everything its instances need, copied from configuration and model.

Models and endpoint configurations may be deleted while an endpoint serves, so an endpoint keeps its own copy.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

STARTUP_TIMEOUT = 480
SERVERLESS_STARTUP_TIMEOUT = 180
MULTI_MODEL = "MultiModel"


@dataclass(frozen=True, kw_only=True)
class ModelData:
    """Where the content of /opt/ml/model comes from."""

    uri: str
    is_prefix: bool = False
    compressed: bool = True
    is_shelf: bool = False
    """Whether it is a prefix with an archive for each model, of which requests name one."""

    @classmethod
    def of(cls, container: Mapping[str, Any]) -> ModelData | None:
        """From a container definition; None for an image that has its model inside."""
        if container.get("ModelDataUrl"):
            many = container.get("Mode") == MULTI_MODEL
            return cls(uri=container["ModelDataUrl"], is_prefix=many, is_shelf=many)
        if not container.get("ModelDataSource"):
            return None
        source = container["ModelDataSource"]["S3DataSource"]
        return cls(
            uri=source["S3Uri"],
            is_prefix=source["S3DataType"] == "S3Prefix",
            compressed=source["CompressionType"] == "Gzip",
        )


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One production variant of one generation of an endpoint. Times in seconds."""

    name: str
    image: str
    """As the model names it."""
    pinned: str
    """The same by digest; empty if there is no such image any more."""
    resolved_at: float
    environment: dict[str, str]
    model_data: ModelData | None
    count: int
    weight: float
    instance_type: str
    serverless: dict[str, Any] | None
    startup_timeout: int
    spread: bool
    """Whether requests go to the least busy instance; else they go to a random one."""

    @property
    def is_multi_model(self) -> bool:
        """Whether each request names the model that it is for."""
        return self.model_data is not None and self.model_data.is_shelf

    @classmethod
    def of(cls, config: Mapping[str, Any], container: Mapping[str, Any], pinned: str, now: float) -> Variant:
        """From an entry of ProductionVariants and the container of its model."""
        serverless = config.get("ServerlessConfig")
        routing = (config.get("RoutingConfig") or {}).get("RoutingStrategy", "LEAST_OUTSTANDING_REQUESTS")
        patience = SERVERLESS_STARTUP_TIMEOUT if serverless else STARTUP_TIMEOUT
        return cls(
            name=config["VariantName"],
            image=container["Image"],
            pinned=pinned,
            resolved_at=now,
            environment=dict(container.get("Environment") or {}),
            model_data=ModelData.of(container),
            count=1 if serverless else config["InitialInstanceCount"],
            weight=float(config.get("InitialVariantWeight", 1.0)),
            instance_type=config.get("InstanceType", ""),
            serverless=serverless,
            startup_timeout=config.get("ContainerStartupHealthCheckTimeoutInSeconds", patience),
            spread=routing == "LEAST_OUTSTANDING_REQUESTS",
        )

    @classmethod
    def load(cls, document: Mapping[str, Any]) -> Variant:
        """From what `dump` gave."""
        data = document["model_data"]
        return cls(**{**document, "model_data": ModelData(**data) if data else None})

    def scaled(self, *, count: int, weight: float) -> Variant:
        """The same in another size."""
        return replace(self, count=count, weight=weight)

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)
