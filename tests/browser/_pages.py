"""Every page of the demo's site, by a name, with its path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from _demo import Demo

from devsess.cli import _town as town
from devsess.cli._scenes import ADA, NIGHT

Paths = Mapping[str, Callable[[Demo], str]]
NETWORK = quote(f"{town.ATTACK.prefix}.0/24")


def _night() -> str:
    return (datetime.now(UTC) - timedelta(days=NIGHT)).date().isoformat()


ACCOUNT: Paths = {
    "overview": lambda _: "/account/",
    "history": lambda _: "/account/history",
    "device": lambda it: f"/account/devices/{it.device('My MacBook')}",
    "device-asked": lambda it: f"/account/devices/{it.device('Chrome on Linux')}",
    "device-blocked": lambda it: f"/account/devices/{it.device('python-requests')}",
    "not-mine": lambda it: f"/account/sessions/{it.session('Chrome on Linux')}/not-mine",
    "secured": lambda _: "/account/secured",
    "sign-out-others": lambda _: "/account/sign-out-others",
    "trust": lambda it: f"/account/devices/{it.device('Safari on iPhone')}/trust",
    "forget": lambda it: f"/account/devices/{it.device('Safari on iPhone')}/forget",
    "block": lambda it: f"/account/devices/{it.device('Safari on iPhone')}/block",
    "unblock": lambda it: f"/account/devices/{it.device('python-requests')}/unblock",
    "missing": lambda _: "/account/nothing",
    "sign-in": lambda _: "/sign-in",
}
OPERATORS: Paths = {
    "admin-overview": lambda _: "/operators/",
    "admin-review": lambda _: "/operators/review",
    "admin-session": lambda it: f"/operators/session?id={it.session('Chrome on Linux')}",
    "admin-end-session": lambda it: f"/operators/session/end?id={it.session('Chrome on Linux')}",
    "admin-attack": lambda it: f"/operators/review/attack?id={it.session('Chrome on Linux')}",
    "admin-user": lambda _: f"/operators/user?id={ADA}",
    "admin-activity": lambda _: f"/operators/activity?id={ADA}",
    "admin-device": lambda it: f"/operators/device?user={ADA}&id={it.device('My MacBook')}",
    "admin-block": lambda it: f"/operators/device/block?user={ADA}&id={it.device('My MacBook')}",
    "admin-network": lambda _: f"/operators/network?ip={NETWORK}",
    "admin-day": lambda _: f"/operators/day?on={_night()}",
    "admin-search": lambda _: f"/operators/search?ip={NETWORK}",
    "admin-nothing": lambda _: "/operators/find?q=nobody",
    "admin-end": lambda _: f"/operators/end?ip={NETWORK}&state=live",
    "admin-log": lambda _: "/operators/log",
    "admin-missing": lambda _: "/operators/nothing",
}
PAGES: Paths = {**ACCOUNT, **OPERATORS}
