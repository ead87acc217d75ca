"""Turns rows into values and back, and asks for them: what every part does alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Engine, Row, Select, Table, insert

from biofeedback.errors import SettingsError
from biofeedback.store.engine import reading, writing

RowT = TypeVar("RowT", bound=msgspec.Struct)

_AS_JSON = ("loss", "quality")


class Rows:
    """A part of the store: some tables, and the questions asked of them."""

    def __init__(self, engine: Engine, now_ns: Callable[[], int]) -> None:
        self._engine = engine
        self._now_ns = now_ns

    def _all(self, kind: type[RowT], query: Select[Any]) -> tuple[RowT, ...]:
        with reading(self._engine) as connection:
            return tuple(value_of(kind, row) for row in connection.execute(query))

    def _insert(self, table: Table, value: msgspec.Struct) -> None:
        with writing(self._engine, decides=False) as connection:
            connection.execute(insert(table).values(columns_of(value)))


def columns_of(value: msgspec.Struct) -> dict[str, Any]:
    """Return a value as the columns of its row.

    Raises
    ------
    SettingsError
        When a text in it cannot be kept: there is a NUL in it, or half a sign.
    """
    columns = msgspec.structs.asdict(value)
    for text in columns.values():
        if isinstance(text, str):
            _check(text)
    for name in _AS_JSON:
        if columns.get(name) is not None:
            columns[name] = msgspec.json.encode(columns[name]).decode()
    return columns


def _check(text: str) -> None:
    # SQLite would keep a NUL, and PostgreSQL has no way to: what can be kept on one of
    # them moves to the other.
    try:
        if b"\0" not in text.encode():
            return
    except UnicodeEncodeError:  # half a sign
        pass
    raise SettingsError(
        "There is a sign in this text that cannot be kept.",
        "Leave it out, and send the text again.",
    )


def value_of(kind: type[RowT], row: Row[Any]) -> RowT:
    """Return a row as the value it stands for."""
    columns = {name: getattr(row, name) for name in kind.__struct_fields__}
    for name in _AS_JSON:
        if columns.get(name) is not None:
            columns[name] = msgspec.json.decode(columns[name])
    return msgspec.convert(columns, kind)
