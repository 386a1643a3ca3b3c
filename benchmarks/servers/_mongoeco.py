"""
mongoeco's server in a process of its own: `python _mongoeco.py PORT`.

It lets one of two transactions commit, as MongoDB does, but calls the conflict by no code, and
leaves the other transaction open. Here it answers as a `mongod` would: a WriteConflict, with
the label by which a driver tells that the transaction can be run again.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from mongoeco.errors import OperationFailure
from mongoeco.wire import AsyncMongoEcoProxyServer
from mongoeco.wire.sessions import WireSessionStore

_LABELS = {"errorLabels": ["TransientTransactionError"]}


def _commit(self: Any, body: dict[str, Any]) -> dict[str, Any]:
    session = self._require_session(body)
    if session.transaction_active:
        try:
            session.commit_transaction()
        except OperationFailure as error:
            session.abort_transaction()
            raise OperationFailure("WriteConflict", code=112, details=_LABELS) from error
    return {"ok": 1.0}


async def _serve(port: int) -> None:
    server = AsyncMongoEcoProxyServer(host="127.0.0.1", port=port)
    await server.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    setattr(WireSessionStore, "commit_transaction", _commit)  # noqa: B010 - it is not typed so
    asyncio.run(_serve(int(sys.argv[1])))
