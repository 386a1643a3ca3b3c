"""A program of its own: it waits for a line, then asks, and prints the status."""

from __future__ import annotations

import sys

import httpx

from devsess.client import FileStore, SessionAuth

site, path = sys.argv[1:]
auth = SessionAuth(f"{site}/auth", FileStore(path))
with httpx.Client(auth=auth, base_url=site, timeout=30) as client:
    client.get("/wrong-password")
    print("ready", flush=True)
    for _ in sys.stdin:
        print(client.get("/me").status_code, flush=True)
