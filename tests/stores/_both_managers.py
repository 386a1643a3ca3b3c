"""Both managers over one store on a network."""

# The expected value stands first.

from __future__ import annotations

import asyncio

import pytest

from devsess import AsyncSessionManager, SessionManager, SessionRevokedError

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


def share_revocations(url: str) -> None:
    """Expect that a blocking and an awaiting manager hear at once of each other's revocations."""

    async def run() -> None:
        with SessionManager(url, keys=SECRET) as blocking:
            async with AsyncSessionManager(url, keys=SECRET) as awaiting:
                one, other = blocking.login("ada"), await awaiting.login("ada")
                assert "ada" == (await awaiting.validate(one.access_token)).user_id
                assert "ada" == blocking.validate(other.access_token).user_id
                await awaiting.revoke(one.session.id)
                assert [other.session.id] == list(blocking.revoke_all("ada"))
                with pytest.raises(SessionRevokedError):
                    blocking.validate(one.access_token)
                with pytest.raises(SessionRevokedError):
                    await awaiting.validate(other.access_token)

    asyncio.run(run())
