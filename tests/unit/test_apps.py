"""A native app says its name and version in a header: for people to read, and for nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from devsess import Client
from devsess._app import App, app_of, with_app, with_version, without_app
from devsess.devices.recognise import traits

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Mobile/15E148"
)
LONG = f"{IPHONE} {'x' * (380 - len(IPHONE) - 13)} LinkedIn/9.1"
PIXEL = "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UQ1A.240105.004)"
CFNETWORK = "Shop/42 CFNetwork/1494.0.7 Darwin/23.4.0"


def named(agent: str | None, app: str | None) -> Client:
    return Client(user_agent=agent, headers={} if app is None else {"Devsess-App": app})


@pytest.mark.parametrize(
    ("agent", "header", "label"),
    [
        (IPHONE, "Shop/4.2.1", "Shop on iPhone"),
        (PIXEL, "Shop/4.2.1", "Pixel 8 · Shop"),
        (CFNETWORK, "Shop/4.2.1", "Shop on iOS"),
        ("okhttp/4.12.0", "My Shop/2024.1-beta+7", "My Shop"),
        ("okhttp/4.12.0", "Caf%C3%A9/2", "Café"),
        ("okhttp/4.12.0", "a%C2%B7b/1", "a-b"),
        ("okhttp/4.12.0", "Mozilla/5.0", "Mozilla"),
        (None, "Shop/1", "Shop"),
        ("", "Shop/1", "Shop"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1)", "Shop/1", "Googlebot"),
        ("okhttp/4.12.0", None, "okhttp"),
    ],
)
def test_a_device_is_called_after_its_app(
    agent: str | None, header: str | None, label: str
) -> None:
    """By the name without its version; a crawler stays one."""
    assert label == traits(named(agent, header)).label


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Shop",
        "Shop/",
        "/4.2.1",
        "Shop/v4",
        "Shop/4.2.1 (iPhone)",
        "Shop/4.2.1, Shop/5",
        "Shop/4.2.1;x",
        " Shop/4.2.1",
        "Shop /4.2.1",
        "Shop/4 2",
        "Shop/4\n",
        "Shop\r\nX: y/4",
        "Shop/4]",
        "[Shop/4",
        "<b>Shop</b>/4",
        '"Shop"/4',
        "42/1",
        "Caf\u00e9/1",
        "Sh\u202eop/1",
        "Shop/١",
        "S" * 97 + "/1",
        "Shop/" + "1" * 25,
        "%0A%0A/1",
    ],
)
def test_another_text_counts_as_not_sent(header: str) -> None:
    """A text that is no name and version is not kept, and changes nothing."""
    client = named("okhttp/4.12.0", header)

    assert ("okhttp", None) == (traits(client).label, app_of(client.user_agent))
    assert "\n" not in str(client.user_agent)


@pytest.mark.parametrize("agent", [IPHONE, LONG, PIXEL, CFNETWORK, "okhttp/4.12.0", "", None])
@pytest.mark.parametrize(
    "header",
    ["Shop/1", "Firefox/133.0", "iPhone/1", "Googlebot/2.1", f"{'S' * 96}/{'1' * 24}"],
)
def test_it_is_no_evidence(agent: str | None, header: str) -> None:
    """System, program and kind are those without it: no name makes a client another one."""
    said, bare = traits(named(agent, header)), traits(named(agent, None))

    assert bare == evolve(said, label=bare.label)


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "okhttp/4", "Devsess-App": "Shop/1"},
        {"user-agent": "okhttp/4", "devsess-app": "Shop/1"},
        {"USER-AGENT": "okhttp/4", "DEVSESS-APP": "Shop/1"},
    ],
)
def test_the_header_is_found_in_any_case(headers: dict[str, str]) -> None:
    """Beside a user agent among the headers, or one that is given by itself; once."""
    kept = "[Shop/1] okhttp/4"

    assert kept == Client(headers=headers).user_agent
    assert kept == Client(user_agent="okhttp/4", headers=headers).user_agent
    assert kept == Client(user_agent=kept, headers=headers).user_agent


@pytest.mark.parametrize(
    ("agent", "headers"),
    [
        (7, {"Devsess-App": "Shop/1"}),
        ("okhttp/4", {"Devsess-App": 7}),
        ("okhttp/4", {7: "Shop/1"}),
        ("okhttp/4", ["Devsess-App"]),
    ],
)
def test_a_value_of_a_wrong_type_stays(agent: Any, headers: Any) -> None:
    """It is no app; what cannot be used is named at sign-in."""
    assert agent == Client(user_agent=agent, headers=headers).user_agent


@pytest.mark.parametrize(
    ("label", "agent", "expected"),
    [
        ("Shop on iPhone", "[Shop/4.2.1] x", "Shop 4.2.1 on iPhone"),
        ("Pixel 8 · Shop", "[Shop/4.2.1] x", "Pixel 8 · Shop 4.2.1"),
        ("Shop", "[Shop/4.2.1]", "Shop 4.2.1"),
        ("Café", "[Caf%C3%A9/2] x", "Café 2"),
        ("Shop on iPhone", "[Other/9] x", "Shop on iPhone"),
        ("Shopping on iPhone", "[Shop/9] x", "Shopping on iPhone"),
        ("Googlebot", "[Shop/9] x", "Googlebot"),
        ("Shop on iPhone", "okhttp/4", "Shop on iPhone"),
        ("Shop on iPhone", None, "Shop on iPhone"),
        ("Shop on iPhone", "[Shop/9]x", "Shop on iPhone"),
        ("Shop on iPhone", "x [Shop/9]", "Shop on iPhone"),
    ],
)
def test_a_label_shows_the_version(label: str, agent: str | None, expected: str) -> None:
    """Behind the name that it is about, and nowhere else."""
    assert expected == with_version(label, agent)


@given(st.text(max_size=600), st.text(max_size=200))
def test_no_text_breaks_it(agent: str, header: str) -> None:
    """Any text is kept bounded, and can be taken off again."""
    client = named(agent, header)
    found = app_of(client.user_agent)

    assert len(client.user_agent or "") <= 512
    assert traits(client).label
    assert found is None or (0 < len(found.name) <= 48 and len(found.version) <= 24)
    if with_app(agent, header) != agent:
        assert without_app(with_app(agent, header)) in (agent or None, without_app(agent))


def test_an_app_has_two_parts() -> None:
    """The name as people read it, and the version."""
    assert App("Café Noir", "2.0") == app_of("[Caf%C3%A9 Noir/2.0] okhttp/4")
