"""Forks while a thread imports a module that is loaded late; prints how the child ended."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings

from devsess import Client, SessionManager
from devsess.devices.recognise import traits

# The child takes this long at most; the parent's threads are no news.
SECONDS = 10
warnings.filterwarnings("ignore", "This process", DeprecationWarning)
path, keys, way, late = sys.argv[1:]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
client = Client(ip="192.0.2.1", user_agent=FIREFOX)
sessions = SessionManager(path, keys=keys)
is_imported, forks = threading.Event(), threading.Event()


class Holding:
    """Holds the import of *late* up until the fork has begun."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == late:
            is_imported.set()
            forks.wait()


def sign_in() -> object:
    """A first sign-in's late imports; a whole one may be in OpenSSL, which has locks of its own."""
    return traits(client)


sys.meta_path.insert(0, Holding)
os.register_at_fork(before=forks.set)  # the last one registered is called first
thread = threading.Thread(target=sessions.warm if way == "warm" else sign_in)
thread.start()
is_imported.wait()
child = os.fork()
if child == 0:
    signal.alarm(SECONDS)
    sessions.login("ada", client)
    os._exit(0)
thread.join()
print(os.waitpid(child, 0)[1], len(sessions.list("ada")))
sessions.close()
