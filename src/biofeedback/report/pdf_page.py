"""Writes a page as PDF: one sheet of A4, its text selectable, the same bytes each time.

The font is DejaVu Sans, which comes with matplotlib and so with NeuroKit2. A sign that
it lacks stands as a square. Where it is not there Helvetica serves, for Latin letters.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from biofeedback.report.html_page import more_said
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
from biofeedback.report.shapes import Area, Dot, Drawing, Label, Line, Shape, Tone
from biofeedback.report.wording import MORE

if TYPE_CHECKING:
    from fpdf import FPDF

PAGE_W, PAGE_H = 210.0, 297.0
MARGIN_X, TOP, BOTTOM = 14.0, 13.0, 9.0
WIDTH = PAGE_W - 2 * MARGIN_X
GUTTER = 6.0

FAMILY, PLAIN_FAMILY = "report", "helvetica"
BODY, NOTE, LARGE, TITLE, FINE = 8.2, 7.2, 9.0, 15.0, 6.8
"""Sizes in points."""

LEADING = 1.32
MM_PER_PT = 25.4 / 72
MISSING = "\N{WHITE SQUARE}"
MOST_LINES = 14
FACT_LINES = 3

COLOURS: dict[Tone, tuple[int, int, int]] = {
    "ink": (44, 42, 51),
    "quiet": (95, 90, 99),
    "line": (217, 212, 204),
    "accent": (42, 98, 86),
    "soft": (211, 227, 219),
    "ground": (255, 255, 255),
}
_PLAIN = str.maketrans({"−": "-", "→": ">", "…": "...", "–": "-", "□": "?"})


def pdf_page(page: Page, *, created_at_utc_ns: int) -> bytes:
    """Return ``page`` as a PDF of one sheet.

    Parameters
    ----------
    created_at_utc_ns
        What the file says of when it was made; the same gives the same bytes.
    """
    sheet = _Sheet()
    # Lists that may be long get as many lines as the sheet has room for.
    lines = MOST_LINES
    while lines > 1 and not sheet.has_room(page, lines):
        lines -= 1
    sheet.write(page, lines)
    return sheet.bytes(page, created_at_utc_ns)


class _Sheet:
    """One sheet being written. Every block returns the height (mm) that it takes."""

    def __init__(self) -> None:
        from fpdf import FPDF  # half a second, and a service may never need it

        self._pdf: FPDF = FPDF(unit="mm", format="A4")
        self._pdf.set_margins(MARGIN_X, TOP, MARGIN_X)
        self._pdf.set_auto_page_break(False)
        self._known = _add_fonts(self._pdf)
        self._family = PLAIN_FAMILY if self._known is None else FAMILY
        self._pdf.add_page()
        self._most = MOST_LINES
        self._draws = False
        self._widths: dict[tuple[str, str], float] = {}

    def bytes(self, page: Page, created_at_utc_ns: int) -> bytes:
        created = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
            seconds=created_at_utc_ns // 1_000_000_000
        )
        self._pdf.set_creation_date(created)
        self._pdf.set_title(page.name)
        self._pdf.set_creator("biofeedback")
        self._pdf.set_lang("en")
        return bytes(self._pdf.output())

    def has_room(self, page: Page, lines: int) -> bool:
        """Say whether everything finds room with so many lines for each list."""
        self._most = lines
        return self._write(page)

    def write(self, page: Page, lines: int) -> None:
        """Write everything, with so many lines for each list."""
        self._most, self._draws = lines, True
        self._write(page)

    def _write(self, page: Page) -> bool:
        y = self._head(page)
        for row in page.rows:
            y += self._row(row, y)
        limits = self._wrapped(page.limits, WIDTH, FINE)
        foot_y = PAGE_H - BOTTOM
        limits_y = foot_y - 4.0 - len(limits) * _leading(FINE)
        self._stroke(MARGIN_X, limits_y - 1.4, WIDTH, "line", 0.2)
        self._lines(limits, MARGIN_X, limits_y, FINE, "quiet")
        foot = self._wrapped(page.foot, WIDTH, FINE, most=1)
        self._lines(foot, MARGIN_X, foot_y - 2.8, FINE, "quiet")
        return y <= limits_y - 1.6

    def _head(self, page: Page) -> float:
        y = TOP
        title_w = self._measured(page.title, TITLE, bold=True)
        self._text(page.title, MARGIN_X, y + 4.6, TITLE, "ink", bold=True)
        x = MARGIN_X + title_w + 4
        for badge in page.badges:
            wide = self._measured(badge, BODY, bold=True) + 3.0
            self._frame(x, y + 0.4, wide, 5.0)
            self._text(badge, x + 1.5, y + 3.9, BODY, "ink", bold=True)
            x += wide + 2
        y += 8.6
        right = MARGIN_X
        for k, part in enumerate(page.subject):
            bold = k == 0
            room = WIDTH - (right - MARGIN_X)
            text = self._fitted(part, room, LARGE, bold=bold)
            self._text(text, right, y + 3.0, LARGE, "quiet" if k else "ink", bold=bold)
            right += self._measured(text, LARGE, bold=bold) + 4
        y += 5.2
        self._stroke(MARGIN_X, y, WIDTH, "accent", 0.6)
        return y + 0.6

    def _row(self, row: Row, y: float) -> float:
        wide = (WIDTH - GUTTER * (len(row) - 1)) / len(row)
        return max(
            self._column(column, MARGIN_X + k * (wide + GUTTER), y, wide)
            for k, column in enumerate(row)
        )

    def _column(
        self, column: tuple[Section, ...], x: float, y: float, w: float
    ) -> float:
        start = y
        for section in column:
            y += self._section(section, x, y, w)
        return y - start

    def _section(self, section: Section, x: float, y: float, w: float) -> float:
        start, y = y, y + 2.6
        if section.title:
            self._text(section.title, x, y + 3.2, LARGE, "accent", bold=True)
            y += 5.0
        for block in section.blocks:
            y += self._block(block, x, y, w)
        return y - start

    def _block(self, block: Block, x: float, y: float, w: float) -> float:
        match block:
            case Prose():
                size: float = NOTE if block.quiet else BODY
                lines = self._wrapped(block.text, w, size, most=6)
                tone: Tone = "quiet" if block.quiet else "ink"
                return self._lines(lines, x, y, size, tone) + 0.6
            case Facts():
                return self._facts(block, x, y, w)
            case Table():
                return self._table(block, x, y, w)
            case Items():
                return self._items(block, x, y, w)
            case Picture():
                return self._drawing(block.drawing, x, y, w)

    def _facts(self, facts: Facts, x: float, y: float, w: float) -> float:
        size, start = (LARGE if facts.large else BODY), y
        names = [self._measured(name, size, bold=facts.large) for name, _ in facts.rows]
        room = max([12.0, *names]) + 3.0
        for name, text in facts.rows:
            tone: Tone = "ink" if facts.large else "quiet"
            base = y + _ascent(size)
            self._text(name, x, base, size, tone, bold=facts.large)
            lines = self._wrapped(text, w - room, size, most=FACT_LINES)
            y += max(_leading(size), self._lines(lines, x + room, y, size, "ink"))
            y += 0.5 if facts.large else 0.15
        return y - start + 0.4

    def _table(self, table: Table, x: float, y: float, w: float) -> float:
        start, whole = y, sum(table.shares)
        widths = [w * share / whole for share in table.shares]
        for k, row in enumerate((table.heads, *table.rows)):
            size = NOTE if k == 0 else BODY
            tone: Tone = "quiet" if k == 0 else "ink"
            high = _leading(size) + 0.7
            left = x
            for i, (cell, wide) in enumerate(zip(row, widths, strict=True)):
                text = self._fitted(cell, wide - (0.5 if i else 1.0), size)
                at = left if i == 0 else left + wide - self._measured(text, size)
                self._text(text, at, y + _ascent(size) + 0.3, size, tone)
                left += wide
            y += high
            self._stroke(x, y, w, "line", 0.2)
        return y - start + 1.0

    def _items(self, items: Items, x: float, y: float, w: float) -> float:
        wide = (w - GUTTER * (items.columns - 1)) / items.columns
        names = [self._measured(one.name, BODY, bold=True) for one in items.items]
        room = max([3.0, *names]) + 1.8
        told = [
            (item.name, self._told(item, wide - room, 2 if items.columns > 1 else 99))
            for item in items.items
        ]
        # Columns of equal length, one after the other, and none too long.
        whole = sum(len(lines) for _, lines in told)
        most = min(self._most, -(-whole // items.columns) + items.columns - 1)
        columns: list[list[tuple[str, list[str]]]] = [[] for _ in range(items.columns)]
        used, shown, column = [0] * items.columns, 0, 0
        for name, lines in told:
            if used[column] and used[column] + len(lines) > most:
                column += 1
            if column == items.columns:
                break
            fits = self._cut(lines, most - used[column], wide - room)
            columns[column].append((name, fits))
            used[column] += len(fits)
            shown += 1
        for k, filled in enumerate(columns):
            left_x, at = x + k * (wide + GUTTER), y
            for name, lines in filled:
                self._text(name, left_x, at + _ascent(BODY), BODY, "ink", bold=True)
                at += self._lines(lines, left_x + room, at, BODY, "ink")
        high = max(used, default=0) * _leading(BODY) + 0.4
        n_more = items.n_more + len(items.items) - shown
        if n_more:
            said = self._wrapped(more_said(n_more), w, NOTE, most=2)
            high += self._lines(said, x, y + high, NOTE, "quiet")
        return high

    def _told(self, item: Item, w: float, most: int) -> list[str]:
        typed = f"“{item.typed}”" if item.typed else ""
        text = " ".join(filter(None, (item.text, typed)))
        return self._wrapped(text, w, BODY, most=most)

    def _cut(self, lines: list[str], most: int, w: float) -> list[str]:
        if len(lines) <= most:
            return lines
        return [*lines[: most - 1], self._fitted(lines[most - 1] + MORE, w, BODY)]

    # --- Pictures ---------------------------------------------------------------------

    def _drawing(self, drawing: Drawing, x: float, y: float, w: float) -> float:
        scale = w / drawing.width
        if self._draws:
            for shape in drawing.shapes:
                self._shape(shape, x, y, scale)
        return drawing.height * scale + 0.6

    def _shape(self, shape: Shape, x: float, y: float, scale: float) -> None:
        pdf, colour = self._pdf, COLOURS[shape.tone]
        match shape:
            case Line():
                pdf.set_draw_color(*colour)
                pdf.set_line_width(shape.width * scale)
                if shape.dash is not None:
                    pdf.set_dash_pattern(dash=shape.dash, gap=shape.dash)
                pdf.polyline([(x + a * scale, y + b * scale) for a, b in shape.points])
                if shape.dash is not None:
                    pdf.set_dash_pattern()
            case Area():
                pdf.set_fill_color(*colour)
                points = [(x + a * scale, y + b * scale) for a, b in shape.points]
                pdf.polygon(points, style="F")
            case Dot():
                pdf.set_draw_color(*colour)
                pdf.set_line_width(0.4 * scale)
                pdf.set_fill_color(*(COLOURS["ground"] if shape.hollow else colour))
                pdf.circle(
                    x + shape.x * scale,
                    y + shape.y * scale,
                    shape.r * scale,
                    style="DF" if shape.hollow else "F",
                )
            case Label():
                size = shape.size * scale / MM_PER_PT
                wide = self._measured(shape.text, size, bold=shape.bold)
                back = {"start": 0.0, "middle": wide / 2, "end": wide}[shape.anchor]
                self._text(
                    shape.text,
                    x + shape.x * scale - back,
                    y + shape.y * scale,
                    size,
                    shape.tone,
                    bold=shape.bold,
                )

    # --- Text -------------------------------------------------------------------------

    def _frame(self, x: float, y: float, w: float, h: float) -> None:
        if self._draws:
            self._pdf.set_draw_color(*COLOURS["ink"])
            self._pdf.set_line_width(0.35)
            self._pdf.rect(x, y, w, h)

    def _stroke(self, x: float, y: float, w: float, tone: Tone, width: float) -> None:
        if not self._draws:
            return
        self._pdf.set_draw_color(*COLOURS[tone])
        self._pdf.set_line_width(width)
        self._pdf.line(x, y, x + w, y)

    def _lines(
        self, lines: list[str], x: float, y: float, size: float, tone: Tone
    ) -> float:
        for k, line in enumerate(lines):
            at = y + k * _leading(size) + _ascent(size)
            self._text(line, x, at, size, tone)
        return len(lines) * _leading(size)

    def _text(
        self,
        text: str,
        x: float,
        y: float,
        size: float,
        tone: Tone,
        *,
        bold: bool = False,
    ) -> None:
        if not self._draws:
            return
        text = self._drawable(text)
        if not text.strip():
            return
        if any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in text):
            from fpdf.bidi import BidiParagraph

            text = BidiParagraph(text).get_reordered_string()
        self._pdf.set_font(self._family, "B" if bold else "", size)
        self._pdf.set_text_color(*COLOURS[tone])
        self._pdf.text(x, y, text)

    def _drawable(self, text: str) -> str:
        if self._known is None:
            plain = text.translate(_PLAIN)
            return plain.encode("latin-1", "replace").decode("latin-1")
        kept = (s for s in text if unicodedata.category(s) != "Cf" and s != "\ufe0f")
        return "".join(sign if ord(sign) in self._known else MISSING for sign in kept)

    def _measured(self, text: str, size: float, *, bold: bool = False) -> float:
        weight = "B" if bold else ""
        total = 0.0
        for sign in self._drawable(text):
            key = (weight, sign)
            if key not in self._widths:
                self._pdf.set_font(self._family, weight, 10)
                self._widths[key] = self._pdf.get_string_width(sign) / 10
            total += self._widths[key]
        return total * size

    def _wrapped(
        self, text: str, w: float, size: float, *, most: int = 99
    ) -> list[str]:
        """Return lines that fit; a word that is too long is broken, a cut is shown."""
        lines, line, used = list[str](), "", 0.0
        space = self._measured(" ", size)
        for word in filter(None, text.split(" ")):
            if len(lines) > most:
                break
            wide = self._measured(word, size)
            if line and used + space + wide <= w:
                line, used = f"{line} {word}", used + space + wide
                continue
            if line:
                lines.append(line)
            while wide > w and len(lines) <= most:
                k = self._signs_that_fit(word, w, size)
                lines.append(word[:k])
                word = word[k:]
                wide = self._measured(word, size)
            line, used = word, wide
        if line:
            lines.append(line)
        if len(lines) > most:
            lines = lines[:most]
            lines[-1] = self._fitted(lines[-1] + MORE, w, size)
        return lines or [""]

    def _signs_that_fit(self, word: str, w: float, size: float) -> int:
        total, k = 0.0, 0
        for sign in word:
            total += self._measured(sign, size)
            if total > w:
                break
            k += 1
        return max(1, k)

    def _fitted(self, text: str, w: float, size: float, *, bold: bool = False) -> str:
        if self._measured(text, size, bold=bold) <= w:
            return text
        kept = text.rstrip(MORE)
        while kept and self._measured(kept + MORE, size, bold=bold) > w:
            kept = kept[:-1]
        return kept.rstrip() + MORE


def _leading(size: float) -> float:
    return size * MM_PER_PT * LEADING


def _ascent(size: float) -> float:
    return size * MM_PER_PT * 1.02


def _add_fonts(pdf: FPDF) -> frozenset[int] | None:
    """Add the fonts; return which signs both have, or ``None`` for Helvetica."""
    from fpdf.fonts import TTFFont

    found = find_spec("matplotlib")  # looked for, not imported
    folders = found.submodule_search_locations if found is not None else None
    for folder in folders or ():
        fonts = Path(folder) / "mpl-data" / "fonts" / "ttf"
        regular, bold = fonts / "DejaVuSans.ttf", fonts / "DejaVuSans-Bold.ttf"
        if regular.is_file() and bold.is_file():
            pdf.add_font(FAMILY, "", regular)
            pdf.add_font(FAMILY, "B", bold)
            both = (pdf.fonts[FAMILY + style] for style in ("", "B"))
            known = [frozenset(one.cmap) for one in both if isinstance(one, TTFFont)]
            return frozenset.intersection(*known)
    return None
