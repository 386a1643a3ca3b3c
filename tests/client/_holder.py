"""A program that locks a store, says so, and stays until it is ended."""

from __future__ import annotations

import sys
import time

from devsess.client import FileStore

release = FileStore(sys.argv[1]).try_lock()
print("locked" if release else "not locked", flush=True)
time.sleep(60)
