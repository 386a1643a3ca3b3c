"""
The settings of the documentation site, which Sphinx builds:

    python -m sphinx -W --keep-going -q -j auto docs build/site

Pages are Markdown that reads well in a repository too. The modules of the folder `extension` do the
rest.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import django
from django.conf import settings

import devsess

# Its models can be imported, and so described, in a project alone.
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "devsess.django"],
    DEVSESS={"store": "memory://"},
)
django.setup()

project = "devsess"
author = "The devsess developers"
project_copyright = author
version = release = devsess.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "extension"]
root_doc = "index"
exclude_patterns = ["examples"]

myst_heading_anchors = 4
myst_links_external_new_tab = False

nitpicky = True
# An alias, and variables of types: they have no page.
nitpick_ignore = {
    ("py:class", "devsess.stores.counting.Measures"),
    ("py:class", "devsess.adapters.flask.R"),
    ("py:class", "devsess.models.T"),
}
default_role = "literal"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_use_ivar = False
napoleon_use_rtype = False
add_module_names = False
toc_object_entries_show_parents = "hide"

pygments_style = "tango"
pygments_dark_style = "github-dark"

html_theme = "furo"
html_title = f"devsess {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0b5cad",
        "color-brand-content": "#0b5cad",
        "font-stack": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif",
        "font-stack--monospace": "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace",
    },
    "dark_css_variables": {
        "color-brand-primary": "#79b8ff",
        "color-brand-content": "#79b8ff",
    },
}
