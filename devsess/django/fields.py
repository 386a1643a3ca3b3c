"""Columns as the stores have them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone


class InstantField(models.DateTimeField):
    """An instant that is kept as seconds since 1970; filters take it for Django's own."""

    def get_internal_type(self) -> str:
        """The type of the column."""
        return "FloatField"

    def from_db_value(self, value: float | None, *_: Any) -> datetime | None:
        """Seconds as an instant."""
        if value is None:
            return None
        instant = datetime.fromtimestamp(value, UTC)
        return instant if settings.USE_TZ else timezone.make_naive(instant)

    def get_db_prep_value(
        self,
        value: Any,
        connection: Any,  # noqa: ARG002 - as Django calls it
        prepared: bool = False,  # noqa: ARG002
    ) -> float | None:
        """An instant as seconds."""
        if isinstance(value, float):
            return value
        instant = self.to_python(value)
        if instant is None:
            return None
        aware = timezone.make_aware(instant) if timezone.is_naive(instant) else instant
        return float(aware.timestamp())
