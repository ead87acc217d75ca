"""What stands on a page, once for paper and browser: rows of sections of blocks."""

from __future__ import annotations

from typing import TypeAlias

from biofeedback.model import Value
from biofeedback.report.shapes import Drawing


class Facts(Value, frozen=True):
    """Short names, each with what there is to say.

    ``large``: these are read first.
    """

    rows: tuple[tuple[str, str], ...]
    large: bool = False


class Prose(Value, frozen=True):
    """A paragraph of ours; ``quiet`` ones are notes."""

    text: str
    quiet: bool = False


class Table(Value, frozen=True):
    """Rows of cells: the first column to the left, the others to the right.

    ``shares`` are the widths of the columns.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    shares: tuple[float, ...]


class Item(Value, frozen=True):
    """A line of a list: ``name`` before it, and what a person wrote in ``typed``."""

    name: str
    text: str
    typed: str = ""


class Items(Value, frozen=True):
    """A list that may be long: cut where a page would overflow, and that is said.

    ``columns`` are filled one after the other; ``n_more`` were left out already.
    """

    items: tuple[Item, ...]
    columns: int = 1
    n_more: int = 0


class Picture(Value, frozen=True):
    """A drawing; ``narrow`` is the same for a phone, where it is not legible there."""

    drawing: Drawing
    narrow: Drawing | None = None


Block: TypeAlias = Facts | Prose | Table | Items | Picture


class Section(Value, frozen=True):
    """Blocks under a title; without one they need none."""

    title: str
    blocks: tuple[Block, ...]


Row: TypeAlias = tuple[tuple[Section, ...], ...]
"""One column of sections, or two beside each other, of equal width."""


class Page(Value, frozen=True):
    """One page.

    ``subject`` is whom and when it is about; ``badges`` are short and must be seen.
    ``name`` goes into the metadata of a file and tells nobody's name.
    """

    name: str
    title: str
    subject: tuple[str, ...]
    badges: tuple[str, ...]
    rows: tuple[Row, ...]
    limits: str
    foot: str
