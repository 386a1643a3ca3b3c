"""
References that autodoc writes, to where the site describes their target.

A record is defined in a module of its own and described under the name by which users import it.
A name that is neither described here nor ours (of Python, or of another package) stays text; a
name of ours that a person wrote and that does not exist stays an error.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.TextElement
) -> nodes.Node | None:
    """Answer Sphinx's event for a reference that nothing has resolved."""
    if node.get("refdomain") != "py":
        return None
    target: str = node["reftarget"]
    python = env.domains.python_domain
    last = target.rpartition(".")[2]
    homes = sorted(name for name in python.objects if name.rpartition(".")[2] == last)
    top = [name for name in homes if python.objects[name].objtype in ("class", "exception", "data")]
    if len(top) == 1 or (top and top[0] == f"devsess.{last}"):
        return python.resolve_xref(env, node["refdoc"], app.builder, "obj", top[0], node, text)
    return None if is_ours(target) else text


def is_ours(target: str) -> bool:
    """Whether *target* is a name of devsess that a page should have."""
    parts = target.split(".")
    return parts[0] == "devsess" and not any(part.startswith("_") for part in parts)
