"""Which instance gets a request: shares between fleets, weights between variants, then the least busy instance."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shapemaker_action.local.sagemaker.fleet import Fleet
    from shapemaker_action.local.sagemaker.instance import Instance
    from shapemaker_action.local.sagemaker.variant import Variant


class NoSuchVariantError(LookupError):
    """The target variant is not one of the endpoint's."""


class NoInstanceError(LookupError):
    """No instance is able to answer at the moment."""


@dataclass(frozen=True)
class Share:
    """A fleet and its part of the traffic, 0 to 1."""

    fleet: Fleet
    part: float


class Router:
    """The traffic of one endpoint. A change of shares is seen by all requests at once; those under way go on."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._shares: tuple[Share, ...] = ()
        self._credit: dict[tuple[str, str], float] = {}

    @property
    def fleets(self) -> tuple[Fleet, ...]:
        """Those that have a share."""
        return tuple(share.fleet for share in self._shares)

    def route(self, *shares: Share) -> None:
        """From now on requests are shared out like this."""
        with self._condition:
            self._shares = tuple(share for share in shares if share.part > 0)
            self._credit.clear()

    def acquire(self, target_variant: str = "", avoid: Iterable[str] = ()) -> Instance:
        """An instance for one request, to be given back with `release`. `avoid` lists ids that have just failed."""
        with self._condition:
            choices = [
                (share.fleet, variant, share.part * weight)
                for share in self._shares
                for variant, weight in share.fleet.weights()
                if not target_variant or variant.name == target_variant
            ]
            if target_variant and not choices:
                raise NoSuchVariantError(target_variant)
            able = [choice for choice in choices if choice[0].able(choice[1], avoid)]
            if not able:
                raise NoInstanceError
            fleet, variant = self._next(able, by_weight=not target_variant)
            instance = _choose(variant, fleet.able(variant, avoid))
            instance.in_flight += 1
            return instance

    def release(self, instance: Instance) -> None:
        """The request is done."""
        with self._condition:
            instance.in_flight -= 1
            self._condition.notify_all()

    def drain(self, instances: Sequence[Instance], patience: float) -> None:
        """Wait until instances that get no new requests have answered their last; at most `patience` seconds."""
        with self._condition:
            self._condition.wait_for(lambda: not any(each.in_flight for each in instances), patience)

    def _next(self, choices: Sequence[tuple[Fleet, Variant, float]], *, by_weight: bool) -> tuple[Fleet, Variant]:
        """Smooth weighted round robin: weights of 1 and 3 give one request in four, not one in four on average."""
        total = sum(weight for _, _, weight in choices)
        even = total == 0 or not by_weight
        best = choices[0]
        for choice in choices:
            key = (choice[0].generation, choice[1].name)
            self._credit[key] = self._credit.get(key, 0.0) + (1.0 if even else choice[2])
            if self._credit[key] > self._credit.get((best[0].generation, best[1].name), 0.0):
                best = choice
        self._credit[best[0].generation, best[1].name] -= len(choices) if even else total
        return best[0], best[1]


def _choose(variant: Variant, instances: Sequence[Instance]) -> Instance:
    if not variant.spread:
        return random.choice(instances)  # noqa: S311 - no secret depends on it
    least = min(each.in_flight for each in instances)
    return random.choice([each for each in instances if each.in_flight == least])  # noqa: S311 - the same
