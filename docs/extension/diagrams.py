"""
Draw the diagrams of the site: who says what to whom, from top to bottom.

    python docs/extension/diagrams.py

A diagram stands within its page and takes the colours of the page; as a file of its own it follows
the reader's system.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Literal

from attrs import frozen

FOLDER = Path(__file__).parents[1] / "diagrams"
WIDTH, TOP, ROW, MARGIN = 760, 84, 46, 20
Kind = Literal["call", "answer", "bad", "note", "part"]


@frozen
class Step:
    """
    One line of a diagram.

    Attributes:
        kind: A call, its answer, a bad answer, a note at one lane, or a part's title.
        words: The message.
        source: The number of the lane that says it.
        target: The number of the lane that hears it.
    """

    kind: Kind
    words: str
    source: int = 0
    target: int = 0


@frozen
class Diagram:
    """A picture: its title for people who do not see it, its lanes, its steps."""

    title: str
    lanes: tuple[str, ...]
    steps: tuple[Step, ...]


DIAGRAMS = {
    "validation": Diagram(
        "A validation, answered from memory or from the store",
        ("your app", "manager", "memory", "store"),
        (
            Step("call", "validate(token)", 0, 1),
            Step("call", "has anything been committed? (the mark)", 1, 3),
            Step("part", "nothing new, and the token was seen before"),
            Step("call", "this token, this client?", 1, 2),
            Step("answer", "Session, after about a microsecond", 1, 0),
            Step("part", "something new, or a new token"),
            Step("call", "read the log of changes", 1, 3),
            Step("call", "forget the sessions in it", 1, 2),
            Step("note", "verify the signature", 1),
            Step("call", "read the row", 1, 3),
            Step("note", "check deadlines and device", 1),
            Step("answer", "Session, or the error that says why not", 1, 0),
        ),
    ),
    "refresh-race": Diagram(
        "Two tabs refresh at once, and a thief comes late",
        ("tab one", "tab two", "manager", "thief"),
        (
            Step("call", "refresh(token 1)", 0, 2),
            Step("call", "refresh(token 1)", 1, 2),
            Step("note", "one of them rotates: generation 2", 2),
            Step("answer", "token 2", 2, 0),
            Step("answer", "token 2, the same one", 2, 1),
            Step("part", "token 2 is used, and the 30 seconds are over"),
            Step("call", "refresh(token 1)", 3, 2),
            Step("note", "a copy: the session ends", 2),
            Step("bad", "RefreshTokenReusedError", 2, 3),
            Step("bad", "SessionRevokedError: sign in again", 2, 0),
        ),
    ),
    "revocation": Diagram(
        "A revocation in one process, seen by another",
        ("process A", "store", "process B", "its user"),
        (
            Step("note", "has the session in memory", 2),
            Step("call", "revoke(session)", 0, 1),
            Step("note", "one commit: its end, and its id in the log", 1),
            Step("answer", "True: it is on the disk", 1, 0),
            Step("part", "from here on, no process accepts it"),
            Step("call", "a request", 3, 2),
            Step("call", "the mark has changed", 2, 1),
            Step("answer", "the new entries of the log", 1, 2),
            Step("note", "forgets the session", 2),
            Step("call", "read the row", 2, 1),
            Step("answer", "revoked", 1, 2),
            Step("bad", "401", 2, 3),
        ),
    ),
}

SVG = 'xmlns="http://www.w3.org/2000/svg" role="img"'
STYLE = """
.diagram { --ink: var(--color-foreground-primary, #1f2328);
  --soft: var(--color-foreground-muted, #59636e); --line: var(--color-background-border, #d1d9e0);
  --box: var(--color-background-secondary, #f6f8fa);
  --ground: var(--color-background-primary, #fff); --good: var(--color-brand-content, #0b5cad);
  --bad: #c0362c; font: 13px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { svg.diagram:root { --ink: #e6edf3; --soft: #9198a1;
  --line: #3d444d; --box: #151b23; --ground: #0d1117; --good: #79b8ff; --bad: #ff8a80; } }
body[data-theme="dark"] .diagram { --bad: #ff8a80; }
@media (prefers-color-scheme: dark) { body:not([data-theme="light"]) .diagram { --bad: #ff8a80; } }
.diagram text { fill: var(--ink); text-anchor: middle; }
.diagram .head { font-weight: 600; } .diagram .soft { fill: var(--soft); }
.diagram rect { fill: var(--box); stroke: var(--line); }
.diagram .ground { fill: var(--ground); stroke: none; }
.diagram line, .diagram path { stroke: var(--soft); stroke-opacity: .4; fill: none; }
.diagram .call, .diagram .answer { stroke: var(--good); stroke-width: 1.5; stroke-opacity: 1; }
.diagram .bad { stroke: var(--bad); stroke-width: 1.5; stroke-opacity: 1; }
.diagram .answer, .diagram .bad { stroke-dasharray: 5 3; }
.diagram .tip { fill: var(--good); stroke: none; }
.diagram .badtip { fill: var(--bad); stroke: none; }
.diagram text.bad { fill: var(--bad); stroke: none; }
"""


def drawn(diagram: Diagram) -> str:
    """The picture as SVG."""
    height = TOP + ROW * len(diagram.steps)
    lines = [
        f'<svg class="diagram" {SVG} viewBox="0 0 {WIDTH} {height}">',
        f"<title>{escape(diagram.title)}</title>",
        f"<style>{STYLE}</style>",
        *_lanes(diagram, height),
    ]
    for number, step in enumerate(diagram.steps):
        lines += _step(diagram, step, TOP + ROW * number)
    return "\n".join([*lines, "</svg>", ""])


def _middle(diagram: Diagram, lane: int) -> int:
    return round(WIDTH * (lane + 0.5) / len(diagram.lanes))


def _lanes(diagram: Diagram, height: int) -> Iterator[str]:
    for number, name in enumerate(diagram.lanes):
        x = _middle(diagram, number)
        yield f'<line x1="{x}" x2="{x}" y1="48" y2="{height - 8}"/>'
        yield f'<rect x="{x - 62}" y="14" width="124" height="34" rx="6"/>'
        yield f'<text class="head" x="{x}" y="36">{escape(name)}</text>'


def _step(diagram: Diagram, step: Step, y: int) -> Iterator[str]:
    words = escape(step.words)
    if step.kind == "part":
        yield f'<path d="M{MARGIN} {y - 4}H{WIDTH - MARGIN}" stroke-dasharray="2 4"/>'
        yield f'<text class="soft" x="{WIDTH // 2}" y="{y + 18}" font-style="italic">{words}</text>'
    elif step.kind == "note":
        yield from _note(_middle(diagram, step.source), y, words)
    else:
        yield from _arrow(diagram, step, y, words)


def _note(x: int, y: int, words: str) -> Iterator[str]:
    wide = 7 * len(words) + 24
    left = min(max(x - wide // 2, 4), WIDTH - wide - 4)
    yield f'<rect x="{left}" y="{y - 8}" width="{wide}" height="28" rx="14"/>'
    yield f'<text x="{left + wide // 2}" y="{y + 11}">{words}</text>'


def _arrow(diagram: Diagram, step: Step, y: int, words: str) -> Iterator[str]:
    start, end = _middle(diagram, step.source), _middle(diagram, step.target)
    ahead = 1 if end > start else -1
    is_bad = step.kind == "bad"
    middle = (start + end) // 2
    # Over the lines that they cross, words stand on ground of their own.
    wide = 7 * len(words) + 8
    yield f'<rect class="ground" x="{middle - wide // 2}" y="{y - 12}" width="{wide}" height="17"/>'
    kind = ' class="bad"' if is_bad else ""
    yield f'<text{kind} x="{middle}" y="{y}">{words}</text>'
    yield f'<path class="{step.kind}" d="M{start + 2 * ahead} {y + 10}H{end - 8 * ahead}"/>'
    tip = f"M{end - 2 * ahead} {y + 10}l{-9 * ahead} -4.5v9z"
    yield f'<path class="{"badtip" if is_bad else "tip"}" d="{tip}"/>'


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for name, diagram in DIAGRAMS.items():
        (FOLDER / f"{name}.svg").write_text(drawn(diagram), "utf-8")


if __name__ == "__main__":
    main()
