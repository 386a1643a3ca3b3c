"""Claims that devsess itself sets, beside those of the application."""

from __future__ import annotations

from _crossed import Crossed

from devsess import SessionManager
from devsess.tokens.keys import generate_secret


def test_what_devsess_sets_meanwhile_is_kept() -> None:
    """An update that crosses another one writes neither an older claim of devsess nor none."""
    store = Crossed()
    with SessionManager(store, keys=generate_secret()) as sessions:
        session = sessions.login("ada", claims={"devsess.app": 1}).session
        store.kind = "change"
        store.other = lambda: sessions.update(session.id, claims={"devsess.app": 2})

        assert {"devsess.app": 2, "a": 1} == sessions.update(session.id, claims={"a": 1}).claims
