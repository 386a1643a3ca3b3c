"""The messages of the pages, as they stand in templates and in code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen
from jinja2 import nodes

import devsess.web
from devsess.web.drawing import environment
from devsess.web.times import MONTHS

WEB = Path(devsess.web.__file__).parent
# Functions whose first arguments are messages, and how many of them are.
MARKS = {"_": 1, "msg": 1, "say": 1, "plural": 2, "of": 2}


@frozen
class Message:
    """A message: its text, its plural or context where it has one."""

    text: str
    plural: str | None = None
    context: str | None = None

    @property
    def key(self) -> str:
        """As a catalogue has it."""
        key = self.text if self.context is None else f"{self.context}\x04{self.text}"
        return key if self.plural is None else f"{key}\0{self.plural}"


def made(name: str, texts: list[str]) -> Message:
    """The message that a call marks."""
    if name == "plural":
        return Message(texts[0], plural=texts[1])
    return Message(texts[1], context=texts[0]) if name == "of" else Message(texts[0])


def in_templates() -> Iterator[Message]:
    """Those of all templates."""
    made_with = environment()
    for path in sorted((WEB / "templates").rglob("*.html")):
        for call in made_with.parse(path.read_text("utf-8")).find_all(nodes.Call):
            name = call.node.name if isinstance(call.node, nodes.Name) else ""
            count = MARKS.get(name, 0)
            texts = [it.value for it in call.args[:count] if isinstance(it, nodes.Const)]
            if count and len(texts) == count:
                yield made(name, texts)


def in_code() -> Iterator[Message]:
    """Those of all modules."""
    for path in sorted(WEB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                count = MARKS.get(name, 0)
                texts = [it.value for it in node.args[:count] if isinstance(it, ast.Constant)]
                if count and len(texts) == count and all(isinstance(it, str) for it in texts):
                    yield made(name, [str(it) for it in texts])


def messages() -> list[Message]:
    """Each message once, sorted."""
    months = [Message(it, context="month") for it in MONTHS]
    found = {it.key: it for it in (*in_templates(), *in_code(), *months)}
    return [found[key] for key in sorted(found)]
