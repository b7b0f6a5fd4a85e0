"""The documentation site, built by `make docs`: the pages of docs/, and the Python API from its docstrings."""

project = "Earmark"
copyright = "The Earmark developers"
extensions = [
    "myst_parser",
    "sphinx.ext.apidoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
root_doc = "index"
html_theme = "furo"
html_title = "Earmark"
html_favicon = "../benchmark/report/assets/icon.svg"
html_show_sphinx = False

myst_heading_anchors = 3

# Pages under reference/api/ are written by each build; private modules are left out.
apidoc_modules = [
    {"path": f"../{package}", "destination": "reference/api", "separate_modules": True, "module_first": True}
    for package in ("benchmark", "tasks")
]
exclude_patterns = ["reference/api/modules.rst"]
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
autoclass_content = "both"
add_module_names = False
