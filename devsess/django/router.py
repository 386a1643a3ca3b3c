"""`DATABASE_ROUTERS`: the store's database is devsess's own, and nothing else goes there."""

from __future__ import annotations

from typing import Any

from devsess.django.project import project


class Router:
    """Keeps the tables of other apps out of the database that `DEVSESS` names."""

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool | None:  # noqa: ARG002
        """False for that database, where it is not the project's own."""
        return False if db != "default" and db == project().options.database else None
