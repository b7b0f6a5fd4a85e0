"""The documentation site, built by `make docs`: the pages of docs/, and the Python API from its docstrings."""

import re

from sphinx.application import Sphinx

project = "Earmark"
copyright = "The Earmark developers"
extensions = ["myst_parser", "sphinx.ext.apidoc", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "Earmark"
html_favicon = "../benchmark/report/assets/icon.svg"
html_static_path = ["_static"]
html_css_files = ["page.css"]
html_show_sphinx = False
html_copy_source = False

myst_heading_anchors = 3  # headings of these levels can be linked to

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
autodoc_preserve_defaults = True
autoclass_content = "both"
napoleon_use_rtype = False
add_module_names = False
python_maximum_signature_line_length = 100
default_role = "code"  # docstrings have single backquotes around code, as Markdown has
suppress_warnings = ["ref.python"]  # a word in backquotes that names several attributes


def setup(app: Sphinx) -> None:
    """Docstrings are plain text, and titles of modules their names."""
    app.connect("autodoc-process-docstring", _escape, priority=900)  # after napoleon
    app.connect("source-read", _name)


def _escape(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Characters that reStructuredText would read as markup; what Python says of every named tuple goes."""
    for index, line in enumerate(lines):
        line = re.sub(r"^:returns: \*(.*?)\* -- ", r":returns: \1: ", line)  # napoleon takes it for a type
        parts = re.split(r"(`[^`]*`|^:[\w ]+:|\*\*\S+\*\*)", line)  # code and field names stay as they are
        parts[::2] = [re.sub(r"([|*]|_\b)", r"\\\1", part) for part in parts[::2]]
        lines[index] = re.sub(r"^(Alias for field number \d+|Create new instance of .*)$", "", "".join(parts))


def _name(app: Sphinx, page: str, source: list[str]) -> None:
    if page.startswith("reference/api/"):
        source[0] = re.sub(r"^(\S+) (module|package)$", r"\1", source[0], count=1, flags=re.MULTILINE)
