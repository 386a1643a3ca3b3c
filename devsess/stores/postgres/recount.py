"""
The statistics of a schema that was written before there were any: its rows and events, counted.

A step of the schema, in SQL alone. Its numbers are those of `stores.counting`, written out: what
a step does stays as it is.
"""

from __future__ import annotations

_AGES = ", ".join(map(str, (0, *(round(60 * 2 ** (third / 3)) for third in range(61)))))
_KINDS = "'desktop', 'phone', 'tablet', 'tv', 'bot', 'app'"
_WAYS = (
    "'replaced', 'evicted', 'erased', 'logout', 'revoked', 'signed out by its user',"
    " 'device-blocked', 'device-forgotten', 'foreign-device', 'late', 'stale', 'impersonator',"
    " 'refused', 'undeliverable', 'disowned'"
)
_MOST = {"device": 200, "place": 400, "reason": 50}
_EVENTS = {
    "denied": "authn_login_denied",
    "limited": "excess_sessions_exceeded",
    "new_devices": "new_device",
    "reused": "authn_token_reuse",
    "stepped_up": "session_stepped_up",
    "step_ups_asked": "step_up_asked",
    "held": "sign_in_held",
    "approved": "sign_in_approved",
    "refused": "sign_in_refused",
    "confirmed": "sign_in_confirmed",
    "disowned": "sign_in_disowned",
}
_VERDICTS = {"risk_notify": "notify", "risk_step_up": "step_up", "risk_deny": "deny"}
_SIGN_INS = "'session_created', 'sign_in_held', 'authn_login_denied'"

_KIND = f"CASE WHEN d.kind IN ({_KINDS}) THEN d.kind ELSE 'unknown' END"
_WITH_DEVICE = (
    "{s}.sessions s LEFT JOIN {s}.devices d ON d.user_id = s.user_id AND d.id = s.device_id"
)
# Each session that is written as ended: when, why, how old, and on what.
_ENDED = (
    "(SELECT floor(greatest(least(s.idle_expires_at, s.revoked_at), 0))::bigint AS at,"  # noqa: S608
    " s.idle_expires_at <= s.revoked_at AS lapsed,"
    " CASE WHEN s.idle_expires_at <= s.revoked_at THEN 'expired'"
    " ELSE coalesce(s.reason, '') END AS reason,"
    f" floor(greatest(s.created_at, 0))::bigint AS created_at, {_KIND} AS kind"
    f" FROM {_WITH_DEVICE} WHERE s.revoked_at IS NOT NULL) AS e"
)
_ADD = "ON CONFLICT (quarter, slot) DO UPDATE SET "


def _quarters(columns: dict[str, str], at: str, source: str) -> str:
    """The statement that adds to the quarters."""
    sums = ", ".join(f"{name} = q.{name} + excluded.{name}" for name in columns)
    return (
        f"INSERT INTO {{s}}.quarters AS q (quarter, slot, {', '.join(columns)})"  # noqa: S608
        f" SELECT floor(greatest({at}, 0) / 900)::bigint, 0, {', '.join(columns.values())}"
        f" FROM {source} GROUP BY 1 {_ADD}{sums}"
    )


def _tallies(dimension: str, key: str, at: str, source: str) -> str:
    """The statement that adds to the tallies: the most frequent keys of each day have a place."""
    return (
        "INSERT INTO {s}.tallies (day, dimension, key, slot, count)"  # noqa: S608
        f" SELECT day, '{dimension}',"
        f" CASE WHEN place <= {_MOST[dimension]} THEN key ELSE '' END, 0, sum(count)"
        " FROM (SELECT day, key, count(*) AS count,"
        " row_number() OVER (PARTITION BY day ORDER BY key = '', count(*) DESC, key) AS place"
        f" FROM (SELECT floor(greatest({at}, 0) / 86400)::bigint AS day, {key} AS key"
        f" FROM {source}) AS each GROUP BY day, key) AS ranked GROUP BY 1, 2, 3"
    )


def _joined(*parts: str) -> str:
    """A key: its parts, short and without control characters, with tabs between them."""
    clean = (
        f"regexp_replace(left(coalesce({it}, ''), 64), '[[:cntrl:]]', ' ', 'g')" for it in parts
    )
    return " || chr(9) || ".join(clean)


def _of_place(position: int) -> str:
    return f"s.location::json ->> {position}"


_DEGREES = "round(({})::numeric)::text"
_PLACE = _joined(
    *(_of_place(6), _of_place(1), _of_place(0)),
    *(_DEGREES.format(_of_place(2)), _DEGREES.format(_of_place(3))),
)
_BEGUN = (
    "INSERT INTO {s}.spans (week, age, reason, kind, slot, count)"  # noqa: S608
    f" SELECT floor(greatest(s.created_at, 0) / 604800)::bigint, -1, '', {_KIND}, 0, count(*)"
    f" FROM {_WITH_DEVICE} GROUP BY 1, 4"
)
_OVER = (
    "INSERT INTO {s}.spans (week, age, reason, kind, slot, count)"  # noqa: S608
    " SELECT e.created_at / 604800,"
    f" width_bucket(greatest(e.at - e.created_at, 0), ARRAY[{_AGES}]::bigint[]) - 1,"
    f" CASE WHEN e.reason IN ('expired', {_WAYS}) THEN e.reason ELSE '' END, e.kind, 0, count(*)"
    f" FROM {_ENDED} GROUP BY 1, 2, 3, 4"
)
_SIZES = ("n = 1", "n = 2", "n = 3", "n BETWEEN 4 AND 5", "n BETWEEN 6 AND 10", "n > 10")
# A step of its own, later than the rest: accounts by how many sessions are open to them.
_COLUMNS = ("users_1", "users_2", "users_3", "users_4", "users_6", "users_11")
OPEN_TO_ACCOUNTS = (
    "ALTER TABLE {s}.opened "
    + ", ".join(f"ADD COLUMN {it} bigint NOT NULL DEFAULT 0" for it in _COLUMNS),
    f"INSERT INTO {{s}}.opened AS o (slot, count, {', '.join(_COLUMNS)})"  # noqa: S608
    f" SELECT 0, 0, {', '.join(f'count(*) FILTER (WHERE {it})' for it in _SIZES)}"
    " FROM (SELECT count(*) AS n FROM {s}.sessions WHERE revoked_at IS NULL GROUP BY user_id) u"
    " ON CONFLICT (slot) DO UPDATE SET " + ", ".join(f"{it} = excluded.{it}" for it in _COLUMNS),
)
STATEMENTS = (
    "INSERT INTO {s}.opened SELECT 0, count(*) FROM {s}.sessions WHERE revoked_at IS NULL",
    _quarters(
        {"signed_in": "count(*)", "impersonated": "count(s.impersonator)"},
        "s.created_at",
        "{s}.sessions s",
    ),
    _quarters({"ended": "count(*)", "expired": "count(*) FILTER (WHERE e.lapsed)"}, "e.at", _ENDED),
    _quarters(
        {it: f"count(*) FILTER (WHERE e.type = '{kind}')" for it, kind in _EVENTS.items()},
        "e.at",
        "{s}.events e",
    ),
    _quarters(
        {
            it: f"count(*) FILTER (WHERE e.assessment::json ->> 'decision' = '{decision}')"
            for it, decision in _VERDICTS.items()
        },
        "e.at",
        f"(SELECT * FROM {{s}}.events WHERE type IN ({_SIGN_INS})) AS e",  # noqa: S608
    ),
    _BEGUN,
    _OVER,
    _tallies("device", _joined("d.browser", "d.os", _KIND), "s.created_at", _WITH_DEVICE),
    _tallies("reason", _joined("e.reason"), "e.at", _ENDED),
    _tallies(
        "place",
        _PLACE,
        "s.created_at",
        "{s}.sessions s WHERE s.location IS NOT NULL",
    ),
)
