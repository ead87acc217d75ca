"""Closed recordings sealed at rest: what is called ``X.mcap`` lies as ``X.mcap.age``.

Everybody goes on to speak of ``X.mcap``; how it lies on the disk is known here and
nowhere else. It is opened in memory only. Sealing leaves a whole copy at each moment::

    X.mcap ─> X.mcap.age.tmp, on the disk and read back ─> X.mcap.age ─> X.mcap is gone

Done again after it was cut off, it goes on to the end; so does unsealing.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from biofeedback.errors import RecordingError, SettingsError
from biofeedback.model import Value
from biofeedback.recording import durable
from biofeedback.recording.keys import KEY_VARIABLE, Key, key_in_use

SUFFIX = ".age"
TEMPORARY = ".tmp"
RECORDING_SUFFIX = ".mcap"
PART_SUFFIX = ".part"


class NoKeyError(RecordingError):
    """A recording is sealed, and there is no key to open it with."""


def plain_name(path: Path) -> Path:
    """Return what a recording is called, sealed or not.

    >>> plain_name(Path("2026/01HQ.mcap.age")).as_posix()
    '2026/01HQ.mcap'
    """
    return path.with_name(path.name.removesuffix(SUFFIX))


def sealed_name(path: Path) -> Path:
    """Return where the recording ``path`` lies once it is sealed."""
    return path.with_name(path.name + SUFFIX)


def lies_at(path: Path) -> Path:
    """Return where the recording called ``path`` lies; itself when it is nowhere."""
    if not path.exists() and (sealed := sealed_name(path)).exists():
        return sealed
    return path


def is_there(path: Path) -> bool:
    """Say whether there is a recording called ``path``, sealed or not."""
    return lies_at(path).exists()


def recordings_in(folder: Path) -> tuple[Path, ...]:
    """Return the names of all recordings below ``folder``, sealed or not."""
    found = {
        plain_name(path)
        for pattern in (f"*{RECORDING_SUFFIX}", f"*{RECORDING_SUFFIX}{SUFFIX}")
        for path in folder.rglob(pattern)
    }
    return tuple(sorted(found))


def opened(path: Path) -> BinaryIO:
    """Open the recording ``path`` for reading, sealed or not.

    Raises
    ------
    NoKeyError, WrongKeyError, DamagedError
        When it is sealed and does not open: each is a RecordingError.
    OSError
        When it cannot be read.
    """
    if path.suffix != SUFFIX:
        try:
            return path.open("rb")
        except FileNotFoundError:
            # Asked for only now: it may have been sealed this very moment.
            if not (sealed := sealed_name(path)).exists():
                raise
            path = sealed
    try:
        key = key_in_use()
    except SettingsError as error:
        raise NoKeyError(error.message, error.advice) from error
    if key is None:
        raise NoKeyError(
            f"The recording {path.name} is sealed, and no key was given.",
            f"Set {KEY_VARIABLE} to the path of the key file it was sealed with.",
        )
    return _unsealed(path, key)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of what a recording holds; sealing does not change it.

    Raises
    ------
    RecordingError, OSError
        As :func:`opened`.
    """
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def seal(path: Path, key: Key) -> None:
    """Seal the closed recording ``path``, in place. Blocks.

    May be called again after it failed or was cut off; nothing else may seal or unseal
    it meanwhile.

    Raises
    ------
    RecordingError
        When it cannot be done: then the recording is there as it was.
    """
    sealed = sealed_name(path)
    if sealed.exists() and not path.exists():
        return
    if path.with_name(path.name + PART_SUFFIX).exists():
        # Whoever finishes compacting it compares the two.
        raise RecordingError(
            f"The recording {path.name} was not closed to its end.",
            "Start 'biofeedback run' once: it finishes that.",
        )
    new = sealed.with_name(sealed.name + TEMPORARY)
    try:
        new.unlink(missing_ok=True)
        try:
            with path.open("rb") as source, _created(new) as file:
                key.encrypt(source, file)
                file.flush()
                durable.sync(file.fileno())
            with path.open("rb") as source, _unsealed(new, key) as copy:
                same = _digest(source) == _digest(copy)
            if not same:
                raise RecordingError(
                    f"The sealed copy of {path.name} differs from it and was removed.",
                    "Nothing is lost. Check the disk and the memory of this computer.",
                )
            os.replace(new, sealed)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        durable.sync_folder(path.parent)
        path.unlink()
        durable.sync_folder(path.parent)
    except OSError as error:
        raise durable.explained(
            f"The recording {path.name} could not be sealed; it is whole all the same.",
            error,
        ) from error


def unseal(path: Path, key: Key) -> None:
    """Let the sealed recording that is called ``path`` lie plainly again. Blocks.

    Raises
    ------
    RecordingError
        When it cannot be done: then the recording is there as it was.
    """
    sealed = sealed_name(path)
    if path.exists() and not sealed.exists():
        return
    new = path.with_name(path.name + TEMPORARY)
    try:
        if not path.exists():  # else this was done before, but for the last step
            new.unlink(missing_ok=True)
            try:
                with _unsealed(sealed, key) as source, _created(new) as file:
                    shutil.copyfileobj(source, file)
                    file.flush()
                    durable.sync(file.fileno())
                os.replace(new, path)
            except BaseException:
                new.unlink(missing_ok=True)
                raise
            durable.sync_folder(path.parent)
        sealed.unlink()
        durable.sync_folder(path.parent)
    except OSError as error:
        raise durable.explained(
            f"The recording {sealed.name} could not be unsealed; it is whole all the "
            "same.",
            error,
        ) from error


class Turned(Value, frozen=True):
    """How many recordings were sealed or unsealed, and why others were not."""

    n: int
    refused: tuple[str, ...]


def seal_all(folder: Path, key: Key) -> Turned:
    """Seal every closed recording below ``folder``; one that fails stops none."""
    return _turn([p for p in recordings_in(folder) if p.exists()], seal, key)


def unseal_all(folder: Path, key: Key) -> Turned:
    """Unseal every recording below ``folder``; one that fails stops none."""
    names = recordings_in(folder)
    return _turn([p for p in names if sealed_name(p).exists()], unseal, key)


def _turn(paths: list[Path], turn: Callable[[Path, Key], None], key: Key) -> Turned:
    refused = []
    for path in paths:
        try:
            turn(path, key)
        except RecordingError as error:
            refused.append(f"{path.name}: {error}")
    return Turned(n=len(paths) - len(refused), refused=tuple(refused))


def _unsealed(path: Path, key: Key) -> BinaryIO:
    plain = io.BytesIO()
    with path.open("rb") as file:
        key.decrypt(file, plain, path.name)
    plain.seek(0)
    return plain


def _created(path: Path) -> BinaryIO:
    return os.fdopen(durable.create(path), "wb")


def _digest(file: BinaryIO) -> bytes:
    return hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]
