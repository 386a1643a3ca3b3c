"""
The kinds of item that operations write; `stores/items` says what an item is.

Another kind is a line here, and a file that reads and writes its bodies.
"""

from __future__ import annotations

from typing import Final

# Of an account, one each: its habits (`habits`), and its failed sign-ins (`failing`).
PROFILE: Final = "profile"
FAILURES: Final = "failures"
# Of an account, by an id: the answers to a notice (`noticing`), a held sign-in (`holding`), and
# the other network of a session (`moving`).
NOTICE: Final = "notice"
HELD: Final = "held"
MOVED: Final = "moved"
# Those that are about a person, and so are in an export.
OF_PERSONS: Final = (PROFILE, FAILURES, HELD, NOTICE, MOVED)
# Of no account: records that many names or networks share (`failing`, `velocity`).
UNKNOWN_FAILURES: Final = "unknown-failures"
VELOCITY: Final = "velocity"
# Of no account either: the use of a ticket, under the ticket's id (`tickets`).
TICKET: Final = "ticket"
