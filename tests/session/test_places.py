"""Files by URL: what is told of them, what is found, and what is never said."""

from __future__ import annotations

import threading
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from biofeedback.errors import BiofeedbackError, RecordingError, SettingsError
from biofeedback.session.batch import Outcome, analyze_many
from biofeedback.session.fetched import fetched
from biofeedback.session.places import (
    Place,
    key_of,
    options_of,
    place_of,
    places_in,
    version_of,
)
from tests.session.clusters import without_place
from tests.session.rr_files import rr_files

pytest.importorskip("fsspec")

SECRET = "nobody-may-read-this"


class Handler(SimpleHTTPRequestHandler):
    """A web server of files; some are not for everybody."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def end_headers(self) -> None:
        if "changing" in self.path:
            self.send_header("ETag", f'"{time.monotonic_ns()}"')
        super().end_headers()

    def send_head(self):  # type: ignore[no-untyped-def]  # noqa: ANN201
        if "refused" in self.path:
            self.send_error(403)
            return None
        return super().send_head()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    pytest.importorskip("aiohttp")
    handler = partial(Handler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("url", "name", "file_name"),
    [
        ("s3://bucket/2026/a.mcap", "s3://bucket/2026/a.mcap", "a.mcap"),
        ("s3://bucket/a?b#c.csv", "s3://bucket/a?b#c.csv", "a?b#c.csv"),
        (f"sftp://me:{SECRET}@host:22/a.csv", "sftp://host:22/a.csv", "a.csv"),
        (f"sftp://me:a@{SECRET}@host/a.csv", "sftp://host/a.csv", "a.csv"),
        (f"https://host/a.csv?sig={SECRET}", "https://host/a.csv", "a.csv"),
        (f"https://host/a.csv#{SECRET}", "https://host/a.csv", "a.csv"),
        (
            f"zip://in/a.csv::https://me:{SECRET}@host/a.zip?sig={SECRET}",
            "zip://in/a.csv::https://host/a.zip",
            "a.csv",
        ),
    ],
)
def test_a_name_holds_no_secret(url: str, name: str, file_name: str) -> None:
    place = Place(url=url, options={"secret": SECRET})
    assert place.name == name
    assert place.file_name == file_name
    for said in (repr(place), str(place), repr([place]), repr(Outcome(path=place))):
        assert SECRET not in said


def test_a_password_that_breaks_the_url_is_not_repeated() -> None:
    with pytest.raises(SettingsError, match="%2F") as error:
        place_of(f"sftp://me:pass/{SECRET}@host/a.csv")
    assert SECRET not in str(error.value)


def test_paths_stay_paths(tmp_path: Path) -> None:
    assert place_of("a b/c.csv") == Path("a b/c.csv")
    assert place_of(f"{tmp_path.as_uri()}/a%20b.csv") == tmp_path / "a b.csv"
    assert isinstance(place_of("s3://bucket/a.csv"), Place)


def test_options_are_read_as_they_are_meant() -> None:
    found = options_of(
        [
            "anon=true",
            "port=2022",
            f"secret={SECRET}",
            'client_kwargs={"verify": false}',
        ]
    )
    assert found == {
        "anon": True,
        "port": 2022,
        "secret": SECRET,
        "client_kwargs": {"verify": False},
    }
    assert options_of(["password=123", "key=true"]) == {
        "password": "123",
        "key": "true",
    }
    assert options_of(["endpoint_url=http://a=b"]) == {"endpoint_url": "http://a=b"}
    with pytest.raises(SettingsError) as error:
        options_of([SECRET])
    assert SECRET not in str(error.value)


def test_only_a_promise_is_a_version() -> None:
    assert version_of({"size": 9, "ETag": '"a"'}) == version_of(
        {"size": 9, "etag": "a"}
    )
    assert version_of({"size": 9, "ETag": '"a"'}) != version_of(
        {"size": 8, "ETag": "a"}
    )
    assert version_of({"size": 9, "ETag": 'W/"a"'}) is None, "weak: other bytes may be"
    assert version_of({"size": 9, "mtime": 1.5}) is None
    assert version_of({"size": None, "ETag": '"a"'}) is None


def test_what_a_query_means_is_not_remembered(tmp_path: Path) -> None:
    assert key_of(Place(url="https://host/a?id=1")) is None
    one = key_of(Place(url="sftp://me:old@host/a.csv"))
    assert one == key_of(Place(url="sftp://me:new@host/a.csv"))
    assert one != key_of(Place(url="sftp://host/b.csv"))
    assert str(tmp_path) not in (key_of(tmp_path) or "")


def test_folders_of_the_web_and_of_archives(tmp_path: Path, web: str) -> None:
    here = rr_files(tmp_path / "texts", 2)
    (tmp_path / "readme.md").write_text("not this one")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in here:
            archive.write(path, f"in/{path.name}")
    expected = [without_place(one.analysis) for one in analyze_many(here)]
    for url, first in (
        (f"http://me:{SECRET}@{web}/", f"http://{web}/texts/0000.csv"),
        (f"http://{web}/texts/", f"http://{web}/texts/0000.csv"),
        (f"zip://::{tmp_path}/all.zip", f"zip://in/0000.csv::{tmp_path}/all.zip"),
    ):
        found = [one for one in places_in([url]) if isinstance(one, Place)]
        assert found[0].name == first
        outcomes = list(analyze_many(found))
        assert [without_place(one.analysis) for one in outcomes] == expected
        assert outcomes[0].analysis is not None
        assert outcomes[0].analysis["file"] == first


def test_parts_beside_a_header_come_with_it(web: str, tmp_path: Path) -> None:
    """WFDB: the header names the files that hold the samples and the beats."""
    for name in ("100.hea", "100.dat", "100.atr", "1001.dat"):
        (tmp_path / name).write_text(name)
    with fetched(Place(url=f"http://{web}/100.hea")) as found:
        held = sorted(path.name for path in found.path.parent.iterdir())
    assert held == ["100.atr", "100.dat", "100.hea"]


def test_a_file_that_changes_is_not_half_of_two(tmp_path: Path, web: str) -> None:
    """Each time it is looked at it is another one; what is read is no mixture."""
    rr_files(tmp_path / "changing", 1)
    (outcome,) = analyze_many([f"http://{web}/changing/0000.csv"])
    assert "changes while it is fetched" in outcome.error.message
    assert outcome.sha256 is None


def said_of(url: str) -> BiofeedbackError:
    (error,) = places_in([url])
    assert isinstance(error, BiofeedbackError)
    assert SECRET not in str(error)
    return error


def test_what_is_wrong_is_told_without_secrets(tmp_path: Path, web: str) -> None:
    rr_files(tmp_path / "refused", 1)
    at = f"me:{SECRET}@{web}"
    assert "There is nothing at" in said_of(f"http://{at}/no.csv").message
    assert "does not let" in said_of(f"http://{at}/refused/0000.csv").message
    (tmp_path / "empty").mkdir()
    assert "holds no recording" in said_of(f"http://{at}/empty/").message
    nobody = "127.0.0.1:1"
    assert "cannot be reached" in said_of(f"http://me:{SECRET}@{nobody}/a.csv").message
    for url in (f"http://{at}/no.csv", f"http://{at}/refused/0000.csv"):
        (outcome,) = analyze_many([url])
        assert isinstance(outcome.error, RecordingError)
        assert outcome.sha256 is None
        assert not outcome.lasting
        assert SECRET not in str(outcome.error)


@pytest.mark.parametrize("url", ["nowhere://a/b.csv", "smb3://a/b.csv"])
def test_an_unknown_storage_is_told(url: str) -> None:
    with pytest.raises(SettingsError, match="is in no storage that is known"):
        places_in([url])


def test_an_unknown_option_is_told(web: str) -> None:
    (error,) = places_in([f"http://{web}/a.csv"], {"nonsense": SECRET})
    assert isinstance(error, RecordingError)
    assert "could not be fetched" in error.message
    assert "--storage-option" in error.advice
    assert SECRET not in str(error)
