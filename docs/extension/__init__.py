"""
The site's needs beyond Markdown: links out of the folder, pictures, docstrings.

Sphinx calls `setup`, which connects each module to the event that it answers.
"""

from __future__ import annotations

from sphinx.application import Sphinx

from extension import docstrings, pages, references, signatures


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the modules."""
    app.connect("source-read", pages.read)
    # Before napoleon, which takes what it is given for reStructuredText.
    app.connect("autodoc-process-docstring", docstrings.process, priority=400)
    app.connect("autodoc-process-signature", signatures.process)
    app.connect("missing-reference", references.resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
