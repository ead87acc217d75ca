"""What the live journal and the finished file write in the same way."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from importlib import metadata, resources

from mcap.writer import Writer

from biofeedback.recording.dense import DenseWriter
from biofeedback.recording.format import (
    JSON_ENCODING,
    PROFILE,
    SCHEMA_ENCODING,
    Channel,
    has_schema,
    schema_json,
    topic_metadata,
)
from biofeedback.recording.metadata import sealed

README_NAME = "README.txt"
SUMMARY_NAME = "summary.json"


class Channels:
    """The channels of one file: each is announced when it is first used.

    It is announced twice, in the chunk as MCAP has it and before it in a ``topic``
    record of its own, so that a damaged chunk costs no more than itself. Those that are
    ``known`` already are announced at once: they keep their numbers, which follow from
    the order of announcement.
    """

    def __init__(
        self, mcap: Writer | DenseWriter, known: Iterable[Channel] = ()
    ) -> None:
        self._mcap = mcap
        self._ids: dict[Channel, int] = {}
        self._schema_ids: dict[str, int] = {}
        for channel in known:
            self.id_of(channel)

    def id_of(self, channel: Channel) -> int:
        """Return the number MCAP gave ``channel``."""
        if (known := self._ids.get(channel)) is not None:
            return known
        number: int = self._mcap.register_channel(
            topic=channel.topic,
            message_encoding=channel.encoding,
            schema_id=self._schema_id(channel),
            metadata=channel.metadata(),
        )
        self._mcap.add_metadata("topic", sealed(topic_metadata(number, channel)))
        self._ids[channel] = number
        return number

    def announce_again(self) -> None:
        """Write all ``topic`` records once more: the first may be damaged one day."""
        for channel, number in self._ids.items():
            self._mcap.add_metadata("topic", sealed(topic_metadata(number, channel)))

    @property
    def all(self) -> tuple[Channel, ...]:
        """The channels so far, in the order of their numbers."""
        return tuple(self._ids)

    def _schema_id(self, channel: Channel) -> int:
        name = channel.type
        if channel.encoding != JSON_ENCODING or not has_schema(name):
            return 0
        if name not in self._schema_ids:
            self._schema_ids[name] = self._mcap.register_schema(
                name=name, encoding=SCHEMA_ENCODING, data=schema_json(name)
            )
        return self._schema_ids[name]


def write_preamble(
    mcap: Writer | DenseWriter,
    *,
    session: Mapping[str, str],
    software: Mapping[str, str],
    recovery: Mapping[str, str] | None = None,
    origin: Mapping[str, str] | None = None,
) -> None:
    """Begin a file: the profile, the session, the software, how to read it.

    ``origin`` is where an imported session came from.
    """
    mcap.start(profile=PROFILE, library=software.get("biofeedback", "biofeedback"))
    mcap.add_metadata("session", sealed(session))
    mcap.add_metadata("software", sealed(software))
    if origin is not None:
        mcap.add_metadata("import", sealed(origin))
    if recovery is not None:
        mcap.add_metadata("recovery", sealed(recovery))
    readme = resources.files("biofeedback.recording") / README_NAME
    started_ns = int(session["started_at_utc_ns"])
    mcap.add_attachment(
        create_time=started_ns,
        log_time=started_ns,
        name=README_NAME,
        media_type="text/plain",
        data=readme.read_bytes(),
    )


def software_metadata(biofeedback: str) -> dict[str, str]:
    """Return what computed the numbers of a recording."""
    return {
        "biofeedback": biofeedback,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        **{name: _version(name) for name in ("numpy", "scipy", "mcap", "msgspec")},
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"
