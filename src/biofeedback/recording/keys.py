"""The key that recordings are sealed with: an age identity in a file of its own.

Its path stands in the environment and is not handed down: the processes that this one
starts (NeuroKit2's worker, ``analyze --jobs``) read recordings too. The file is read
when it is needed, so a key on a stick that is pulled out opens nothing any more.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar

from biofeedback.errors import RecordingError, SettingsError
from biofeedback.recording import durable

KEY_VARIABLE = "BIOFEEDBACK_KEY_FILE"
MAX_BYTES = 64 << 10
"""Room for hundreds of keys: whatever is larger is another file."""

P = ParamSpec("P")
T = TypeVar("T")

SECRET = "AGE-SECRET-KEY-"
PUBLIC = "age1"


class WrongKeyError(RecordingError):
    """What is sealed was not sealed for this key."""


class DamagedError(RecordingError):
    """What is sealed is not as it was written."""


class Key:
    """One or more age identities: the first seals, each of them opens.

    Whoever puts a new one before the old one has changed the key, and can still read.
    """

    def __init__(self, identities: Iterable[Any]) -> None:
        self._identities = tuple(identities)

    @property
    def public(self) -> str:
        """Return what others may seal for this key with (``age1…``)."""
        return str(self._identities[0].to_public())

    def encrypt(self, source: IO[bytes], target: IO[bytes]) -> None:
        """Write what ``source`` holds into ``target``, sealed.

        Raises
        ------
        OSError
            When one of them cannot be read or written.
        """
        encrypt_for(self.public, source, target)

    def decrypt(self, source: IO[bytes], target: IO[bytes], name: str) -> None:
        """Write what is sealed in ``source`` into ``target``.

        What was written counts only when this returns: then it is whole. ``name`` is
        what errors call it.

        Raises
        ------
        WrongKeyError, DamagedError
            When it was not sealed for this key, or is not as it was written.
        OSError
            When one of them cannot be read or written.
        """
        import pyrage

        told = _Told(source, target)
        try:
            pyrage.decrypt_io(told.source, told.target, self._identities)
        except (pyrage.DecryptError, OSError) as error:
            told.trouble()
            if "No matching keys" in str(error):
                raise WrongKeyError(
                    f"{name} does not open with this key.",
                    "Give the key file it was sealed with; if it is this one, use a "
                    "copy of the file from a backup: this one is damaged.",
                ) from error
            raise DamagedError(
                f"{name} is damaged or cut off, so nothing in it can be trusted.",
                "Use a copy of it from a backup.",
            ) from error
        told.trouble()


def encrypt_for(public: str, source: IO[bytes], target: IO[bytes]) -> None:
    """Write what ``source`` holds into ``target``, sealed for ``public`` alone.

    Raises
    ------
    SettingsError
        When ``public`` is no age recipient.
    OSError
        When one of them cannot be read or written.
    """
    import pyrage

    try:
        recipient = pyrage.x25519.Recipient.from_str(public)
    except pyrage.RecipientError as error:
        raise SettingsError(
            f"'{public}' is no public key of age.",
            f"Give one that begins with '{PUBLIC}', as 'biofeedback keys create' "
            "prints it.",
        ) from error
    told = _Told(source, target)
    try:
        pyrage.encrypt_io(told.source, told.target, [recipient])
    except (pyrage.EncryptError, OSError):
        told.trouble()
        raise
    told.trouble()


def create_key(path: Path, *, at: str) -> Key:
    """Make a new key and keep it in ``path``, for this user's eyes only.

    ``at`` is the time that is noted in it.

    Raises
    ------
    RecordingError
        When there is such a file, or it cannot be written.
    """
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    key = Key([identity])
    text = f"# created: {at}\n# public key: {key.public}\n{identity}\n"
    try:
        durable.write_new(path, text.encode())
    except OSError as error:
        raise durable.explained(
            f"The key file {path.name} could not be made.", error
        ) from error
    return key


def read_key(path: Path) -> Key:
    """Return the key that ``path`` holds, as ``age-keygen`` writes it too.

    Raises
    ------
    SettingsError
        When it cannot be read, or is no such file.
    """
    import pyrage

    try:
        with path.open("rb") as file:
            lines = file.read(MAX_BYTES).decode("ascii", "replace").splitlines()
    except OSError as error:
        raise SettingsError(
            f"The key file '{path.name}' cannot be read ({error.strerror or error}).",
            f"Check its path in {KEY_VARIABLE} or --seal-key, and that its disk is "
            "there.",
        ) from error
    secrets = [line.strip() for line in lines if line.strip().startswith(SECRET)]
    try:
        identities = [pyrage.x25519.Identity.from_str(secret) for secret in secrets]
    except pyrage.IdentityError:
        identities = []
    if not identities:
        raise SettingsError(  # without the cause, which might quote the file
            f"'{path.name}' is no key file.",
            "Give one that 'biofeedback keys create' or age-keygen made.",
        )
    return Key(identities)


def key_in_use() -> Key | None:
    """Return the key that the environment names; ``None`` where it names none.

    Raises
    ------
    SettingsError
        When it cannot be read, or is no such file.
    """
    name = os.environ.get(KEY_VARIABLE)
    return read_key(Path(name).expanduser()) if name else None


class _Told:
    """Two files that remember what the system said.

    pyrage forgets the number of an error, and swallows that of its last write.
    """

    def __init__(self, source: IO[bytes], target: IO[bytes]) -> None:
        self.source = _Remembering(source)
        self.target = _Remembering(target)

    def trouble(self) -> None:
        """Raise what the system said, if it said something."""
        for file in (self.source, self.target):
            if file.error is not None:
                raise file.error


class _Remembering:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.error: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        return self._remember(self._file.read, size)

    def write(self, data: bytes) -> int:
        return self._remember(self._file.write, data)

    def flush(self) -> None:
        self._remember(self._file.flush)

    def _remember(self, call: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        try:
            return call(*given, **named)
        except BaseException as error:
            self.error = error
            raise
