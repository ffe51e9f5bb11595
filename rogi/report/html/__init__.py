"""Self-contained HTML: a page shell, tables, maps, and the report of a validation made of them.

:func:`~rogi.report.html.shell.page` takes sections; :func:`~rogi.report.html.tables.table` and
:func:`~rogi.report.html.maps.map_view` make what goes into them. The compare and release reports
are made of the same pieces.
"""

from __future__ import annotations

from rogi.report.html.maps import MapLayer, Scheme, Shape, Style, encode_geometries, map_view
from rogi.report.html.shell import Section, embed, page
from rogi.report.html.tables import Column, Kind, badge, html_table, show_buttons, table
from rogi.report.html.validation import fragment, report_page
from rogi.text import html as escape

__all__ = [
    "Column",
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
    "fragment",
    "html_table",
    "map_view",
    "page",
    "report_page",
    "show_buttons",
    "table",
]
