"""`devsess tune`: the max_staleness that suits the store's traffic, found by replaying it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from random import Random
from typing import TYPE_CHECKING

import click
from attrs import asdict

from devsess.cli import _output as output
from devsess.cli._store import Finite, check_ready, cleaning_up, store_option
from devsess.cli._table import Column
from devsess.tokens.keys import Keys, generate_secret

if TYPE_CHECKING:
    from devsess.tuning.recommend import Candidate, Recommendation
    from devsess.tuning.replay import Outcome
    from devsess.tuning.traffic import Traffic

NOT_MET = 1
# Requests enough for a hundredth of them to be many.
RPS, SESSIONS, REQUESTS = 50.0, 1000, 20_000
MOST_SESSIONS, MOST_REQUESTS = 100_000, 1_000_000
# Simulated traffic is the same each time, so that two runs can be compared.
SEED = 1
BAR = 20
COLUMNS = (
    *(Column(name) for name in ("stale", "mean µs", "p99 µs", "hits")),
    *(Column("log/s", rank=2), Column("in force", rank=1), Column(""), Column("", rank=3)),
)


@click.command()
@store_option
@click.option(
    "--traffic",
    "file",
    type=click.File("r", encoding="utf-8"),
    help='JSON lines: {"at": seconds, "session": "any id", "event": "validate" or "revoke"}.',
)
@click.option(
    "--rps",
    type=Finite(min=1, max=1e6),
    help=f"Simulated requests a second; {RPS:.0f} if left out.",
)
@click.option(
    "--sessions",
    type=click.IntRange(1, MOST_SESSIONS),
    help=f"Sessions they come from; {SESSIONS} if left out.",
)
@click.option(
    "--requests",
    type=click.IntRange(1, MOST_REQUESTS),
    help=f"How many; {REQUESTS} if left out.",
)
@click.option(
    "--max-staleness",
    type=Finite(min=0),
    required=True,
    help="Seconds until a revocation by another process must be in force, at most.",
)
@click.option(
    "--p99",
    type=Finite(min=0, min_open=True),
    required=True,
    help="Microseconds that 99 of 100 validations should stay below.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def tune(
    store: str,
    file: Iterable[str] | None,
    rps: float | None,
    sessions: int | None,
    requests: int | None,
    max_staleness: float,
    p99: float,
    *,
    as_json: bool,
) -> None:
    """Find max_staleness for the store's traffic. It is replayed beside the store, not in it."""
    from devsess.tuning.recommend import recommend

    check_ready(store)
    traffic, keys = _traffic(file, rps, sessions, requests), Keys.of(generate_secret())
    with cleaning_up():
        found = recommend(store, traffic, keys, max_staleness=max_staleness, p99=p99)
    output.as_json(_json(found)) if as_json else _show(found, p99, traffic)
    sys.exit(NOT_MET if found.chosen is None else 0)


def _traffic(
    file: Iterable[str] | None, rps: float | None, sessions: int | None, requests: int | None
) -> Traffic:
    from devsess.tuning.traffic import read, synthetic

    if file is None:
        rng = Random(SEED)  # noqa: S311 - no secret comes of it
        return synthetic(rng, requests or REQUESTS, rps=rps or RPS, sessions=sessions or SESSIONS)
    if (rps, sessions, requests) != (None, None, None):
        raise click.UsageError("--traffic has its own: leave out --rps, --sessions and --requests")
    return read(file)


def _show(found: Recommendation, p99: float, traffic: Traffic) -> None:
    output.prose(
        f"replayed {len(traffic)} requests, {traffic[-1].at:.0f} s of traffic; "
        f"every second session by another process.\n"
    )
    most = max(one.typical.mean_us for one in found.candidates) or 1
    rows = [_row(one.typical, most, one is found.chosen) for one in found.candidates]
    output.listing(COLUMNS, rows, "nothing was tried")
    doubts = "; ".join(found.doubts)
    output.prose(f"\nconfidence: {f'low: {doubts}' if doubts else 'high'}")
    if found.chosen is None:
        output.prose(
            f"\nNo setting keeps 99 of 100 validations below {p99:g} µs within "
            f"{found.candidates[-1].typical.max_staleness:g} s of staleness each time."
        )
    else:
        click.echo(f"\n99 of 100 validations stay below {p99:g} µs with\n")
        click.echo(f"    {_policy(found.chosen)}")


def _row(outcome: Outcome, most: float, is_chosen: bool) -> list[str]:
    return [
        f"{outcome.max_staleness:g} s",
        f"{outcome.mean_us:.2f}",
        f"{outcome.p99_us:.1f}",
        f"{outcome.hit_rate:.1%}",
        f"{outcome.catch_ups_per_second:.2f}",
        f"{outcome.revocation_bound:g} s",
        "<-" if is_chosen else "",
        "#" * round(BAR * outcome.mean_us / most),
    ]


def _policy(chosen: Candidate) -> str:
    staleness = chosen.typical.max_staleness
    return f"Policy(max_staleness={staleness:.15g})" if staleness else "Policy()"


def _json(found: Recommendation) -> dict[str, object]:
    return {
        "recommended": None if found.chosen is None else _policy(found.chosen),
        "candidates": [asdict(one.typical) for one in found.candidates],
        "doubts": list(found.doubts),
    }
