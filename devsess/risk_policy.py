"""
Risk and Points: the numbers by which an unusual sign-in is judged.

They were fitted on made-up populations: docs/risk.md has the rates that they reach there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from attrs import asdict, field, fields, frozen

from devsess.errors import ConfigurationError

# A score is kept as an integer, and NaN would be below every threshold.
MOST_POINTS = 10_000


def _check_whole(record: Points | Risk, names: Iterable[str]) -> None:
    for name in names:
        value = getattr(record, name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ConfigurationError(f"{name} must be a whole number, not {value!r}")
        if abs(value) > MOST_POINTS:
            raise ConfigurationError(f"{name} must be from -{MOST_POINTS:,} to {MOST_POINTS:,}")


@frozen(kw_only=True)
class Points:
    """
    The points of each signal; ten more mean ten times more typical of an attack.

    Attributes:
        base: Always: the sum starts here.
        unknown_device: No known device was proven.
        trusted_device: The device is one that its user trusts; at a sign-in, not at a refresh,
            and neither in a new country nor from a new data centre, where a copy of its token
            would be used. Its worth is not measured: nobody in the population trusts a device.
        new_subnet: The address is in a new /24 (IPv6: /48), of a provider that is known.
        new_network: It is of a new provider.
        hosting: The new provider runs a data centre or a VPN.
        new_country: The country is new.
        new_agent: The browser and system are new, on an unknown device.
        established_account: The provider, or the browser and system, is new, on an unknown
            device, for an account with four to nine sign-ins behind it.
        settled_account: The same, with ten or more.
        failures: Three or more failed sign-ins came right before this one.
        velocity: Failed sign-ins on ten or more accounts came from the /24 or /48 in the last
            hour. Off by default, since its worth is not measured: 0 neither counts nor reads
            them.
        impossible_travel: Nobody travels that fast; on an unknown device.
        automation: It is a program or crawler, not a browser.
        changed_system: A session is refreshed on another system than its sign-in showed.
            With `base` and `unknown_device` it reaches `Risk.refresh_from` by itself.

    Raises:
        ConfigurationError: If one is no whole number.
    """

    base: int = -50
    unknown_device: int = 20
    trusted_device: int = -10
    new_subnet: int = 25
    new_network: int = 30
    hosting: int = 15
    new_country: int = 10
    new_agent: int = 5
    established_account: int = 5
    settled_account: int = 10
    failures: int = 5
    velocity: int = 0
    impossible_travel: int = 10
    automation: int = 20
    changed_system: int = 50

    def __attrs_post_init__(self) -> None:
        _check_whole(self, [it.name for it in fields(Points)])

    def __str__(self) -> str:
        lines = asdict(self).items()
        return "\n".join(f"{points:+4d}  {name.replace('_', ' ')}" for name, points in lines)


@frozen(kw_only=True)
class Risk:
    """
    How unusual a sign-in may be.

    Attributes:
        mode: "observe" assesses each sign-in, and refuses none for its score; under "enforce"
            one that needs a step-up raises StepUpRequiredError before anything is written.
        points: The points of each signal.
        notify_from: From this score on the owner is notified.
        step_up_from: From this score on a step-up is asked for.
        refresh_from: From this score on, as of an unknown device, a refresh asks for a step-up.
        hold_from: From this score on a sign-in that would need a step-up is held instead, until
            it is approved; None, the default, holds none. Mode "enforce" alone.
        quiet_sign_ins: Sign-ins of an account below which it is notified only of those
            that ask for a step-up: a young account meets new networks all the time.
        notices_a_day: After so many notices in 24 hours it is notified only of those, too.
        acr: The authentication context that a step-up must reach, and with which an unusual
            sign-in passes; see `Policy.acr_order`. None: any newer authentication of a
            session will do, that of a thief who knows the password too; not with mode "enforce".

    Raises:
        ConfigurationError: If a number is no whole number, or they contradict each other.
    """

    mode: Literal["observe", "enforce"] = "observe"
    points: Points = field(factory=Points)
    notify_from: int = 0
    step_up_from: int = 10
    refresh_from: int = 20
    hold_from: int | None = None
    quiet_sign_ins: int = 3
    notices_a_day: int = 3
    acr: str | None = "aal2"

    def __attrs_post_init__(self) -> None:
        if self.mode not in ("observe", "enforce"):
            raise ConfigurationError(f"mode must be observe or enforce, not {self.mode!r}")
        if not isinstance(self.points, Points):
            raise ConfigurationError(f"points must be Points, not {type(self.points).__name__}")
        if self.acr is not None and not (isinstance(self.acr, str) and self.acr):
            raise ConfigurationError(f"acr must be a text or None, not {self.acr!r}")
        limits = ("notify_from", "step_up_from", "refresh_from")
        _check_whole(self, (*limits, "quiet_sign_ins", "notices_a_day"))
        if self.notify_from > self.step_up_from:
            raise ConfigurationError("notify_from must not exceed step_up_from")
        if self.mode == "enforce" and self.acr is None:
            raise ConfigurationError('mode "enforce" needs the acr that lets a sign-in pass')
        if self.hold_from is not None:
            self._check_hold(self.hold_from)
        for name in ("quiet_sign_ins", "notices_a_day"):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"{name} must not be negative")

    def _check_hold(self, hold_from: int) -> None:
        _check_whole(self, ["hold_from"])
        if hold_from < self.step_up_from:
            raise ConfigurationError("hold_from must not be below step_up_from")
        if self.mode != "enforce":
            raise ConfigurationError('hold_from has a meaning with mode "enforce" alone')

    def __str__(self) -> str:
        limits = ["notify_from", "step_up_from", "refresh_from"]
        limits += [] if self.hold_from is None else ["hold_from"]
        lines = [f"{getattr(self, name):+4d}  {name.replace('_', ' ')}" for name in limits]
        return "\n".join([self.mode, str(self.points), *lines])
