"""Filters of the admin's lists."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.utils import timezone

from devsess import lifecycle
from devsess.django.project import project
from devsess.stores.rows import EXPIRED


class StateFilter(admin.SimpleListFilter):
    """Sessions that live, or have ended."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """The choices."""
        return [("live", "Live"), ("revoked", "Ended before its time"), ("expired", "Expired")]

    def queryset(self, request: Any, queryset: Any) -> Any:  # noqa: ARG002
        """The rows of the choice."""
        at = lifecycle.cutoffs(timezone.now().timestamp(), project().options.policy)
        now = lifecycle.instant(at.now)
        is_open = Q(revoked_at__isnull=True)
        # As `lifecycle.counts_as_live` says of a row.
        is_in_time = Q(
            idle_expires_at__gt=now,
            absolute_expires_at__gt=now,
            idle_from__gt=lifecycle.instant(at.idle_after),
            created_at__gt=lifecycle.instant(at.created_after),
        )
        chosen = {
            "live": is_open & is_in_time,
            "revoked": ~is_open & ~Q(reason=EXPIRED),
            "expired": (is_open & ~is_in_time) | Q(reason=EXPIRED),
        }.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen)


class TrustFilter(admin.SimpleListFilter):
    """Devices that are trusted now, or not."""

    title = "trust"
    parameter_name = "trusted"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """The choices."""
        return [("yes", "Trusted"), ("no", "Not trusted")]

    def queryset(self, request: Any, queryset: Any) -> Any:  # noqa: ARG002
        """The rows of the choice."""
        is_trusted = Q(trusted_until__gt=timezone.now())
        if self.value() == "yes":
            return queryset.filter(is_trusted)
        return queryset.exclude(is_trusted) if self.value() == "no" else queryset


class TypeFilter(admin.SimpleListFilter):
    """Events of one type; the choices need no look at the table."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """The choices."""
        from devsess.models import EventType

        return sorted(((it.value, in_words(it.name)) for it in EventType), key=lambda it: it[1])

    def queryset(self, request: Any, queryset: Any) -> Any:  # noqa: ARG002
        """The rows of the choice."""
        return queryset.filter(type=self.value()) if self.value() else queryset


def in_words(name: str) -> str:
    """`session_created` as "Session created"."""
    return name.replace("_", " ").replace("-", " ").capitalize()
