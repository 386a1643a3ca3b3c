"""
The exchanges of old credentials for Prometheus: the extra `devsess[prometheus]`.

    REGISTRY.register(ExchangeCollector())
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from devsess.django.exchange import counts


class ExchangeCollector(Collector):
    """Asks the project's database whenever it is scraped: the number is that of all processes."""

    def describe(self) -> Iterator[CounterMetricFamily]:
        """The number's name: what is registered while Django starts asks no database."""
        yield _family()

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The number, by kind."""
        family = _family()
        for kind, count in counts().items():
            family.add_metric([kind], count)
        yield family


def _family() -> CounterMetricFamily:
    text = "Credentials of other libraries that were exchanged for sessions."
    return CounterMetricFamily("devsess_exchanged", text, labels=["kind"])
