"""`devsess tune`: settings that suit one's traffic, found by replaying it beside the store."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from random import Random
from typing import TYPE_CHECKING

import click

from devsess.cli import _output as output
from devsess.cli._store import Finite, check_ready, cleaning_up, exit_codes, store_option
from devsess.cli._table import Column
from devsess.keys import Keys, generate_secret
from devsess.policy import Policy
from devsess.stores._url import file_of

if TYPE_CHECKING:
    from devsess.tuning.choice import Candidate
    from devsess.tuning.replay import Outcome
    from devsess.tuning.search import Advice, Wish
    from devsess.tuning.traffic import Traffic

NOT_MET = 1
RPS, SESSIONS = 50.0, 1000
MOST_SESSIONS = 1_000_000
# Made-up traffic is the same each time, so that two runs can be compared.
SEED = 1
BAR = 40
COLUMNS = (
    *(Column(name) for name in ("stale", "touch", "cache", "mean µs", "p99 µs", "hits")),
    *(Column("memory", rank=2), Column("calls/s", rank=3), Column("touch/s", rank=4)),
    *(Column("heard", rank=1), Column("")),
)
SETTINGS = ("max_staleness", "touch_interval", "cache_size")


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
    type=Finite(min=0.01, max=1e6),
    help=f"Made-up requests a second; {RPS:.0f} if left out.",
)
@click.option(
    "--sessions",
    type=click.IntRange(1, MOST_SESSIONS),
    help=f"Sessions they come from; {SESSIONS} if left out.",
)
@click.option(
    "--devices",
    type=click.IntRange(min=1),
    help="Devices that have the sessions; one each if left out.",
)
@click.option(
    "--max-staleness",
    type=Finite(min=0),
    required=True,
    help="Seconds a revocation by another process may take to be heard, at most.",
)
@click.option(
    "--p99",
    type=Finite(min=0, min_open=True),
    required=True,
    help="Microseconds that 99 of 100 validations should stay below.",
)
@click.option(
    "--seconds",
    type=Finite(min=0.1, max=600),
    default=60.0,
    show_default=True,
    help="Take about so long.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@exit_codes
def tune(
    store: str,
    file: Iterable[str] | None,
    rps: float | None,
    sessions: int | None,
    devices: int | None,
    max_staleness: float,
    p99: float,
    seconds: float,
    *,
    as_json: bool,
) -> None:
    """Find settings for the store's traffic. It is replayed beside the store, not in it."""
    from devsess.tuning.search import Wish, advise

    check_ready(store)
    wish = Wish(max_staleness, p99, seconds)
    traffic = _traffic(file, rps, sessions, devices)
    with cleaning_up():
        advice = advise(store, traffic, wish, Keys.of(generate_secret()))
    output.as_json(_json(advice, store)) if as_json else _show(advice, wish, store, traffic)
    sys.exit(0 if advice.met else NOT_MET)


def _traffic(
    file: Iterable[str] | None, rps: float | None, sessions: int | None, devices: int | None
) -> Traffic:
    from devsess.tuning.traffic import read, synthetic

    if file is None:
        count = SESSIONS if sessions is None else sessions
        return synthetic(
            Random(SEED),  # noqa: S311 - no secret comes of it
            rps=RPS if rps is None else rps,
            sessions=count,
            devices=count if devices is None else devices,
        )
    if (rps, sessions, devices) != (None, None, None):
        raise click.UsageError("--traffic says it all: leave out --rps, --sessions and --devices")
    return read(file)


def _show(advice: Advice, wish: Wish, store: str, traffic: Traffic) -> None:
    from devsess.tuning.cost import THREADS

    played = advice.traffic
    output.prose(
        f"replayed {len(played.requests)} of {len(traffic.requests)} requests, "
        f"{played.span:.0f} s of traffic, {len(played.sessions)} sessions; "
        f"every second session by another process.\n"
    )
    output.listing(COLUMNS, [_row(it, advice) for it in advice.candidates], "nothing was tried")
    _plot(advice)
    if advice.readers:
        told = ", ".join(f"{n}: {cost:.1f}" for n, cost in sorted(advice.readers.items()))
        output.prose(f"\nfresh=True from {THREADS} threads at once, µs by readers: {told}")
    sure = advice.confidence
    doubts = "".join(f"; {doubt}" for doubt in sure.doubts)
    output.prose(
        f"\nconfidence: {sure.level} (over {len(advice.chosen.rounds)} replays, mean cost differs"
        f" by {sure.cost:.0%}, hit rate by {sure.hit_rate * 100:.1f} points{doubts})"
    )
    _recommend(advice, wish, store)


def _row(candidate: Candidate, advice: Advice) -> list[str]:
    outcome, policy = candidate.typical, candidate.policy
    return [
        f"{policy.max_staleness:g} s",
        f"{policy.touch_interval:g} s",
        str(policy.cache_size),
        f"{outcome.mean:.2f}",
        f"{outcome.p99:.1f}",
        f"{outcome.hit_rate:.1%}",
        f"{outcome.entries * advice.entry_bytes / 1e6:.2f} MB",
        f"{outcome.calls:.2f}",
        f"{outcome.touches:.2f}",
        f"{outcome.bound:g} s",
        "<-" if policy == advice.chosen.policy else "",
    ]


def _plot(advice: Advice) -> None:
    """Bars of the cost at each staleness, the other settings being the recommended ones."""
    shown = sorted(advice.sweep, key=lambda outcome: outcome.policy.max_staleness)
    most = max(outcome.mean for outcome in shown) or 1
    click.echo("\nmean µs of a validation against max_staleness:\n")
    for outcome in shown:
        bar = "#" * max(1, round(BAR * outcome.mean / most))
        label = f"{outcome.policy.max_staleness:g} s"
        click.echo(f"  {label:>10}  {bar} {outcome.mean:.2f} (p99 {outcome.p99:.1f})")


def _recommend(advice: Advice, wish: Wish, store: str) -> None:
    if advice.met:
        click.echo(f"\n99 of 100 validations stay below {wish.p99:g} µs with\n")
    else:
        output.prose(
            f"\nNo setting keeps 99 of 100 validations below {wish.p99:g} µs within "
            f"{wish.max_staleness:g} s of staleness each time; what there is to gain is had with\n"
        )
    click.echo("\n".join(f"    {line}" for line in _to_paste(advice, store)))


def _to_paste(advice: Advice, store: str) -> list[str]:
    """The recommended policy, and the store where it has another number of readers."""
    from devsess.tuning.cost import DEFAULT_READERS, THREADS

    default, chosen = Policy(), advice.chosen.policy
    settings = ", ".join(
        f"{name}={_number(getattr(chosen, name))}"
        for name in SETTINGS
        if getattr(chosen, name) != getattr(default, name)
    )
    lines = [f"Policy({settings})"]
    if advice.best_readers != DEFAULT_READERS:
        opened = f"SQLiteStore({file_of(store)!r}, readers={advice.best_readers})"
        lines.append(f"{opened}  # if about {THREADS} threads ask at once")
    return lines


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _json(advice: Advice, store: str) -> dict[str, object]:
    return {
        "recommended": _to_paste(advice, store),
        "met": advice.met,
        "chosen": _outcome_json(advice.chosen.typical, advice),
        "candidates": [_outcome_json(one.typical, advice) for one in advice.candidates],
        "confidence": {
            "level": advice.confidence.level,
            "cost_spread": advice.confidence.cost,
            "hit_rate_spread": advice.confidence.hit_rate,
            "replays": len(advice.chosen.rounds),
            "doubts": list(advice.confidence.doubts),
        },
        "readers_us": {str(number): cost for number, cost in sorted(advice.readers.items())},
        "requests": len(advice.traffic.requests),
    }


def _outcome_json(outcome: Outcome, advice: Advice) -> dict[str, object]:
    return {
        **{name: getattr(outcome.policy, name) for name in SETTINGS},
        "mean_us": outcome.mean,
        "p99_us": outcome.p99,
        "hit_rate": outcome.hit_rate,
        "memory_bytes": round(outcome.entries * advice.entry_bytes),
        "catch_ups_per_second": outcome.catch_ups,
        "calls_per_second": outcome.calls,
        "touches_per_second": outcome.touches,
        "revocation_bound": outcome.bound,
    }
