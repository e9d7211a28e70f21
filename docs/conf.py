"""How the documentation's site is built (`make docs`): Sphinx with MyST and the PyData theme, as Jupyter's own sites.

Nothing is asked of the network: no inventories of other sites, no web fonts. Warnings are errors.
"""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "jupyter_emr_connect"
author = "The jupyter_emr_connect developers"
release = version = version_of(project)

extensions = ["myst_parser", "sphinx.ext.autodoc", "made_from_code", "themed_pictures"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 4
smartquotes = False  # quotes in texts are those of code
default_role = "literal"  # docstrings write `names` as Markdown does

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"

html_theme = "pydata_sphinx_theme"
html_title = "EMR Connect"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "EMR Connect"},
    "show_nav_level": 1,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}
html_sidebars = {"index": [], "getting-started": []}
