"""The documentation site: ``make docs`` builds it into site/."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "extensions"), str(HERE.parent)]

import rogi  # noqa: E402
from rogi.rules.registry import rules  # noqa: E402

project = "rogi"
author = "The rogi developers"
copyright = author
version = release = rogi.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
    "gallery",
    "generated",
    "mathml",
    "notebooks",
    "offline",
    "options",
    "references",
]
exclude_patterns = ["conf.py", "extensions", "_static", "_templates", "images", "extra"]
templates_path = ["_templates"]
nitpicky = False

# Markdown. Anchors of headings are as in a repository's own view of the page.
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "substitution"]
myst_heading_anchors = 4
myst_substitutions = {"version": release, "rules": len(rules())}

# Notebooks are scripts in docs/notebooks; an error in one, or a warning it prints, fails the build.
nb_custom_formats = {".py": "notebooks.read"}
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = -1
nb_execution_raise_on_error = True
nb_output_stderr = "remove-warn"

# Python
autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say them
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"

# Only what a reader types is copied.
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = "\\"

html_theme = "pydata_sphinx_theme"
html_title = "rogi"
html_static_path = ["_static"]
html_extra_path = ["extra"]
(HERE / "extra").mkdir(exist_ok=True)  # filled by the gallery, after Sphinx looks for it
html_css_files = ["rogi.css"]
html_copy_source = False
html_show_sourcelink = False
html_math_renderer = "mathml"
html_theme_options = {
    "collapse_navigation": True,
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
