"""
The tables of the store, to be looked at.

They are made and written by devsess alone: changes go through the manager, which tells
every process of them. Only what is listed or filtered is a field; a session's page asks
the manager for the rest.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import models

from devsess.django.conf import table
from devsess.django.fields import InstantField
from devsess.django.project import project

_REFUSED = "devsess.django.manager() alone writes the store: it tells every process"


class Rows(models.QuerySet):
    """Rows of the store, which are not written here."""

    def update(self, **_: Any) -> int:
        """
        Refuse.

        Raises:
            TypeError: Always.
        """
        raise TypeError(_REFUSED)

    def delete(self) -> tuple[int, dict[str, int]]:
        """As update."""
        raise TypeError(_REFUSED)

    def bulk_create(self, *_: Any, **__: Any) -> list[Any]:
        """As update."""
        raise TypeError(_REFUSED)


class StoreManager(models.Manager.from_queryset(Rows)):  # type: ignore[misc]
    """Rows of the store's own database."""

    def get_queryset(self) -> Any:
        """All rows, in the database that the settings name."""
        alias = project().options.tables
        if alias is None:
            raise ImproperlyConfigured(
                'these models need DEVSESS = {"database": ...}, or {"store": "default"}'
            )
        return super().get_queryset().using(alias)


class ReadOnly(models.Model):
    """A row that is not written here."""

    objects = StoreManager()

    class Meta:
        abstract = True

    def save(self, *_: Any, **__: Any) -> None:
        """
        Refuse.

        Raises:
            TypeError: Always.
        """
        raise TypeError(_REFUSED)

    delete = save


class Session(ReadOnly):
    """A sign-in."""

    id = models.TextField(primary_key=True)
    user_id = models.TextField("user")
    device_id = models.TextField()
    ip = models.TextField("address", null=True)
    created_at = InstantField("signed in")
    last_seen_at = InstantField("last active")
    idle_from = InstantField("idle from")
    idle_expires_at = InstantField("idle until")
    absolute_expires_at = InstantField("ends at the latest")
    revoked_at = InstantField("ended", null=True)
    reason = models.TextField(null=True)

    class Meta:
        managed = False
        db_table = table("sessions")
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        who, view = getattr(self, "account", None), getattr(self, "view", None)
        what = f"session {self.id}" if view is None else str(view.device)
        return f"{who or self.user_id}, {what}"


class Device(ReadOnly):
    """A browser or app that an account signs in from."""

    id = models.TextField(primary_key=True)
    user_id = models.TextField("user")
    first_seen_at = InstantField("first seen")
    last_seen_at = InstantField("last seen")
    trusted_until = InstantField(null=True)
    blocked = models.BooleanField()
    forgotten = models.BooleanField()

    class Meta:
        managed = False
        db_table = table("devices")
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        who, view = getattr(self, "account", None), getattr(self, "view", None)
        return f"{who or self.user_id}, {view or self.id}"


class Event(ReadOnly):
    """An entry of an account's history."""

    seq = models.BigIntegerField(primary_key=True)
    type = models.TextField()
    at = InstantField("time")
    user_id = models.TextField("user")
    session_id = models.TextField(null=True)
    device_id = models.TextField(null=True)
    ip = models.TextField("address", null=True)
    reason = models.TextField(null=True)
    actor = models.TextField(null=True)

    class Meta:
        managed = False
        db_table = table("events")
        default_permissions = ("view",)
        verbose_name_plural = "history"

    def __str__(self) -> str:
        return f"{self.type} of {self.user_id}"


class Exchange(models.Model):
    """A credential of another library that was exchanged for a session: a row of the project's."""

    digest = models.CharField(primary_key=True, max_length=64)
    kind = models.CharField(max_length=20, db_index=True)
    user_id = models.CharField("user", max_length=255)
    session_id = models.CharField(max_length=64)
    at = models.DateTimeField("time")

    class Meta:
        default_permissions = ("view",)
        verbose_name = "exchanged credential"

    def __str__(self) -> str:
        return f"{self.kind} of {self.user_id}"
