"""axe-core on a page, in a world of its own: the page's policy stays in force."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

# WCAG 2.2 AA, and what axe recommends beyond.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = f"""
axe.run(document, {{runOnly: {TAGS}, preload: false, resultTypes: ["violations"]}}).then(
  found => found.violations.map(it => ({{
    rule: it.id, help: it.help, nodes: it.nodes.map(node => node.html.slice(0, 200))
  }}))
)
"""


@cache
def _script() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


def violations(page: Page) -> list[str]:
    """The findings of axe on *page*, which Chromium shows with scripts: rule, help and elements."""
    session = page.context.new_cdp_session(page)
    try:
        frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
        world = session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "axe"})
        context = world["executionContextId"]
        _evaluated(session, context, _script())
        found = _evaluated(session, context, _RUN)
    finally:
        session.detach()
    return [f"{it['rule']}: {it['help']}: {' '.join(it['nodes'])}" for it in found]


def _evaluated(session: Any, context: int, expression: str) -> Any:
    answer = session.send(
        "Runtime.evaluate",
        {
            "expression": expression,
            "contextId": context,
            "awaitPromise": True,
            "returnByValue": True,
        },
    )
    assert "exceptionDetails" not in answer, answer["exceptionDetails"]
    return answer["result"].get("value")
