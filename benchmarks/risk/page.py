"""Draw docs/risk.md and its pictures from the recorded figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve

from benchmarks.risk import tables
from benchmarks.risk.tables import Found, rare, share
from devsess.models import Location
from devsess.risk.assess import assess
from devsess.risk.facts import Facts, Proof
from devsess.risk.profile import Profile, learned
from devsess.risk_policy import Points, Risk

DOCS = Path(__file__).parents[2] / "docs"
TEMPLATE = Path(__file__).with_name("page.md")
RISK = Risk()
THRESHOLDS = ("notify_from", "step_up_from", "refresh_from", "quiet_sign_ins", "notices_a_day")


def draw(found: Found) -> None:
    """Write the page and its pictures, in the place of those before."""
    (DOCS / "risk.md").write_text(page(found), "utf-8")
    pictures(found, DOCS / "risk")


def page(found: Found) -> str:
    """The page's text."""
    text = TEMPLATE.read_text("utf-8")
    for name, value in _fields(found).items():
        text = text.replace(f"<{name}>", value)
    return text


def _fields(found: Found) -> dict[str, str]:
    return {
        "points": points(RISK.points),
        "settings": settings(),
        "example": example(),
        "missed": _missed(found),
        "over": _over(found),
        **_settings(),
        **_figures(found),
        **_people(found["population"]),
        **_tables(found),
    }


def _settings() -> dict[str, str]:
    return {name: str(getattr(RISK, name)) for name in THRESHOLDS}


def _tables(found: Found) -> dict[str, str]:
    return {
        "caught": tables.caught(found),
        "histories": tables.histories(found),
        "circumstances": tables.circumstances(found),
        "reasons": tables.reasons(found),
        "variants": tables.compared(found, "variants"),
        "forgetting": tables.compared(found, "forgetting"),
        "populations": tables.compared(found, "populations"),
        "methods": tables.methods(found),
        "travel": tables.travel(found),
        "refreshes": tables.refreshes(found),
    }


def _figures(found: Found) -> dict[str, str]:
    rates, alarms = found["rates"], found["rates"]["travel"]
    variants, refreshes = found["variants"], found["refreshes"][str(RISK.refresh_from)]
    return {
        "challenged": rare(rates["challenged"]),
        "mild": share(rates["mild"]),
        "notified": share(rates["notified"]),
        "accounts_never": share(1 - rates["accounts"]),
        "alarms": f"{alarms:.2f}",
        "with_tokens": rare(variants["as it is"]["challenged"]),
        "without_tokens": rare(variants["without device tokens"]["challenged"]),
        "taught": rare(variants["as it is"]["challenged"]),
        "untaught": rare(variants["refreshes teach nothing"]["challenged"]),
        "refreshes_flagged": rare(refreshes["owner"]),
        "moved": share(found["population"]["moved"]),
        "young": rare(found["histories"]["1"]["challenged"]),
        "step_ups": f"{_step_ups(rates):,}",
    }


def _step_ups(rates: Found) -> int:
    """Step-ups for one takeover, if there is one in 90,000 successful sign-ins."""
    return int(round(90_000 * rates["challenged"], -2))


def _people(population: Found) -> dict[str, str]:
    return {
        "sign_ins": f"{population['sign_ins']:,}",
        "assessed": f"{population['assessed']:,}",
        "all_accounts": f"{population['accounts']:,}",
        "all_refreshes": f"{population['refreshes']:,}",
        "mean": f"{population['mean']:.1f}",
        "median": f"{population['median']:.0f}",
        "phones": share(population["phones"]),
        "one_country": share(population["one country"]),
        "token": share(population["token"]),
    }


def _missed(found: Found) -> str:
    misses = tables.missed(found)
    return f"Missed: {', '.join(misses)}." if misses else "All aims were met."


def _over(found: Found) -> str:
    rates = found["populations"]
    over = [name for name, it in rates.items() if it["challenged"] > tables.CHALLENGED]
    return f"More than 2 % are challenged with: {', '.join(over)}." if over else ""


def points(of: Points) -> str:
    """The table of points, with the sentence that their docstring has on each."""
    sentences = described(of)
    rows = [
        f"| `{name}` | {getattr(of, name):+d} | {sentence} |"
        for name, sentence in sentences.items()
    ]
    return "\n".join(["| | points | counts when |", "|---|--:|---|", *rows])


def settings() -> str:
    """The table of the settings but for the points, which have one of their own."""
    rows = [
        f"| `{name}` | {_shown(getattr(RISK, name))} | {sentence} |"
        for name, sentence in described(RISK).items()
    ]
    return "\n".join(rows)


def _shown(value: object) -> str:
    return "below" if isinstance(value, Points) else f"`{value!r}`".replace("'", '"')


def described(of: Points | Risk) -> dict[str, str]:
    """The attributes of a record, as its docstring describes them."""
    found: dict[str, list[str]] = {}
    text = (type(of).__doc__ or "").partition("Attributes:\n")[2].partition("Raises:\n")[0]
    for line in text.splitlines():
        name, colon, sentence = line.strip().partition(": ")
        if colon and hasattr(of, name):
            found[name] = [sentence]
        elif line.strip():
            found[list(found)[-1]].append(line.strip())
    return {name: " ".join(lines) for name, lines in found.items()}


LAGOS = Location(
    city="Lagos",
    country="Nigeria",
    country_code="NG",
    latitude=6.45,
    longitude=3.39,
    accuracy_km=20,
    asn=37148,
    organisation="Globacom",
    is_hosting=False,
)
QUEBEC = Location(
    city="Québec",
    country="Canada",
    country_code="CA",
    latitude=46.81,
    longitude=-71.21,
    accuracy_km=20,
    asn=577,
    organisation="Bell Canada",
    is_hosting=False,
)


def example() -> str:
    """A sum: Lagos, and two minutes later Québec."""
    home = Facts(1e9, Proof.KNOWN, "102.89.77.0", LAGOS, "macOS", "Chrome", "desktop")
    habits = learned(Profile(), home, confirmed=True)
    away = evolve(home, at=home.at + 120, proof=Proof.NONE, network="70.24.10.0", location=QUEBEC)
    found = assess(away, habits, RISK)
    lines = [f"{RISK.points.base:+4d}  every account starts here"]
    lines += [f"{int(it.weight):+4d}  {it.message}" for it in found.signals]
    return "\n".join([*lines, f"{int(found.score):+4d}  {found.decision.value}"])


def pictures(found: Found, folder: Path) -> None:
    """The shares that each threshold would challenge and catch; the dots are the default."""
    from benchmarks import _plots as plots

    folder.mkdir(exist_ok=True)
    challenged, caught = "owners' sign-ins challenged, %; the stroke is the bound", "caught, %"
    curves, rates = found["curves"], found["rates"]
    plots.shares(
        folder / "roc.svg",
        "Points: each attacker",
        challenged,
        caught,
        _in_per_cent(curves),
        {who: (100 * rates["challenged"], 100 * it) for who, it in rates["caught"].items()},
        100 * tables.CHALLENGED,
    )
    plots.shares(
        folder / "methods.svg",
        "Methods: the mean of all attackers but the very targeted",
        challenged,
        caught,
        _in_per_cent(found["methods"]["curves"]),
        {},
        100 * tables.CHALLENGED,
    )


def _in_per_cent(series: Mapping[str, Sequence[Any]]) -> dict[str, list[tuple[float, float]]]:
    return {name: [(100 * x, 100 * y) for x, y in points] for name, points in series.items()}
