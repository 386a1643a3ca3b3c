"""
Sign-ins of one account from a process of its own: `python _mongodb_sign_ins.py URL NAME COUNT`.

Each is the login of a session under a limit of three, whatever the others do. Prints how many
were let in.
"""

from __future__ import annotations

import sys

from attrs import evolve

from devsess._runtime.drive import drive
from devsess.stores.base import Inserted
from devsess.stores.mongodb import MongoStore
from devsess.testing._rows import login, session_row


def main(url: str, name: str, count: int) -> None:
    store = MongoStore(url, timeout=60.0)
    let_in = 0
    for number in range(count):
        row = session_row(f"{name}-{number}", device=f"device-{name}")
        row = evolve(row, ending_number=drive(store.ending_number("user-1")))
        let_in += isinstance(drive(store.insert(login(row, limit=3))), Inserted)
    drive(store.close())
    print(let_in)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
