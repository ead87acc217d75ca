"""Where files are: on the disks of this computer, or in a storage that a URL names.

fsspec reaches the storages: ``s3://``, ``gs://``, ``abfs://``, ``sftp://``,
``https://``, ``zip://a.mcap::s3://…`` and others. What a URL or an option holds that
is nobody's business (a password, a key, the signature of a link) is in no name, no
``repr`` and no sentence.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit
from urllib.request import url2pathname

from biofeedback.errors import (
    BiofeedbackError,
    NotSoError,
    PackageError,
    RecordingError,
    SettingsError,
)
from biofeedback.model import Value

ANALYZABLE = (
    *(".mcap", ".mcap.age", ".txt", ".csv", ".tsv", ".rr", ".ibi", ".hrm"),
    *(".edf", ".bdf", ".xdf", ".hea"),
)
"""How the names of files end that are looked for in folders and storages."""

PACKAGES = {
    **{name: "s3fs" for name in ("s3", "s3a")},
    **{name: "gcsfs" for name in ("gs", "gcs")},
    **{name: "adlfs" for name in ("abfs", "abfss", "az", "adl")},
    **{name: "aiohttp" for name in ("http", "https")},
    **{name: "paramiko" for name in ("sftp", "ssh")},
}
"""What fsspec needs beside itself, by the beginning of the URL."""

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
AUTHORITY = re.compile(r"://([^/?#]*)")
WORDS = re.compile("key|secret|token|pass|cred|sas|user|account", re.I)
"""Options whose values are words, even where they look like a number."""

REFUSED = re.compile("Credential|Authentication|Forbidden")
UNREACHED = re.compile("Connect|Timeout|DNS|gaierror|SSH|Endpoint")
"""How the errors of the storages' packages are called."""

Named: TypeAlias = "Path | Place"


class Place(Value, frozen=True):
    """A file in a storage.

    ``url`` is as it is opened, and may hold a password; :attr:`name` is what may be
    told. ``options`` are for fsspec. ``version`` is what the storage called this
    content when it was listed, where it promises that other content is called
    otherwise (an entity tag), else ``None``.
    """

    url: str
    options: Mapping[str, Any] = {}
    version: str | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @property
    def name(self) -> str:
        """What results and sentences call it: the URL without its secrets.

        >>> Place(url="sftp://me:pw@host/a.csv").name
        'sftp://host/a.csv'
        >>> Place(url="https://host/a.csv?signature=1").name
        'https://host/a.csv'
        """
        return told(self.url)

    @property
    def file_name(self) -> str:
        """The last part of its path.

        >>> Place(url="zip://in/a.csv::s3://bucket/all.zip").file_name
        'a.csv'
        """
        path = _without_query(self.url.partition("::")[0]).partition("://")[2]
        return path.rstrip("/").rpartition("/")[2]

    @property
    def key(self) -> str | None:
        """A name to remember it by; ``None`` where a query may mean anything."""
        if self.name != AUTHORITY.sub(_without_user, self.url):
            return None
        return hashlib.sha256(self.name.encode()).hexdigest()


def key_of(place: Named) -> str | None:
    """Return a name to remember a place by, which does not tell where it is."""
    if isinstance(place, Place):
        return place.key
    return hashlib.sha256(str(place.absolute()).encode()).hexdigest()


def is_url(text: str) -> bool:
    """Tell whether ``text`` is a URL rather than a path."""
    return URL.match(text) is not None


def told(url: str) -> str:
    """Return ``url`` without user and password, and without the query of a link."""
    return "::".join(_told(part) for part in url.split("::"))


def options_of(pairs: Iterable[str]) -> dict[str, Any]:
    """Return what ``KEY=VALUE`` texts say.

    ``true``, ``false``, numbers, and what is in ``{}`` or ``[]`` are read as JSON,
    but keys, secrets and the like are words, whatever they look like.

    >>> options_of(["anon=true", "port=2022", "secret=123"])
    {'anon': True, 'port': 2022, 'secret': '123'}

    Raises
    ------
    SettingsError
        When one of them is no such pair.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise SettingsError(  # it may be a secret: not told
                "A storage option is no KEY=VALUE.",
                "Give one such as --storage-option endpoint_url=https://host:9000.",
            )
        found[name] = value if WORDS.search(name) else _read(value)
    return found


def place_of(text: str, options: Mapping[str, Any] | None = None) -> Named:
    """Return the place that a path or a URL names.

    Raises
    ------
    SettingsError
        When it looks like a URL and is none.
    """
    if not is_url(text):
        return Path(text)
    if text.lower().startswith("file://") and "::" not in text:
        return Path(url2pathname(urlsplit(text).path))
    for part in text.split("::"):
        _check(part)
    return Place(url=text, options=dict(options or {}))


def places_in(
    asked: Iterable[str | Path], options: Mapping[str, Any] | None = None
) -> list[Named | BiofeedbackError]:
    """Return the files asked for; a folder stands for all it holds.

    Parameters
    ----------
    asked
        Files, folders and URLs.
    options
        For the storages that the URLs name, as fsspec takes them.

    Returns
    -------
        What is not there stands in the list as the error to tell: the other files are
        analyzed all the same.

    Raises
    ------
    SettingsError
        When a package is missing, or a URL is none.
    """
    found: list[Named | BiofeedbackError] = []
    for one in asked:
        place = place_of(str(one), options)
        inside = _in_folder(place) if isinstance(place, Path) else _in_storage(place)
        found += inside
    return found


def opened_storage(place: Place) -> tuple[Any, str]:
    """Return the file system of fsspec in which a place is, and the path in it.

    Raises
    ------
    SettingsError
        When a package is missing, or there is no such storage.
    RecordingError
        When it cannot be reached.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise PackageError("Reading from a storage", "fsspec", "storage") from None
    protocol = place.url.rpartition("::")[2].partition("://")[0].lower()
    options = {protocol: dict(place.options)} if place.options else {}
    try:
        system, path = url_to_fs(place.url, **options)
    except ImportError:
        package = PACKAGES.get(protocol, f"that fsspec asks for ({protocol})")
        raise SettingsError(
            f"Reading from '{protocol}://' needs the package {package}.",
            f"Install it with: pip install {package}. Where a cluster does the work, "
            "its workers need it as well.",
        ) from None
    except TypeError:
        raise SettingsError(
            f"The storage '{protocol}://' does not know these options.",
            "Check each --storage-option against fsspec's page of it.",
        ) from None
    except Exception as error:
        if isinstance(error, ValueError) and "Protocol not known" in str(error):
            raise SettingsError(
                f"'{place.name}' is in no storage that is known.",
                "URLs begin for instance with s3://, gs://, abfs://, sftp:// or "
                "https://.",
            ) from None
        raise trouble(place.name, error) from None
    return system, str(path)


def version_of(info: Mapping[str, Any]) -> str | None:
    """Return what a storage calls this content, where it promises to mean one only.

    That is a strong entity tag (RFC 9110 §8.8.1), or the generation of an object, with
    size and time of change. A time of change alone is no promise.
    """
    tag = info.get("generation") or info.get("ETag") or info.get("etag")
    if not tag or str(tag).startswith("W/") or info.get("size") is None:
        return None
    names = ("LastModified", "last_modified", "Last-Modified")
    changed = next((info[name] for name in names if info.get(name)), None)
    # Lists know fractions of a second that a single answer leaves out.
    when = int(changed.timestamp()) if isinstance(changed, datetime) else changed or ""
    return f"{str(tag).strip(chr(34))} {info['size']} {when}".rstrip()


def trouble(name: str, error: BaseException) -> RecordingError:
    """Return what went wrong with a storage, in a sentence without its words.

    Its own words may hold a URL with a password, or a key.
    """
    if _absent(error):
        return RecordingError(f"There is no file '{name}'.", "Check the name.")
    cause = error.__cause__ or error if isinstance(error, FileNotFoundError) else error
    kind = type(cause).__name__
    if isinstance(cause, PermissionError) or (
        getattr(cause, "status", None) in (401, 403) or REFUSED.search(kind)
    ):
        return RecordingError(
            f"The storage does not let '{name}' be read.",
            "Check its --storage-option or the environment; workers of a cluster have "
            "an environment of their own.",
        )
    if isinstance(cause, ConnectionError | TimeoutError) or UNREACHED.search(kind):
        return RecordingError(
            f"The storage of '{name}' cannot be reached.",
            "Check the address and the network, and start again.",
        )
    return RecordingError(
        f"'{name}' could not be fetched ({kind}).",
        "Check the URL and its --storage-option, and start again.",
    )


def _absent(error: BaseException) -> bool:
    """Tell whether a file is not there; over HTTP anything may be told as that."""
    if not isinstance(error, FileNotFoundError):
        return False
    cause = error.__cause__
    other = isinstance(cause, TypeError | ValueError)  # an option it does not know
    refused = getattr(cause, "status", 404) != 404
    return not (other or refused or UNREACHED.search(type(cause).__name__))


def _in_folder(path: Path) -> list[Named | BiofeedbackError]:
    if path.is_dir():
        inside = sorted(
            one
            for one in path.rglob("*")
            if one.is_file() and one.name.lower().endswith(ANALYZABLE)
        )
        return [*inside] or [_nothing(str(path))]
    if path.exists():
        return [path]
    return [NotSoError(f"There is no file '{path}'.", "Check the name.")]


def _in_storage(place: Place) -> list[Named | BiofeedbackError]:
    try:
        system, path = opened_storage(place)
        info = None if place.url.endswith("/") else _info(system, path)
        if info is not None and info["type"] == "file":
            return [_at(place, place.url, info)]
        inside = system.find(path, detail=True)
    except BiofeedbackError as error:
        if isinstance(error, SettingsError):
            raise
        return [error]
    except Exception as error:
        return [trouble(place.name, error)]
    files = [
        _at(place, _url_below(place.url, system, path, name), info)
        for name, info in inside.items()
        if name.lower().endswith(ANALYZABLE)
    ]
    if not inside:
        return [NotSoError(f"There is nothing at '{place.name}'.", "Check the name.")]
    return [*sorted(files, key=lambda one: one.url)] or [_nothing(place.name)]


def _info(system: Any, path: str) -> Mapping[str, Any] | None:  # noqa: ANN401
    try:
        found: Mapping[str, Any] = system.info(path)
    except FileNotFoundError as error:
        if not _absent(error):
            raise
        return None
    return found


def _at(base: Place, url: str, info: Mapping[str, Any]) -> Place:
    return Place(url=url, options=base.options, version=version_of(info))


def _url_below(url: str, system: Any, path: str, name: str) -> str:  # noqa: ANN401
    """Return the URL of ``name``, which the storage listed below ``path`` of ``url``.

    With all that ``url`` says beside the path: host, user, the archive it is in.
    """
    head, chain, rest = url.partition("::")
    below = path.strip("/")
    if not name.strip("/").startswith(below):
        return str(system.unstrip_protocol(name))
    tail = name.strip("/")[len(below) :].lstrip("/")
    if not head.endswith("://"):
        head = f"{head.rstrip('/')}/"
    return f"{head}{tail}{chain}{rest}"


def _nothing(name: str) -> NotSoError:
    return NotSoError(
        f"'{name}' holds no recording and no RR text.",
        f"Files that end in {', '.join(ANALYZABLE)} are looked for.",
    )


def _check(part: str) -> None:
    """Refuse a password that ends the name of the host before its time."""
    authority = AUTHORITY.search(part)
    if authority is None:
        return
    user, at, _ = authority[1].rpartition("@")
    _, colon, port = authority[1].rpartition(":")
    if not (at and user) and colon and "@" in part and not port.isdigit():
        raise SettingsError(
            "A URL holds a password with '/', '?' or '#' in it.",
            "Write these as %2F, %3F and %23, or give the password by "
            "--storage-option.",
        )


def _told(part: str) -> str:
    return _without_query(AUTHORITY.sub(_without_user, part))


def _without_user(authority: re.Match[str]) -> str:
    return f"://{authority[1].rpartition('@')[2]}"


def _without_query(part: str) -> str:
    return re.split("[?#]", part)[0] if part.lower().startswith("http") else part


def _read(value: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(value)
    except ValueError:
        return value
