"""
The page that says to a person that the store is down.

It looks as the pages of `web` do, which may not be there: its few rules are a copy of theirs. No
file is asked for, and the policy allows this very style alone (CSP level 3, §2.3.1).
"""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import Final

from devsess.adapters._http import NO_STORE, Answer

STYLE: Final = """
:root {
  color-scheme: light dark;
  --ds-font: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans Arabic",
    sans-serif;
  --ds-page: light-dark(#f5f6f8, #131417);
  --ds-text: light-dark(#1a1c20, #e8eaed);
  --ds-quiet: light-dark(#565b64, #a9aeb7);
  --ds-width: 44rem;
}
body {
  margin: 0; background: var(--ds-page); color: var(--ds-text);
  font: 1rem/1.5 var(--ds-font); overflow-wrap: anywhere; -webkit-text-size-adjust: 100%;
}
*, ::before, ::after { box-sizing: border-box; }
h1 { margin: 0 0 .625rem; font-size: 1.6rem; line-height: 1.25; text-wrap: balance; }
p { margin: 0 0 1rem; text-wrap: pretty; }
.ds-main {
  max-width: var(--ds-width); margin: 0 auto; padding: clamp(1.25rem, 4vw, 2.5rem) 1rem 4rem;
}
.ds-lead { color: var(--ds-quiet); max-width: 38rem; margin-bottom: 1.5rem; }
"""
_PAGE: Final = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Please try again in a moment</title>
<style>{STYLE}</style>
</head>
<body>
<main class="ds-main">
<h1>Please try again in a moment</h1>
<p class="ds-lead">Your session cannot be read right now. You are still signed in.</p>
</main>
</body>
</html>
""".encode()
_DIGEST: Final = base64.b64encode(sha256(STYLE.encode()).digest()).decode()
_POLICY: Final = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; frame-ancestors 'none'"


def try_again_page(retry_after: str) -> Answer:
    """The page; for a person, who would be shown a problem document as it is."""
    headers = (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", str(len(_PAGE))),
        ("Content-Security-Policy", _POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Retry-After", retry_after),
        NO_STORE,
    )
    return Answer(503, headers, _PAGE)
