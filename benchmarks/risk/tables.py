"""The figures as tables, for the terminal and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from attrs import frozen
from tabulate import tabulate

from benchmarks.risk.attackers import ADDRESSES, COPIES
from benchmarks.risk.replay import OWNER

Found: TypeAlias = Mapping[str, Any]
ATTACKERS: tuple[str, ...] = tuple(ADDRESSES)
# At most so many of the owners' sign-ins may be challenged, and so many in 1,000 flagged for
# honest travel.
CHALLENGED, TRAVEL = 0.02, 1.0


@frozen
class Aim:
    """The least share of an attacker's sign-ins to be caught; of all, and from ten on."""

    overall: float
    from_ten: float | None = None


AIMS: Mapping[str, Aim] = {
    "naive": Aim(0.98),
    "VPN": Aim(0.88, 0.99),
    "proxy": Aim(0.15, 0.40),
    "targeted": Aim(0.33, 0.55),
}


def share(value: float) -> str:
    """In per cent, to a tenth."""
    return f"{100 * value:.1f} %"


def rare(value: float) -> str:
    """In per cent, to a hundredth."""
    return f"{100 * value:.2f} %"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, its figures to the right."""
    align = ("left", *["right"] * (len(headers) - 1))
    return str(tabulate(rows, headers, tablefmt="pipe", disable_numparse=True, colalign=align))


def caught(found: Found) -> str:
    """The catch, overall and by past sign-ins, beside the aims."""
    rates, rows = found["rates"], []
    for who in ATTACKERS:
        ends = [rates[key][who] for key in ("caught", "caught below ten", "caught from ten")]
        told = share(rates["told"][who])
        rows.append(
            [who, *map(share, ends), told, _aim(who), "" if _is_met(who, rates) else "missed"]
        )
    headers = ("attacker", "caught", "below ten", "from ten on", "owner notified", "aim", "")
    return table(headers, rows)


def _aim(who: str) -> str:
    aim = AIMS.get(who)
    if aim is None:
        return "none"
    later = "" if aim.from_ten is None else f"; {100 * aim.from_ten:.0f} %"
    return f"≥ {100 * aim.overall:.0f} %{later}"


def _is_met(who: str, rates: Found) -> bool:
    aim = AIMS.get(who, Aim(0))
    is_later_met = rates["caught from ten"][who] >= (aim.from_ten or 0)
    return bool(rates["caught"][who] >= aim.overall and is_later_met)


def missed(found: Found) -> list[str]:
    """The aims that were not reached, in words."""
    rates = found["rates"]
    misses = [f"{who} attackers" for who in ATTACKERS if not _is_met(who, rates)]
    if rates["challenged"] > CHALLENGED:
        misses.append("the share of owners' sign-ins challenged")
    if rates["travel"] > TRAVEL:
        misses.append("the rate of honest-travel alarms")
    return misses


def histories(found: Found) -> str:
    """By past sign-ins."""
    rows = [
        [
            group,
            f"{it['sign_ins']:,}",
            rare(it["challenged"]),
            *(share(it[who]) for who in ATTACKERS),
        ]
        for group, it in found["histories"].items()
    ]
    return table(("past sign-ins", "owners'", "challenged", *ATTACKERS), rows)


def circumstances(found: Found) -> str:
    """The places in which owners are challenged."""
    rows = [
        [why, share(it["share"]), rare(it["challenged"])]
        for why, it in found["circumstances"].items()
    ]
    return table(("the owner is", "of sign-ins", "challenged"), rows)


def reasons(found: Found) -> str:
    """The signals that challenge owners."""
    rows = [[f"`{kinds.replace(', ', '` `')}`", rare(it)] for kinds, it in found["reasons"].items()]
    return table(("signals", "of all sign-ins"), rows)


def compared(found: Found, key: str) -> str:
    """Variants or populations, a row each."""
    rows = [
        [
            name,
            *map(rare, (it["challenged"], it["notified"])),
            *(share(it["caught"][who]) for who in ATTACKERS),
        ]
        for name, it in found[key].items()
    ]
    return table(("", "challenged", "notified", *ATTACKERS), rows)


def methods(found: Found) -> str:
    """Each method at the same rate of challenges."""
    names = [name for name in found["methods"] if name not in ("rate", "curves")]
    rows = [[name, *(share(found["methods"][name][who]) for who in ATTACKERS)] for name in names]
    return table(("method", *ATTACKERS), rows)


def travel(found: Found) -> str:
    """Honest travel, condition by condition."""
    rows = [[name, f"{it:.2f}"] for name, it in found["travel"].items()]
    return table(("condition, and all above it", "in 1,000 sign-ins"), rows)


def refreshes(found: Found) -> str:
    """Refreshes, by threshold."""
    keys = (OWNER, *COPIES, "same system")
    rows = [
        [least, rare(it[OWNER]), *(share(it[key]) for key in keys[1:])]
        for least, it in found["refreshes"].items()
    ]
    copies = [f"copy, {kind}" for kind in COPIES]
    return table(("score", "owner's", *copies, "copies that show its system"), rows)


def all_of(found: Found) -> dict[str, str]:
    """Every table by its title."""
    return {
        "Caught": caught(found),
        "By past sign-ins": histories(found),
        "Where owners are challenged": circumstances(found),
        "Why": reasons(found),
        "With less, or with more": compared(found, "variants"),
        "What forgetting costs, over two years": compared(found, "forgetting"),
        "Other populations": compared(found, "populations"),
        "Other methods": methods(found),
        "Honest travel": travel(found),
        "Refreshes": refreshes(found),
    }
