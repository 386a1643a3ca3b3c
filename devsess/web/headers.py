"""The headers of every answer: what a page may load, and that no other site embeds it."""

from __future__ import annotations

from attrs import evolve

from devsess.adapters._http import Answer, Header

# CSP level 3. Nothing is inline, and nothing comes from elsewhere.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
SECURITY: tuple[Header, ...] = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    # Not "no-referrer": with it browsers say "Origin: null" when they send a form.
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
)


def secured(answer: Answer) -> Answer:
    """*answer* with the security headers."""
    return evolve(answer, headers=(*answer.headers, *SECURITY))
