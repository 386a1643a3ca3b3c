"""
A process that signs in, refreshes and revokes on one store until its input is closed.

Its output has a line for each thing that it did: its number, what, and the token that it is about.
"""

from __future__ import annotations

import sys
import threading
from itertools import count

from devsess import SessionManager

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


def main(location: str) -> None:
    over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    with SessionManager(location, keys=SECRET) as sessions:
        for number in count():
            if over.is_set():
                return
            user = f"user-{number % 40}"
            grant = sessions.login(user)
            if number % 3 == 1:
                grant = sessions.refresh(grant.refresh_token)
            if number % 11 == 5:
                sessions.revoke_all(user)
                print(number, "all", user, flush=True)
            elif number % 3 == 2:
                sessions.revoke(grant.session.id)
                print(number, "revoked", grant.access_token, flush=True)
            else:
                print(number, f"live/{user}", grant.refresh_token, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
