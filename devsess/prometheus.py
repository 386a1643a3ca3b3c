"""
A manager's metrics for Prometheus: the extra `devsess[prometheus]`.

    REGISTRY.register(SessionCollector(sessions))
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from devsess.async_manager import AsyncSessionManager
from devsess.manager import SessionManager

Family: TypeAlias = CounterMetricFamily | GaugeMetricFamily

_COUNTERS = {
    "hits": "Validations answered from memory.",
    "misses": "Validations that asked the store for their row.",
    "catch_ups": "How often the change log was read.",
    "evictions": "Sessions dropped from memory to make room.",
}
_GAUGES = {
    "entries": "Access tokens in memory.",
    "feed_lag": "Seconds for which a change may not have been heard of.",
}


class SessionCollector(Collector):
    """
    Asks a manager whenever it is scraped.

    Args:
        manager: Its metrics are shown; see `devsess.Metrics`.
    """

    def __init__(self, manager: SessionManager | AsyncSessionManager) -> None:
        self._manager = manager

    def collect(self) -> Iterator[Family]:
        """Every number there is, as of now."""
        found = self._manager._core.metrics()
        for name, told in _COUNTERS.items():
            yield CounterMetricFamily(f"devsess_{name}", told, value=getattr(found, name))
        for name, told in _GAUGES.items():
            yield GaugeMetricFamily(f"devsess_{name}", told, value=getattr(found, name))
        mark = GaugeMetricFamily("devsess_mark", "The mark in use.", labels=["mark"])
        mark.add_metric([found.mark], 1)
        yield mark
        calls = CounterMetricFamily("devsess_calls", "Store calls.", labels=["call"])
        seconds = CounterMetricFamily("devsess_call_seconds", "Their time.", labels=["call"])
        for name, each in found.calls.items():
            calls.add_metric([name], each.count)
            seconds.add_metric([name], each.seconds)
        yield from (calls, seconds)
