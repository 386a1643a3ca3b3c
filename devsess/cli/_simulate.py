"""`devsess simulate`: recorded sign-ins, replayed through a risk policy; it only reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
from attrs import asdict

from devsess._text import clean_text
from devsess.cli import _output as output
from devsess.cli._copy import copying
from devsess.cli._progress import Progress
from devsess.cli._recorded import SignIns, of_csv, of_store
from devsess.cli._risk_file import read_risk
from devsess.cli._store import LONGEST, Finite, check_ready, closing_store, store_option
from devsess.cli._table import text
from devsess.cli._with import json_option
from devsess.lifecycle import instant
from devsess.models import Decision, iso
from devsess.risk.simulation import Replayed, Tally, replay
from devsess.risk.sums import added_up, base_of
from devsess.risk_policy import Risk
from devsess.stores.open import open_store

if TYPE_CHECKING:
    from devsess.risk.sums import added_up, base_of
from devsess.risk.simulation import Proposal

# As docs/risk.md measures all methods: at no more than 2 % of sign-ins challenged.
AT_MOST = 0.02
UNUSUAL = (Decision.STEP_UP, Decision.NOTIFY)
# Accounts after which the progress is shown anew.
STEP = 50


@click.command()
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML with the tables [risk] and [risk.points]; the defaults if left out.",
)
@click.option(
    "--csv",
    "file",
    type=click.File("r", encoding="utf-8-sig"),
    help="Replay this file, not a store.",
)
@click.option(
    "--at-most",
    type=Finite(min=0, max=1),
    default=AT_MOST,
    show_default=True,
    help="Propose a threshold that challenges no more of all sign-ins.",
)
@click.option(
    "--top",
    type=click.IntRange(0, 1000),
    default=10,
    show_default=True,
    help="How many of the highest scores to show.",
)
@json_option
@store_option
def simulate(
    policy: Path | None, file: TextIO | None, at_most: float, top: int, store: str, *, as_json: bool
) -> None:
    """
    Replay recorded sign-ins through a risk policy.

    It shows how many it would have challenged, which ones and why, and proposes a threshold.
    Nothing is written.
    """
    risk = Risk() if policy is None else read_risk(policy)
    tally = Tally(top)
    with Progress(is_quiet=as_json) as progress:
        if file is not None:
            accounts = of_csv(file, file.name)
            progress.begin("replaying accounts", len(accounts))
            _replay(accounts, risk, tally, progress)
        else:
            check_ready(store)
            with closing_store(open_store(store)) as opened:
                progress.begin("replaying accounts")
                _replay(of_store(copying(opened, "--store")), risk, tally, progress)
    proposal = tally.proposal(at_most, risk)
    if as_json:
        output.as_json(_json(tally, proposal, risk, at_most))
    else:
        _show(tally, proposal, risk, at_most)


def _replay(accounts: Iterable[SignIns], risk: Risk, tally: Tally, progress: Progress) -> None:
    done = 0
    for done, (user_id, sign_ins) in enumerate(accounts, 1):
        tally.add(replay(user_id, sign_ins, risk))
        if done % STEP == 0:
            progress.advance(STEP)
    progress.advance(done % STEP)


def _show(tally: Tally, proposal: Proposal, risk: Risk, at_most: float) -> None:
    counts = tally.counts
    if not counts["sign_ins"]:
        click.echo("no sign-ins")
        return
    output.prose(
        f"replayed {counts['sign_ins']:,} sign-ins of {counts['accounts']:,} accounts;"
        f" {counts['first']:,} had no habits to compare with\n"
    )
    rows = [(name, f"{count:,}", f"{tally.share(count):.2%}") for name, count in _numbers(tally)]
    output.figures(["what", "sign-ins", "share"], rows)
    signals = [(kind, f"{step_up:,}", f"{notify:,}") for kind, step_up, notify in _signals(tally)]
    if signals:
        click.echo()
        output.figures(["signal", "in step up", "in notify"], signals)
    if tally.top:
        click.echo("\nhighest scores (times are UTC)")
    for it in tally.top:
        _show_sum(it)
    output.prose(f"\n{_proposed(proposal, risk, at_most)}")


def _numbers(tally: Tally) -> list[tuple[str, int]]:
    decisions = [(it.value.replace("_", " "), tally.decisions[it]) for it in UNUSUAL]
    allowed = ("allow", tally.decisions[Decision.ALLOW])
    return [*decisions, allowed, ("owner notified", tally.counts["noticed"])]


def _signals(tally: Tally) -> list[tuple[str, int, int]]:
    """Each signal of what was not allowed, the most frequent first."""
    step_up, notify = (tally.signals.get(it, Counter[str]()) for it in UNUSUAL)
    kinds = sorted({*step_up, *notify}, key=lambda it: (-step_up[it], -notify[it], it))
    return [(it, step_up[it], notify[it]) for it in kinds]


def _show_sum(it: Replayed) -> None:
    """A sign-in, and its sum below."""
    click.echo(f"  {text(instant(it.facts.at))}  {text(it.user_id)}")
    output.indented(" " * 4, clean_text(added_up(it.assessment), LONGEST) or "")


def _proposed(proposal: Proposal, risk: Risk, at_most: float) -> str:
    said = (
        f"step_up_from = {proposal.step_up_from} challenges {proposal.challenged:,} sign-ins,"
        f" {proposal.rate:.2%}: the lowest that challenges no more than {at_most:.2%}."
    )
    same = " It is the policy's own." if proposal.step_up_from == risk.step_up_from else ""
    return said + same


def _json(tally: Tally, proposal: Proposal, risk: Risk, at_most: float) -> dict[str, Any]:
    return {
        "policy": asdict(risk),
        "accounts": tally.counts["accounts"],
        "signIns": tally.counts["sign_ins"],
        "first": tally.counts["first"],
        "noticed": tally.counts["noticed"],
        "decisions": {it.value: tally.decisions[it] for it in (*UNUSUAL, Decision.ALLOW)},
        "signals": {
            kind: {"step_up": step_up, "notify": notify}
            for kind, step_up, notify in _signals(tally)
        },
        "scores": {str(score): tally.scores[score] for score in sorted(tally.scores)},
        "top": [
            {
                "userId": it.user_id,
                "at": iso(instant(it.facts.at)),
                "base": base_of(it.assessment),
                "assessment": it.assessment.to_dict(),
            }
            for it in tally.top
        ],
        "proposal": {
            "atMost": at_most,
            "stepUpFrom": proposal.step_up_from,
            "challenged": proposal.challenged,
            "rate": proposal.rate,
        },
    }
