"""The documentation site, built by `make docs`: the pages of docs/, and the Python API from its docstrings."""

import re

from sphinx.application import Sphinx

project = "Earmark"
copyright = "The Earmark developers"
extensions = [
    "myst_parser",
    "sphinx.ext.apidoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
root_doc = "index"
html_theme = "furo"
html_title = "Earmark"
html_favicon = "../benchmark/report/assets/icon.svg"
html_show_sphinx = False

myst_heading_anchors = 3

# Pages under reference/api/ are written by each build; private modules are left out.
apidoc_modules = [
    {
        "path": f"../{package}",
        "destination": f"reference/api/{package}",
        "separate_modules": True,
        "module_first": True,
    }
    for package in ("benchmark", "tasks")
]
exclude_patterns = ["**/modules.rst"]
autodoc_default_options = {
    "members": True,
    "show-inheritance": True,
    "exclude-members": "kendalltau",  # SciPy's, whose signature autodoc cannot format
}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
autoclass_content = "both"
add_module_names = False
default_role = "code"  # docstrings have single backquotes around code, as Markdown has
suppress_warnings = ["ref.python"]  # a word in backquotes that names several attributes


def setup(app: Sphinx) -> None:
    """Docstrings are plain text: characters that reStructuredText would read as markup are escaped."""
    app.connect("autodoc-process-docstring", _escape, priority=900)


def _escape(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    for index, line in enumerate(lines):
        parts = re.split(r"(`[^`]*`|^:[\w ]+:|\*\*\S+\*\*)", line)  # code and field names stay as they are
        parts[::2] = [re.sub(r"([|*]|_\b)", r"\\\1", part) for part in parts[::2]]
        lines[index] = "".join(parts)
