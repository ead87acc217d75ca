"""Writes a page as one file for a browser: no script, nothing from elsewhere.

The style sheet stands inside, and the file allows itself that one by its hash and
nothing else, whether it is served (:data:`POLICY`) or opened from a disk.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from html import escape
from importlib.resources import files

from biofeedback.report.layout import (
    Block,
    Facts,
    Item,
    Items,
    Page,
    Picture,
    Prose,
    Row,
    Section,
    Table,
)
from biofeedback.report.shapes import Area, Dot, Drawing, Label, Line, Shape


@cache
def style() -> str:
    """Return the style sheet."""
    return files("biofeedback.report").joinpath("page.css").read_text("utf-8")


@cache
def policy() -> str:
    """Return the Content-Security-Policy under which a page may be shown."""
    return f"{_own_policy()}; frame-ancestors 'none'"


@cache
def _own_policy() -> str:
    # A page cannot forbid frames by itself: that is for the header (CSP3 §6.4.2).
    digest = hashlib.sha256(style().encode()).digest()
    allowed = base64.b64encode(digest).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{allowed}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def html_page(page: Page) -> str:
    """Return ``page`` as HTML. Every text is escaped; what people typed is isolated."""
    badges = "".join(f'<p class="badge">{escape(one)}</p>' for one in page.badges)
    subject = "".join(f"<p>{_typed(one)}</p>" for one in page.subject)
    rows = "".join(_row(row) for row in page.rows)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_own_policy()}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="robots" content="noindex">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(page.name)}</title>\n<style>{style()}</style>\n</head>\n"
        f"<body>\n<main>\n<header><h1>{escape(page.title)}</h1>"
        f'<div class="subject">{subject}</div>{badges}</header>\n{rows}'
        f'<p class="limits">{escape(page.limits)}</p>\n'
        f"<footer>{escape(page.foot)}</footer>\n</main>\n</body>\n</html>\n"
    )


def _row(row: Row) -> str:
    kind = "row two" if len(row) == 2 else "row"
    columns = ("".join(map(_section, column)) for column in row)
    inside = "".join(f"<div>{column}</div>" for column in columns)
    return f'<div class="{kind}">{inside}</div>\n'


def _section(section: Section) -> str:
    title = f"<h2>{escape(section.title)}</h2>" if section.title else ""
    return f"<section>{title}{''.join(map(_block, section.blocks))}</section>"


def _block(block: Block) -> str:
    match block:
        case Prose():
            kind = ' class="note"' if block.quiet else ""
            return f"<p{kind}>{escape(block.text)}</p>"
        case Facts():
            kind = "facts large" if block.large else "facts"
            rows = "".join(
                f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>"
                for name, text in block.rows
            )
            return f'<dl class="{kind}">{rows}</dl>'
        case Table():
            return _table(block)
        case Items():
            return _items(block)
        case Picture():
            return _picture(block)


def _table(table: Table) -> str:
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in table.heads)
    rows = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in table.rows
    )
    return (
        # Where it scrolls, it scrolls by keyboard as well.
        '<div class="wide" tabindex="0" role="region" '
        f'aria-label="{escape(table.heads[0])}"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _items(items: Items) -> str:
    kind = "items columns" if items.columns > 1 else "items"
    rows = "".join(f"<li>{_item(item)}</li>" for item in items.items)
    more = f'<p class="note">{escape(more_said(items.n_more))}</p>'
    return f'<ol class="{kind}">{rows}</ol>{more if items.n_more else ""}'


def _item(item: Item) -> str:
    typed = f"<q>{_typed(item.typed)}</q>" if item.typed else ""
    text = " ".join(filter(None, (escape(item.text), typed)))
    return f"<b>{escape(item.name)}</b> <span>{text}</span>"


def _typed(text: str) -> str:
    # Isolated, so that a text from right to left moves nothing of ours.
    return f'<bdi dir="auto">{escape(text)}</bdi>'


def more_said(n: int) -> str:
    """Return that so many lines were left out."""
    return f"… and {n} more: all of it stands in the table beside this page."


# --- Pictures ----------------------------------------------------------------------


def _picture(picture: Picture) -> str:
    if picture.narrow is None:
        return svg(picture.drawing, "chart")
    wide = svg(picture.drawing, "chart broad")
    return wide + svg(picture.narrow, "chart narrow")


def svg(drawing: Drawing, kind: str = "chart") -> str:
    """Return a drawing as SVG; its classes take their colours from the style sheet."""
    inside = "".join(map(_shape, drawing.shapes))
    return (
        f'<svg class="{kind}" viewBox="0 0 {_n(drawing.width)} {_n(drawing.height)}" '
        f'role="img" aria-label="{escape(drawing.says)}">{inside}</svg>'
    )


def _shape(shape: Shape) -> str:
    match shape:
        case Line():
            dash = (
                ""
                if shape.dash is None
                else f' stroke-dasharray="{_n(shape.dash)} {_n(shape.dash)}"'
            )
            return (
                f'<polyline class="stroke {shape.tone}" '
                f'points="{_points(shape.points)}" '
                f'stroke-width="{_n(shape.width)}"{dash}/>'
            )
        case Area():
            return (
                f'<polygon class="fill {shape.tone}" points="{_points(shape.points)}"/>'
            )
        case Dot():
            kind = "ring" if shape.hollow else "fill"
            return (
                f'<circle class="{kind} {shape.tone}" cx="{_n(shape.x)}" '
                f'cy="{_n(shape.y)}" r="{_n(shape.r)}"/>'
            )
        case Label():
            bold = ' font-weight="700"' if shape.bold else ""
            return (
                f'<text class="fill {shape.tone}" x="{_n(shape.x)}" y="{_n(shape.y)}" '
                f'font-size="{_n(shape.size)}" text-anchor="{shape.anchor}"{bold}>'
                f"{escape(shape.text)}</text>"
            )


def _points(points: tuple[tuple[float, float], ...]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
