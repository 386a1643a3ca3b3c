"""
Managers' metrics for Prometheus: the extra `devsess[prometheus]`.

    REGISTRY.register(SessionCollector(sessions))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from devsess.async_manager import AsyncSessionManager
from devsess.manager import SessionManager
from devsess.metrics import Metrics

Manager: TypeAlias = SessionManager | AsyncSessionManager
Family: TypeAlias = CounterMetricFamily | GaugeMetricFamily

_COUNTERS = {
    "hits": "Validations answered from memory.",
    "misses": "Validations that asked the store for their row.",
    "catch_ups": "How often the change log was read.",
    "evictions": "Sessions dropped from memory to make room.",
    "waits": "Endings that found a process which had still to hear.",
    "waits_in_vain": "Endings that waited until a process's lease was over.",
    "expelled": "Dead processes taken off the store's register.",
}
_GAUGES = {
    "entries": "Access tokens in memory.",
    "feed_lag": "Seconds for which a change may have been missed.",
}


class SessionCollector(Collector):
    """
    Asks its managers whenever it is scraped.

    Args:
        managers: One, or several by name. A registry takes one collector, so that of
            several gives each number a label `manager`. `devsess.Metrics` explains them.
    """

    def __init__(self, managers: Manager | Mapping[str, Manager]) -> None:
        self._managers = managers

    def collect(self) -> Iterator[Family]:
        """Every number there is, as of now."""
        labels, found = self._asked()
        for names, kind in ((_COUNTERS, CounterMetricFamily), (_GAUGES, GaugeMetricFamily)):
            for name, text in names.items():
                family = kind(f"devsess_{name}", text, labels=labels)
                for values, metrics in found:
                    family.add_metric(values, getattr(metrics, name))
                yield family
        mark = GaugeMetricFamily("devsess_mark", "The mark in use.", labels=[*labels, "mark"])
        way = GaugeMetricFamily("devsess_way", "How memory stays current.", labels=[*labels, "way"])
        lease = GaugeMetricFamily("devsess_lease", "The lease's state.", labels=[*labels, "lease"])
        calls = CounterMetricFamily("devsess_calls", "Store calls.", labels=[*labels, "call"])
        seconds = CounterMetricFamily(
            "devsess_call_seconds", "Their time.", labels=[*labels, "call"]
        )
        for values, metrics in found:
            mark.add_metric([*values, metrics.mark], 1)
            way.add_metric([*values, metrics.way], 1)
            lease.add_metric([*values, metrics.lease], 1)
            for name, each in metrics.calls.items():
                calls.add_metric([*values, name], each.count)
                seconds.add_metric([*values, name], each.seconds)
        yield from (mark, way, lease, calls, seconds)

    def _asked(self) -> tuple[list[str], list[tuple[list[str], Metrics]]]:
        """The labels, and each manager's metrics with its values of them."""
        if not isinstance(self._managers, Mapping):
            return [], [([], self._managers.core.metrics())]
        found = [([name], manager.core.metrics()) for name, manager in self._managers.items()]
        return ["manager"], found
