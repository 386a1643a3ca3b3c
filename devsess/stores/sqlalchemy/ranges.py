"""Rows on one side of a place, by a condition with which each database begins there in an index."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, tuple_

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from sqlalchemy import Column, ColumnElement

    from devsess.stores.sqlalchemy.unit import Unit

    Compare = Callable[[Any, Any], Any]


def below(db: Unit, columns: Sequence[Column[Any]], place: Sequence[object]) -> ColumnElement[bool]:
    """Rows whose *columns* come before a place, in ascending order."""
    return _beyond(db, operator.lt, columns, place)


def above(db: Unit, columns: Sequence[Column[Any]], place: Sequence[object]) -> ColumnElement[bool]:
    """Rows whose *columns* come after it."""
    return _beyond(db, operator.gt, columns, place)


def _beyond(
    db: Unit, compare: Compare, columns: Sequence[Column[Any]], place: Sequence[object]
) -> ColumnElement[bool]:
    if db.dialect not in {"mysql", "mariadb"}:
        beyond: ColumnElement[bool] = compare(tuple_(*columns), tuple(place))
        return beyond
    # These begin at no place by a comparison of rows; the others do not without one.
    pairs = list(zip(columns, place, strict=True))
    return or_(
        *(
            and_(*(column == value for column, value in pairs[:number]), compare(*pair))
            for number, pair in enumerate(pairs)
        )
    )
