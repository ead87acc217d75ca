"""What a person at a terminal reads of a link: each sentence once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from biofeedback.model import LinkState

_WORDS = {
    LinkState.SEARCHING: "Searching.",
    LinkState.CONNECTING: "Connecting.",
    LinkState.STREAMING: "Streaming.",
    LinkState.CONTACT_LOST: "Contact lost.",
    LinkState.STALE: "No data.",
    LinkState.RECONNECTING: "Reconnecting.",
    LinkState.ENDED: "Ended.",
}


class News:
    """Makes lines of link messages, and says nothing twice.

    A sentence is new again when there is another reason, or when the strap streamed
    in the meantime. The driver's steps and the battery are no news.
    """

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._state: LinkState | None = None
        self._reason: str | None = None

    def of(self, message: Mapping[str, Any]) -> str:
        """Return what is new in a link ``message``, as viewers get it; or nothing."""
        state, reason = LinkState(message["state"]), message["reason"]
        advice: str = message["advice"] or ""
        begins = state is LinkState.STREAMING and state is not self._state
        if begins:
            self._said.clear()
            self._reason = None
        elif reason and self._reason and reason != self._reason:
            self._said &= {advice}  # what two reasons share is not told twice in a row
        self._state, self._reason = state, reason or self._reason
        words = _WORDS[state]
        if begins:
            words = _from(message["strap"])
        elif state is LinkState.STREAMING or (state is LinkState.STALE and advice):
            words = ""  # said when it began; or the advice says it all
        if advice and advice not in self._said:
            line = f"{words} {advice}".strip()
        else:
            line = "" if words in self._said else words
        self._said |= {words, advice}
        return line


def _from(strap: Mapping[str, Any] | None) -> str:
    called = strap and (strap["name"] or strap["model"])
    if not called:
        return _WORDS[LinkState.STREAMING]
    # A name from the air may hold anything, such as what moves a terminal's cursor.
    shown = "".join(sign if sign.isprintable() else "\ufffd" for sign in called)
    return f"Streaming from {shown}."
