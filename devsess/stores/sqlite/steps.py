"""What the steps of the schema share."""

from __future__ import annotations

from typing import Any


def execute_each(db: Any, statements: str) -> None:
    """Execute them one by one: `executescript` would commit the transaction that it runs in."""
    for statement in statements.split(";"):
        if statement.strip():
            db.conn.execute(statement)
