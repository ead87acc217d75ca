"""What happened in all sessions of a service, since it started."""

from __future__ import annotations

from collections.abc import Iterator

from biofeedback.figures import AnyFigure, Durations, Figure


class SessionCounts:
    """Counts for ``/metrics``. Only the event loop of the sessions may use it.

    Attributes
    ----------
    sent, dropped, gaps, shed
        Messages that viewers were handed; live ones that found no room in a viewer's
        lane; gaps that viewers were told of; viewers that were told to come again,
        because a message that may not be dropped found no room.
    synced
        How long it took until what was written of a session was safe on the disk.
    delivered, delivered_elsewhere
        From a strap's notification until a viewer's connection had the message that
        tells of it: of sessions that run here, and of those that run elsewhere.
    recordings_failed, notifications_lost
        Recordings that ended before their session; what an inbox had no room for.
    """

    def __init__(self) -> None:
        self.sent = self.dropped = self.gaps = self.shed = 0
        self.recordings_failed = self.notifications_lost = 0
        self.synced = Durations()
        self.delivered, self.delivered_elsewhere = Durations(), Durations()

    def figures(self) -> Iterator[AnyFigure]:
        """Return the counts as they are now."""
        for name, text, value in (
            ("messages_sent", "Messages that viewers were handed.", self.sent),
            (
                "messages_dropped",
                "Live messages that a slow viewer did not get.",
                self.dropped,
            ),
            ("viewer_gaps", "Gaps that viewers were told of.", self.gaps),
            (
                "viewers_shed",
                "Viewers that were too slow and were told to come again.",
                self.shed,
            ),
            (
                "recordings_failed",
                "Recordings that stopped before their session did.",
                self.recordings_failed,
            ),
            (
                "notifications_lost",
                "Notifications of straps for which there was no time.",
                self.notifications_lost,
            ),
        ):
            yield Figure(name=name, text=text, value=value, total=True)
        yield self.synced.spread(
            "journal_sync_seconds",
            "Until what was written of a session was safe on the disk.",
        )
        yield self.delivered.spread(
            "delivery_seconds",
            "From a strap's notification until a viewer had it, of sessions here.",
        )
        yield self.delivered_elsewhere.spread(
            "delivery_elsewhere_seconds",
            "From a strap's notification until a viewer had it, of sessions elsewhere.",
        )
