"""The admin's lists of sessions, devices and history; every change goes through the manager."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.utils.formats import localize
from django.utils.timezone import template_localtime

from devsess.django.filters import StateFilter, TrustFilter, TypeFilter, in_words
from devsess.django.listing import ShownAdmin, StoreAdmin, part, users_of
from devsess.django.models import Device, Event, Exchange, Session
from devsess.django.project import project
from devsess.history.sentences import About, proof, text
from devsess.manager import SessionManager
from devsess.models import Event as HistoryEvent
from devsess.models import EventType

REASON = "ended by staff"


@admin.register(Session)
class SessionAdmin(StoreAdmin):
    """Sign-ins, newest first."""

    list_display = ("created_at", "user", "device", "state", "ip", "place", "last_seen_at")
    list_display_links = ("created_at",)
    list_filter = (StateFilter, "created_at", "last_seen_at")
    ordering = ("-created_at", "-id")
    sortable_by = ("created_at", "user")
    search_fields = ("id", "device_id", "ip")
    search_help_text = "A user's name or id, an address, or the id of a session or device: in full"
    actions = ("revoke", "revoke_users")
    fields = (
        *("user", "device", "place", "ip", "user_agent", "state", "created_at", "last_seen_at"),
        *("expires_at", "auth_time", "amr", "score", "reason", "device_id", "id"),
    )
    readonly_fields = (
        *("user", "device", "place", "user_agent", "state", "expires_at", "auth_time", "amr"),
        "score",
    )

    def get_list_display(self, request: Any) -> Sequence[str]:  # noqa: ARG002
        """Without places, where the project looks none up."""
        has_places = project().options.locator is not None or project().options.manager is not None
        return [it for it in self.list_display if has_places or it != "place"]

    def view_of(self, sessions: SessionManager, row: Any) -> Any:
        """The session as the manager has it."""
        return sessions.get(row.id)

    @admin.display(description="device")
    def device(self, row: Any) -> str:
        """As its user knows it."""
        return part(row, lambda it: str(it.device))

    @admin.display(description="place", empty_value="")
    def place(self, row: Any) -> str:
        """Where the address is."""
        return part(row, lambda it: str(it.location or ""))

    @admin.display(description="state")
    def state(self, row: Any) -> str:
        """By the manager, whose law it is."""
        if row.view is None:
            return "deleted"
        if row.view.is_active:
            return "live"
        return "ended" if row.view.revoked and row.view.revoke_reason != "expired" else "expired"

    @admin.display(description="browser says")
    def user_agent(self, row: Any) -> str:
        """As it was sent."""
        return part(row, lambda it: it.user_agent or "")

    @admin.display(description="ends")
    def expires_at(self, row: Any) -> str:
        """Idle or absolute, whichever comes first."""
        return part(row, lambda it: _instant(it.expires_at))

    @admin.display(description="proved themselves")
    def auth_time(self, row: Any) -> str:
        """When, for the last time."""
        return part(row, lambda it: _instant(it.auth_time))

    @admin.display(description="how")
    def amr(self, row: Any) -> str:
        """The methods of that, and who asked for them."""
        return part(row, lambda it: proof(it.amr, it.provider))

    @admin.display(description="risk")
    def score(self, row: Any) -> Any:
        """The points of the most unusual request, where they were counted."""
        return row.view and row.view.score

    @admin.action(description="End the selected sessions", permissions=["end"])
    def revoke(self, request: Any, queryset: Any) -> None:
        """End them."""

        def end(sessions: SessionManager, row: Any, actor: str) -> bool:
            return sessions.revoke(row.id, user_id=row.user_id, reason=REASON, actor=actor)

        self.do_to_each(request, queryset, end, "Sessions ended")

    @admin.action(description="End all sessions of the selected users", permissions=["end"])
    def revoke_users(self, request: Any, queryset: Any) -> None:
        """End all that they have, but for the one that asks."""
        sessions, actor = project().sessions, str(request.user.pk)
        own = request.devsess.session
        users = set(queryset.values_list("user_id", flat=True))
        count = 0
        for user_id in sorted(users):
            keep = own.id if own is not None and own.user_id == user_id else None
            count += len(sessions.revoke_all(user_id, keep=keep, reason=REASON, actor=actor))
        self.message_user(request, f"Sessions ended: {count}", messages.SUCCESS)


@admin.register(Device)
class DeviceAdmin(StoreAdmin):
    """Browsers and apps, latest sign-in first."""

    list_display = ("label", "user", "kind", "first_seen_at", "last_seen_at", "trusted", "blocked")
    list_filter = (TrustFilter, "blocked", "first_seen_at", "last_seen_at")
    ordering = ("-last_seen_at", "-id")
    sortable_by = ("last_seen_at", "user")
    search_fields = ("id",)
    search_help_text = "A user's name or id, or the id of a device: in full"
    actions = ("block", "unblock", "end_trust", "forget")
    fields = (
        *("label", "user", "kind", "os", "browser", "first_seen_at", "last_seen_at"),
        *("trusted_until", "blocked", "id"),
    )
    readonly_fields = ("label", "user", "kind", "os", "browser")

    def get_queryset(self, request: Any) -> Any:
        """Forgotten ones are gone, for people."""
        return super().get_queryset(request).filter(forgotten=False)

    def view_of(self, sessions: SessionManager, row: Any) -> Any:
        """The device as the manager has it."""
        return sessions.device(row.user_id, row.id)

    @admin.display(description="device")
    def label(self, row: Any) -> str:
        """As its user knows it."""
        return part(row, str) or str(row.id)

    @admin.display(description="kind")
    def kind(self, row: Any) -> str:
        """Phone, tablet, desktop."""
        return part(row, lambda it: str(it.kind))

    @admin.display(description="system")
    def os(self, row: Any) -> str:
        """Its operating system."""
        return part(row, lambda it: it.os)

    @admin.display(description="browser")
    def browser(self, row: Any) -> str:
        """Its browser or program."""
        return part(row, lambda it: it.browser)

    @admin.display(description="trusted until")
    def trusted(self, row: Any) -> Any:
        """End of the trust in it."""
        return row.view and row.view.trusted_until

    @admin.action(
        description="Block the selected devices, and end their sessions", permissions=["end"]
    )
    def block(self, request: Any, queryset: Any) -> None:
        """Refuse them at sign-in."""
        self.do_to_each(request, queryset, _by("block_device"), "Devices blocked")

    @admin.action(description="Unblock the selected devices", permissions=["end"])
    def unblock(self, request: Any, queryset: Any) -> None:
        """Let them sign in again."""
        self.do_to_each(request, queryset, _by("unblock_device"), "Devices unblocked")

    @admin.action(description="End the trust in the selected devices", permissions=["end"])
    def end_trust(self, request: Any, queryset: Any) -> None:
        """Ask them for as much as an unknown one."""

        def distrust(sessions: SessionManager, row: Any, actor: str) -> bool:
            return sessions.trust_device(row.user_id, row.id, None, actor=actor) is not None

        self.do_to_each(request, queryset, distrust, "Trust ended")

    @admin.action(
        description="Forget the selected devices, and end their sessions", permissions=["end"]
    )
    def forget(self, request: Any, queryset: Any) -> None:
        """Take them for new ones at the next sign-in."""
        self.do_to_each(request, queryset, _by("forget_device"), "Devices forgotten")


@admin.register(Event)
class EventAdmin(StoreAdmin):
    """The history, newest first."""

    list_display = ("at", "user", "happened", "ip")
    list_filter = (TypeFilter, "at")
    ordering = ("-seq",)
    sortable_by = ("at", "user")
    search_fields = ("session_id",)
    search_help_text = "A user's name or id, or the id of a session: in full"
    fields = ("at", "user", "happened", "ip", "session_id", "device_id", "reason", "by")
    readonly_fields = ("happened", "user", "by")

    def complete(self, rows: Sequence[Any]) -> None:
        """Also the name of whoever did it."""
        super().complete(rows)
        doers = users_of({row.actor for row in rows if _is_by_another(row)})
        for row in rows:
            row.doer = str(doers.get(row.actor, row.actor)) if _is_by_another(row) else ""

    def view_of(self, sessions: SessionManager, row: Any) -> Any:
        """The device that it is about."""
        return row.device_id and sessions.device(row.user_id, row.device_id)

    @admin.display(description="what", ordering="type")
    def happened(self, row: Any) -> str:
        """The event, in words."""
        return _sentence(row)

    @admin.display(description="by", empty_value="")
    def by(self, row: Any) -> str:
        """The person who did it, where that was not the user."""
        return str(row.doer)


@admin.register(Exchange)
class ExchangeAdmin(ShownAdmin):
    """Credentials of other libraries that were exchanged: how many are left shows in time."""

    list_display = ("at", "kind", "user")
    list_filter = ("kind", "at")
    ordering = ("-at",)
    search_fields = ("session_id",)
    search_help_text = "A user's name or id, or the id of a session: in full"
    fields = ("at", "kind", "user", "session_id")
    readonly_fields = ("user",)

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        """While credentials are exchanged: to those who have the permission."""
        is_allowed: bool = super().has_view_permission(request, obj)
        return is_allowed and project().options.exchange_until is not None


def _is_by_another(row: Any) -> bool:
    return bool(row.actor) and row.actor != row.user_id


def _sentence(row: Any) -> str:
    """An event as the pages of devsess tell it."""
    try:
        kind = EventType(row.type)
    except ValueError:  # of a newer devsess
        return in_words(row.type)
    event = HistoryEvent(
        type=kind,
        at=row.at,
        user_id=row.user_id,
        reason=row.reason,
        actor=row.doer or row.actor,
    )
    return text(event, About(device=part(row, str) or None))


def _instant(instant: Any) -> str:
    shown: str = localize(template_localtime(instant))
    return shown


def _by(method: str) -> Callable[[SessionManager, Any, str], bool]:
    def act(sessions: SessionManager, row: Any, actor: str) -> bool:
        return getattr(sessions, method)(row.user_id, row.id, actor=actor) is not None

    return act
