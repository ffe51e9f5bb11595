"""Self-contained HTML: a page shell, tables and maps, of which every page is made.

:func:`~rogi.report.html.shell.page` takes sections; :func:`~rogi.report.html.tables.table` and
:func:`~rogi.report.html.maps.map_view` make what goes into them.
"""

from __future__ import annotations

from rogi.report.html.maps import Cut, MapLayer, Scheme, Shape, Style, encode_geometries, map_view
from rogi.report.html.shell import Section, embed, page
from rogi.report.html.tables import Column, Kind, badge, html_table, show_buttons, table
from rogi.text import html as escape

__all__ = [
    "Column",
    "Cut",
    "Kind",
    "MapLayer",
    "Scheme",
    "Section",
    "Shape",
    "Style",
    "badge",
    "embed",
    "encode_geometries",
    "escape",
    "html_table",
    "map_view",
    "page",
    "show_buttons",
    "table",
]
