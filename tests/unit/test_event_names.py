"""Each kind of event has its name in CAEP, if there is one, and its line in the documents."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from devsess import Assessment, Event, EventType

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
# OpenID CAEP 1.0, §3.1 to §3.8.
DEFINED = {
    "session-revoked",
    "token-claims-change",
    "credential-change",
    "assurance-level-change",
    "device-compliance-change",
    "session-established",
    "session-presented",
    "risk-level-change",
}
LINES = re.compile(r"^\| `(\w+)` \|.*\| (yes|no|some) \| (?:`([\w-]+)`|none) \|$", re.MULTILINE)
# By kind, the name of its CAEP event on the page; empty for none.
LISTED = [(kind, name) for kind, _, name in LINES.findall(PAGE.read_text("utf-8"))]


def uri(name: str | None) -> str | None:
    return name and f"https://schemas.openid.net/secevent/caep/event-type/{name}"


def event(kind: EventType) -> Event:
    return Event(kind, datetime(2026, 1, 1, tzinfo=UTC), "ada")


@pytest.mark.parametrize(("kind", "name"), LISTED)
def test_an_event_has_the_uri_of_caep(kind: str, name: str) -> None:
    """That of the page, under a name that CAEP 1.0 defines; None where it defines none."""
    assert uri(name or None) == event(EventType(kind)).caep
    assert name in {"", *DEFINED}


def test_the_page_lists_each_kind() -> None:
    """Every type once."""
    assert sorted(EventType) == sorted(kind for kind, _ in LISTED)


@pytest.mark.parametrize("assessment", [None, Assessment(score=7)])
def test_an_event_as_json_types(assessment: Assessment | None) -> None:
    """Each member under its name, and never the tokens of a notice."""
    told: dict[str, Any] = {
        "session_id": "s",
        "device_id": "d",
        "ip": "192.0.2.1",
        "user_agent": "curl",
        "reason": "lost phone",
        "actor": "eve",
        "is_new_device": True,
    }
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    shown = Event(EventType.SESSION_REVOKED, at, "ada", **told, assessment=assessment).to_dict()

    assert {
        "type": "authn_token_revoked",
        "at": "2026-01-02T03:04:05Z",
        "userId": "ada",
        "sessionId": "s",
        "deviceId": "d",
        "ip": "192.0.2.1",
        "userAgent": "curl",
        "reason": "lost phone",
        "actor": "eve",
        "assessment": assessment and assessment.to_dict(),
        "isNewDevice": True,
    } == shown
