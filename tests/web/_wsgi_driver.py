"""A WSGI server of one request, which holds both sides to PEP 3333."""

from __future__ import annotations

import io
import sys
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.validate import validator

import httpx


def environ_of(method: str, path: str, headers: Any = (), content: bytes = b"") -> dict[str, Any]:
    """The environment of a request."""
    bare, _, query = path.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(bare).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "app.example",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(content),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if content:
        environ["CONTENT_LENGTH"] = str(len(content))
    for name, value in headers:
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = text
    return environ


def on_wsgi(
    app: Any, method: str, path: str, headers: Any = (), content: bytes = b""
) -> httpx.Response:
    """The answer of *app*."""
    started: list[Any] = []
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        assert exc_info or not started
        started[:] = [status, headers]
        return written.append

    with_ours = validator(app) if method.isalpha() and method in KNOWN else app
    parts = with_ours(environ_of(method, path, headers, content), start_response)
    try:
        body = b"".join(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    # Space around a value is no part of it (RFC 9110 §5.5).
    raw = [(name.encode("latin-1"), value.strip().encode("latin-1")) for name, value in started[1]]
    return httpx.Response(int(started[0][:3]), headers=raw, content=b"".join(written) + body)


# The validator warns of every other method; clients may send others all the same.
KNOWN = ("GET", "HEAD", "POST", "OPTIONS", "PATCH", "PUT", "DELETE", "TRACE")
