"""
A program's side of a session: its tokens, kept, sent and renewed by `httpx.Auth`.

    auth = SessionAuth("https://api.example.com/auth", FileStore("tokens.json"))
    with httpx.Client(auth=auth, base_url="https://api.example.com") as client:
        client.get("/orders")

It needs the extra `client`. `devsess.client.keyring` has a store in the system's keyring.
"""

from __future__ import annotations

from devsess.client.auth import SessionAuth
from devsess.client.challenges import StepUp
from devsess.client.errors import (
    ClientError,
    RenewalError,
    SessionEndedError,
    StepUpUnansweredError,
    TokenStoreError,
)
from devsess.client.files import FileStore
from devsess.client.memory import MemoryStore
from devsess.client.tokens import Release, Tokens, TokenStore

__all__ = [
    "ClientError",
    "FileStore",
    "MemoryStore",
    "Release",
    "RenewalError",
    "SessionAuth",
    "SessionEndedError",
    "StepUp",
    "StepUpUnansweredError",
    "TokenStore",
    "TokenStoreError",
    "Tokens",
]
