"""From a user agent and client hints to the name that people know the device by."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from _agent_cases import OF_LAWS, OF_RULES
from _clients import AGENTS, BLINK, HINTED, IPHONE_SAFARI, WINDOWS, is_safe
from hypothesis import given
from hypothesis import strategies as st

from devsess._client import MAX_USER_AGENT
from devsess.devices import agent_rules
from devsess.devices.agents import read_agent
from devsess.devices.recognise import Traits, sight, traits
from devsess.models import Client, Kind
from devsess.policy import Privacy

PIECES = [
    *("Windows", "²", "3", "Android ", "; ", "/", "(", ")", "1", ".", "Safari", "\n", "%0A"),
    *("Mozilla/5.0 (", "Macintosh;", "iPhone;", "KHTML, like Gecko) ", " Mobile/15E148 ", "X · X"),
    *(" · ", "Kindle", "Kindle/3.0", "HuaweiBrowser/1.2.3.4", " bot", "https://a.b/bot", "[", "]"),
    *("AppleWebKit/605.1.15 ", "MicroMessenger/", "AFTKA", "KFTRWI", "OpenHarmony", "wv", "+"),
]
CASES = [*AGENTS, *OF_LAWS, *(case for cases in OF_RULES.values() for case in cases)]
RULES = {
    rule.name: (table, rule)
    for table in ("DEVICES", "PROGRAMS")
    for rule in getattr(agent_rules, table)
}
# Longest label: a model, a program, and what stands between them.
MOST = 48 + 3 + 48


def headers_of(
    brands: str | None, mobile: str | None, platform: str, version: str, model: str
) -> dict[str, str]:
    """The headers that carry these hints."""
    sent = {
        "sec-ch-ua": brands,
        "Sec-CH-UA-Mobile": mobile,
        "SEC-CH-UA-PLATFORM": f'"{platform}"',
        "Sec-Ch-Ua-Platform-Version": f'"{version}"',
        "sec-ch-ua-model": f'"{model}"',
    }
    return {name: value for name, value in sent.items() if value is not None}


@pytest.mark.parametrize(("agent", "label", "kind", "os", "browser"), CASES)
def test_a_user_agent_is_named_as_people_know_it(
    agent: str, label: str, kind: Kind, os: str, browser: str
) -> None:
    """A user agent becomes a label, a kind and two families, with no version it cannot know."""
    actual = traits(Client(user_agent=agent))

    assert Traits(label, kind, os, browser) == actual


def test_each_rule_has_its_cases() -> None:
    """The tables and their cases have the same names, each once."""
    rules = [rule.name for rule in (*agent_rules.DEVICES, *agent_rules.PROGRAMS)]

    assert sorted(rules) == sorted(OF_RULES)


@pytest.mark.parametrize("name", RULES)
def test_each_rule_decides_a_case(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Without a rule, one of its cases at least would be answered otherwise."""
    table, rule = RULES[name]
    others = tuple(one for one in getattr(agent_rules, table) if one is not rule)
    monkeypatch.setattr(agent_rules, table, others)
    read_agent.cache_clear()

    without = [traits(Client(user_agent=case[0])) for case in OF_RULES[name]]
    read_agent.cache_clear()

    assert [Traits(*case[1:]) for case in OF_RULES[name]] != without


@pytest.mark.parametrize(
    ("agent", "brands", "mobile", "platform", "version", "model", "label", "kind", "os", "browser"),
    HINTED,
)
def test_hints_win_over_the_user_agent(
    agent: str | None,
    brands: str | None,
    mobile: str | None,
    platform: str,
    version: str,
    model: str,
    label: str,
    kind: Kind,
    os: str,
    browser: str,
) -> None:
    """Hints win over the user agent, except for facts that only the agent has."""
    headers = headers_of(brands, mobile, platform, version, model)

    actual = traits(Client(user_agent=agent, headers=headers))

    assert Traits(label, kind, os, browser) == actual


def test_only_the_first_512_characters_are_looked_at() -> None:
    """Text beyond the cut of a user agent changes nothing."""
    long = IPHONE_SAFARI + "x" * 10_000

    actual = sight(Client(user_agent=long + " Googlebot/2.1"), Privacy())

    assert actual.traits.label == "Safari on iPhone"
    assert actual.user_agent == long[:MAX_USER_AGENT]


@pytest.mark.parametrize(
    "unit",
    [
        *("(", "Android ", "Mozilla/5.0 (", "; ", "a", "Smart-TV ", ") a/1 ", "bot ", "a.", "a@"),
        *("; Android 1;", "compatible; a", " Safari/1 a", "Gecko) [", "www.a.b/", "Macintosh; "),
        *("(Macintosh; Silk", "smart-tv", "tizen tv", "https:", "%20", "PICO ", "é", "\U0001f980"),
    ],
)
def test_a_huge_hostile_user_agent_costs_what_a_short_one_costs(unit: str) -> None:
    """
    Ten megabytes of any pattern, or 4,000 characters, cost no more than their first 512; and
    those not much more than an honest agent costs (all of them beside the parser, which
    remembers what it has parsed).
    """
    huge = unit * (10_000_000 // len(unit))
    traits(Client(user_agent="warm up"))

    agents = (huge, huge[:4000], huge[:MAX_USER_AGENT])
    longest, long, short = (_seconds(agent) for agent in agents)

    assert max(longest, long) < 5 * short
    assert short < 25 * _seconds(IPHONE_SAFARI)


def _seconds(agent: str) -> float:
    """The least time it takes to read *agent* without a cache."""
    found = []
    for _ in range(5):
        read_agent.cache_clear()
        start = time.perf_counter()
        traits(Client(user_agent=agent))
        found.append(time.perf_counter() - start)
    return min(found)


def test_a_user_agent_is_parsed_once() -> None:
    """The same user agent is not parsed again."""
    read_agent.cache_clear()

    for _ in range(3):
        traits(Client(user_agent=WINDOWS))

    assert read_agent.cache_info().misses == 1


def test_labels_stay_short() -> None:
    """No model, system or program makes a label longer than a line."""
    long = f'"{"m" * 900}"'
    headers = {"Sec-CH-UA": long, "Sec-CH-UA-Platform": long, "Sec-CH-UA-Model": long}

    actual = [
        traits(Client(headers=headers)).label,
        traits(Client(headers={**headers, "Sec-CH-UA-Platform": '"Android"'})).label,
        traits(Client(user_agent="m" * 60 + "/1.0")).label,
    ]

    assert max(map(len, actual)) <= 100


def test_importing_devices_loads_no_parser() -> None:
    """The parser of user agents is loaded by the first user agent, not by the import."""
    code = "import sys, devsess.devices.recognise; print('user_agents' in sys.modules)"

    actual = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert actual.strip() == "False"


@given(st.lists(st.sampled_from(PIECES)))
def test_no_shuffled_user_agent_breaks_a_sighting(pieces: list[str]) -> None:
    """Pieces of real user agents, in any order, are read or not known."""
    actual = traits(Client(user_agent="".join(pieces)))

    assert is_sound(actual)


@pytest.mark.parametrize(
    "agent",
    [
        "X · X/1.0",
        "X · X/1.0 (Android 14; Pixel 8)",
        "X/1.0 (Android 14; X)",
        "x/1.0 (Android 14; X · X)",
        "X · X bot/1.0",
        f"Mozilla/5.0 (Linux; Android 12; X · X) {BLINK} Chrome/125.0.0.0 Safari/537.36 X · X/1",
    ],
)
def test_no_label_says_a_thing_twice(agent: str) -> None:
    """Not for an agent that says it twice, nor for one that contains a label's separator."""
    actual = traits(Client(user_agent=agent))

    assert is_sound(actual)


@given(st.text())
def test_any_user_agent_makes_a_sound_label(text: str) -> None:
    """No text gives a label with a repeated part, a control character or an endless line."""
    actual = [
        traits(Client(user_agent=agent))
        for agent in (text, f"{text}/1.0", f"Mozilla/5.0 (Linux; Android 14; {text}) {text}/1")
    ]

    assert all(map(is_sound, actual))


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80))
def test_any_hints_make_a_sound_label(text: str) -> None:
    """The same of hints, also beside an agent that says the same."""
    hint = f'"{text}"'
    headers = dict.fromkeys(("Sec-CH-UA", "Sec-CH-UA-Platform", "Sec-CH-UA-Model"), hint)

    actual = [
        traits(Client(user_agent=agent, headers={**headers, "Sec-CH-UA-Platform": platform}))
        for agent in (None, f"{text}/1.0 (Android 14; {text})")
        for platform in (hint, '"Android"')
    ]

    assert all(map(is_sound, actual))


def is_sound(said: Traits) -> bool:
    """Whether a label is fit to be shown, and the families to be kept."""
    parts = [part.casefold() for part in said.label.split(" · ")]
    kept = (said.label, said.os, said.browser)
    return (
        all(map(is_safe, kept))
        and all(kept)
        and len(parts) == len(set(parts))
        and len(said.label) <= MOST
    )
