"""PostgreSQL: how it is opened, and in sentences what it says in codes.

The rules are those of SQLite, so that one code is right on both. Who decides by what it
reads holds one lock of the whole database until its transaction ends, as SQLite's
writer does (``writing`` in :mod:`biofeedback.store.engine`); single statements do not
wait for it. A read sees one snapshot. A commit returns when the server has it on disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from biofeedback.errors import BiofeedbackError, PackageError, SettingsError
from biofeedback.model import Value
from biofeedback.store.engine import LOCKS, READS, StoreError, reading
from biofeedback.store.tables import HEAD
from biofeedback.store.upgrade import current_version

SCHEMES = ("postgresql", "postgres")
DRIVER = "postgresql+psycopg"

APPLICATION = "biofeedback"

WRITER_LOCK = 0x62696F66656564  # "biofeed"
MIGRATION_LOCK = WRITER_LOCK + 1

CONNECTS_WITHIN_S = 5
POOL_SIZE = 5
POOL_MORE = 5
"""Ten connections a node at most, of the hundred that a server gives by default."""
POOL_WITHIN_S = 10

PARAMETERS = {
    # A rating is given once: it survives a power cut, whatever the server's default.
    "synchronous_commit": "on",
    "lock_timeout": "5s",  # as SQLite's busy_timeout
    "statement_timeout": "30s",
    # Nothing here waits within a transaction: one that does is of a node that hangs.
    "idle_in_transaction_session_timeout": "30s",
}

KEEPALIVES = {
    # A server that vanished without a word is noticed within half a minute.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}

MIGRATION_WAITS = "5min"


def open_engine(database: str) -> Engine:
    """Return an engine on the database at a URL; nothing is asked of it yet.

    Raises
    ------
    SettingsError
        When there can be no such URL, or psycopg is not installed.
    """
    url = parsed(database)
    try:
        import psycopg  # noqa: F401 - said in a sentence where it is missing
    except ImportError as error:
        raise PackageError("PostgreSQL", "psycopg", "postgres") from error
    engine = create_engine(
        url.update_query_dict(_connect_options(url)),
        hide_parameters=True,  # what somebody wrote stands in no error's text
        isolation_level="AUTOCOMMIT",  # what begins, begins in _begin
        pool_size=POOL_SIZE,
        max_overflow=POOL_MORE,
        pool_timeout=POOL_WITHIN_S,
        pool_pre_ping=True,  # the server may have been started anew
    )
    event.listen(engine, "begin", _begin)
    return engine


def parsed(database: str) -> URL:
    """Return a URL as its parts; its text never stands in an error, nor its password.

    Raises
    ------
    SettingsError
        When it is no URL of a PostgreSQL database.
    """
    try:
        url = make_url(database)
        if url.drivername in SCHEMES and url.database:
            return url.set(drivername=DRIVER)
    except (ArgumentError, ValueError):  # the latter of a port that is no number
        pass
    raise SettingsError(
        "This is no address of a PostgreSQL database.",
        "Give --database or BIOFEEDBACK_DATABASE as postgresql://USER@HOST/NAME.",
    )


def _connect_options(url: URL) -> dict[str, str]:
    """Return what libpq is asked for; what the URL itself says counts more."""
    given = url.query
    own = " ".join(f"-c {name}={value}" for name, value in PARAMETERS.items())
    theirs = given.get("options", "")
    more = theirs if isinstance(theirs, str) else " ".join(theirs)
    defaults = {
        "connect_timeout": str(CONNECTS_WITHIN_S),
        "application_name": APPLICATION,
        "client_encoding": "utf8",
        **KEEPALIVES,
    }
    missing = {name: text for name, text in defaults.items() if name not in given}
    return {**missing, "options": f"{own} {more}".strip()}


def _begin(connection: Connection) -> None:
    # psycopg is told to begin nothing, and SQLAlchemy only thinks that it has. Of one
    # that reads, all sees one snapshot. One that writes sees anew with each statement
    # (READ COMMITTED): so whoever waited for the lock sees what was done under it, and
    # it ends with the transaction, however that ends.
    options = connection.get_execution_options()
    if options.get(READS, False):
        connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    elif options.get(LOCKS, False):
        connection.exec_driver_sql(f"BEGIN; {_locked(WRITER_LOCK)}")
    else:
        connection.exec_driver_sql("BEGIN")


def _locked(key: int) -> str:
    return f"SELECT pg_advisory_xact_lock({key})"


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """Give the one connection that may change the tables; others wait for it.

    Raises
    ------
    StoreError
        When the database cannot hold every text.
    """
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{MIGRATION_WAITS}'")
        connection.exec_driver_sql(_locked(MIGRATION_LOCK))
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
        if encoding != "UTF8":
            raise StoreError(
                f"The database cannot hold every text: its encoding is {encoding}.",
                "Make another one: createdb --encoding=UTF8 --template=template0 NAME.",
            )
        yield connection


def rewrite(engine: Engine, tables: Iterable[str]) -> None:
    """Write tables anew without the rows that were deleted, and what is known of them.

    The planner keeps samples of the values, which are taken anew as well.
    """
    with engine.connect() as connection:
        try:
            connection.exec_driver_sql("ROLLBACK")  # it runs outside of a transaction
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {', '.join(tables)}")
        finally:
            connection.invalidate()  # the next one has its limits again


def others_on(engine: Engine) -> bool:
    """Say whether anything else of this program is connected to the database."""
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        f"AND application_name = '{APPLICATION}' AND pid <> pg_backend_pid()"
    )
    with reading(engine) as connection:
        return bool(connection.exec_driver_sql(query).scalar())


class Look(Value, frozen=True):
    """What was seen of a database: ``advice`` is what to do where it is not well."""

    text: str
    advice: str | None = None


def look(database: str) -> Look:
    """Look at a database as it is, and change nothing. Blocks.

    Raises
    ------
    SettingsError, StoreError
        When it cannot be reached.
    """
    engine = open_engine(database)
    try:
        version = current_version(engine)
        with reading(engine) as connection:
            server, fsync = (
                connection.exec_driver_sql(f"SHOW {name}").scalar()
                for name in ("server_version", "fsync")
            )
            follows = connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar()
    finally:
        engine.dispose()
    tables = "no tables yet" if version is None else f"tables {version}"
    text = f"PostgreSQL {server}, {tables}"
    if follows:
        return Look(text=f"{text}, only follows another", advice=_STANDBY[1])
    if fsync != "on":
        return Look(
            text=f"{text}, fsync is {fsync}",
            advice="Set fsync = on: a power cut would lose what was said to be kept.",
        )
    if version not in (None, HEAD):
        return Look(text=f"{text}, this version wants {HEAD}", advice=_CHANGED[1])
    return Look(text=text)


# --- Sentences ------------------------------------------------------------------------

Words: TypeAlias = tuple[str, str]
"""A sentence, and what to do about it."""

_AWAY = (
    "The database server cannot be reached.",
    "Check that it runs, and the address after --database; a service that runs goes on "
    "by itself when it is back.",
)
_FULL = (
    "The disk of the database server is full, so nothing more could be saved.",
    "Free some space there; what was saved before is safe.",
)
_MANY = (
    "The database server takes no more connections.",
    "Raise its max_connections, or run fewer nodes on it: each needs ten.",
)
_HELD = (
    "The database is held by another program.",
    "Try again in a moment. If that does not help, look for what holds it in "
    "pg_stat_activity.",
)
_STANDBY = (
    "The database cannot be written: this server only follows another one.",
    "Give the address of the one it follows after --database.",
)
_CHANGED = (
    "The tables in the database are not those of this version.",
    "Bring them up to date with 'biofeedback migrate', or update this program.",
)
_DENIED = (
    "The database does not let this user do that.",
    "Make the user the owner of the database: ALTER DATABASE NAME OWNER TO USER.",
)
_DAMAGED = (
    "The database server cannot read its own disk.",
    "Check that disk, and bring back a backup if need be: the recordings are files "
    "of their own and stay readable.",
)
_UNKNOWN = (
    "The database server does not know this user or password.",
    "Check the user in the address after --database; give the password in ~/.pgpass "
    "or PGPASSWORD.",
)
_MISSING = (
    "There is no such database on the server.",
    "Make it there with 'createdb', or check the name after --database.",
)
_UNTRUSTED = (
    "The certificate of the database server is not trusted.",
    "Add sslrootcert=FILE (who signed it, PEM) to the address after --database, and "
    "name the host there as the certificate does.",
)
_UNSECURED = (
    "The database server speaks no TLS, and the address asks for it.",
    "Set ssl = on at the server, or see whether it is another one.",
)
_ODD_ADDRESS = (
    "The address of the database asks for something that is not known.",
    "Check what stands behind the '?' in the address after --database.",
)
_UNKEPT = (
    "This text or number cannot be kept in the database.",
    "Make it shorter, and leave out signs that cannot be seen.",
)

_BY_CODE: dict[str, Words] = {
    "53100": _FULL,
    "53300": _MANY,
    "25006": _STANDBY,
    "42501": _DENIED,
    "42P01": _CHANGED,  # a table
    "42703": _CHANGED,  # a column
    "58030": _DAMAGED,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
    "55P03": _HELD,  # lock_timeout
    "57014": _HELD,  # statement_timeout
    "40P01": _HELD,  # a deadlock
    "25P03": _HELD,  # idle in a transaction for too long
}

_BY_CLASS: dict[str, Words] = {
    "08": _AWAY,
    "22": _UNKEPT,
    "28": _UNKNOWN,
    "3D": _MISSING,
    "53": (
        "The database server has no room for what was asked.",
        "Look at its memory and its log; what was saved before is safe.",
    ),
    "57": _AWAY,  # it is being stopped, or has only just started
}

_REFUSALS: tuple[tuple[str, Words], ...] = (
    # A connection that is refused comes without a code, in words alone.
    ("too many clients", _MANY),
    ("connection slots are reserved", _MANY),
    ("authentication failed", _UNKNOWN),
    ("no password supplied", _UNKNOWN),
    ("no pg_hba.conf entry", _UNKNOWN),
    ("root certificate file", _UNTRUSTED),
    ("certificate verify failed", _UNTRUSTED),
    ("server certificate for", _UNTRUSTED),  # it has another name
    ("does not support SSL", _UNSECURED),
    ("invalid sslmode", _ODD_ADDRESS),
    ("FATAL:  role ", _UNKNOWN),
    ("FATAL:  database ", _MISSING),
)


def sentence(error: BaseException | None) -> BiofeedbackError | None:
    """Return what to say of what psycopg raised; ``None`` of a programmer's mistake."""
    import psycopg

    code: str = getattr(error, "sqlstate", None) or ""
    told = _BY_CODE.get(code) or _BY_CLASS.get(code[:2])
    if told is None and not code:
        if isinstance(error, psycopg.DataError):  # a NUL, which no text here may hold
            told = _UNKEPT
        elif isinstance(error, psycopg.OperationalError):
            told = _refusal(str(error))
        elif isinstance(error, psycopg.InterfaceError):  # the connection was lost
            told = _AWAY
        elif isinstance(error, psycopg.ProgrammingError):
            told = _ODD_ADDRESS if "connection option" in str(error) else None
    if told is None:
        return None
    is_asked_wrongly = told in (_UNKEPT, _ODD_ADDRESS)
    return SettingsError(*told) if is_asked_wrongly else StoreError(*told)


def _refusal(text: str) -> Words:
    if "No such file" not in text:  # of a socket, which may be called anything
        for words, told in _REFUSALS:
            if words in text:
                return told
    return _AWAY
