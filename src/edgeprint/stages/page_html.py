"""What pages of HTML are made of: a table, a picture, and the document around them.

page = document("<h1>edgeprint</h1>", [table(["device", "F1"], [["plug", 0.97]]), image(png, "F1 by device")])
"""

from __future__ import annotations

import base64
from html import escape
from typing import Any

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: 0 } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ddd }
table { border-collapse: collapse; font-size: 13px; margin: 1rem 0; display: block; overflow-x: auto }
th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid #eee; vertical-align: top }
td.n { text-align: right; font-variant-numeric: tabular-nums } th { background: #f6f6f6 }
img { max-width: 100% } td:nth-child(-n+2) { white-space: nowrap }
.simulated, .real { padding: .1rem .5rem; border-radius: .3rem; color: #fff }
.simulated { background: #b7791f } .real { background: #2a6f97 }
.no { color: #b3261e } .yes { color: #1b7f3b }
code, pre { background: #f4f4f4; padding: .1rem .3rem } pre { padding: .7rem; overflow-x: auto }
"""


def document(title: str, sections: list[str]) -> str:
    """A page of its own; title and sections are HTML already."""
    meta = "<meta charset=utf-8><meta name=viewport content='width=device-width'><title>edgeprint</title>"
    head = f"{meta}<style>{STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{title}{''.join(sections)}</body></html>\n"


def image(png: bytes, description: str) -> str:
    """The picture itself, not a link to it."""
    return f"<img alt='{escape(description)}' src='data:image/png;base64,{base64.b64encode(png).decode()}'>"


def table(header: list[str], rows: list[list[Any]]) -> str:
    """Escaped; numbers to the right, truth in colour, a dash for None."""

    def cell(value: Any) -> str:
        if value is None:
            return "<td>–</td>"
        if isinstance(value, bool):
            return f"<td class={'yes' if value else 'no'}>{'yes' if value else 'no'}</td>"
        if isinstance(value, float):
            return f"<td class=n>{value:.4g}</td>"
        return f"<td class=n>{value:,}</td>" if isinstance(value, int) else f"<td>{escape(str(value))}</td>"

    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    return (
        f"<table><tr>{head}</tr>{''.join('<tr>' + ''.join(map(cell, row)) + '</tr>' for row in rows)}</table>"
    )
