"""Templates: where they are looked for, and how they are drawn."""

from __future__ import annotations

from pathlib import Path

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
)

from devsess.web.words import clipped, isolated

# Under this name an application's template extends ours of the same name.
OURS = "devsess"


def environment(templates: str | Path | BaseLoader | None = None) -> Environment:
    """
    The templates: the application's own first, then ours.

    Escaping is always on, whatever a template is called, and an unknown name is an error.
    """
    ours = PackageLoader("devsess.web", "templates")
    loaders: list[BaseLoader] = [ours, PrefixLoader({OURS: ours})]
    if templates is not None:
        own = templates if isinstance(templates, BaseLoader) else FileSystemLoader(templates)
        loaders.insert(0, own)
    made = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"isolated": isolated, "clipped": clipped}
    return made
