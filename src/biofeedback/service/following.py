"""Follows the commands of viewers in a session of this node, whoever sent them."""

from __future__ import annotations

import msgspec

from biofeedback.service import commands
from biofeedback.service.conductor import Conductor
from biofeedback.service.entries import refuse_taken
from biofeedback.service.ongoing import Ongoing
from biofeedback.service.problems import Problem
from biofeedback.service.rooms import Rooms
from biofeedback.service.together import Together
from biofeedback.session.runner import LiveSession
from biofeedback.store import AccountRow

ONLY_A_THERAPIST = "Only a therapist who watches sends this."
ONLY_THE_PERSON = "Only the person who practises sends this."
WHO_SENDS_WHAT = "docs/protocol.md says who sends what."


class Following:
    """What each command does.

    Parameters
    ----------
    conductor, rooms, together
        Whose sessions these are, what is shared, and the doors of the room.
    """

    def __init__(self, conductor: Conductor, rooms: Rooms, together: Together) -> None:
        self._conductor = conductor
        self._rooms = rooms
        self._together = together

    async def own(
        self, live: LiveSession, command: commands.Command, *, by: str
    ) -> None:
        """Follow a command of the person themself.

        Raises
        ------
        BiofeedbackError, Problem
            When it cannot be followed.
        """
        check_own(command)
        conductor, together, id = self._conductor, self._together, live.info.id
        match command:
            case commands.Rate():
                command.check()
                await conductor.entries.rate(id, command, by=by)
            case commands.Annotate(type=type, text=text):
                refuse_taken(type)
                await conductor.entries.enter(id, by=by, type=type, text=text)
            case commands.SetPacer():
                pace = msgspec.structs.asdict(command)
                await conductor.live(id).pace(by=by, **pace)
                await together.chose_own_pace(live, by=by)
            case commands.AcceptPacer(proposal=proposal):
                await together.accept(live, proposal, by=by)
            case commands.DeclinePacer(proposal=proposal):
                await together.decline(live, proposal, by=by)
            case commands.Hand(up=up):
                await together.hold_up(live, up, by=by)
            case commands.Seen(message=message):
                await together.saw(live, message, by=by)
            case commands.AskSignals(signals=signals):
                await conductor.entries.ask_for(id, signals, by=by)
            case commands.ReplaySet(playing=playing, speed=speed):
                await conductor.playback(id).set(playing=playing, speed=speed)
            case commands.ReplayStep(to=to):
                await conductor.playback(id).step(to)
            case commands.ReplaySeek(t_ms=t_ms, event=event):
                await conductor.playback(id).seek(t_ms, event)
            case commands.ReplayLoop(from_ms=from_ms, to_ms=to_ms):
                await conductor.playback(id).loop(from_ms, to_ms)
            case commands.Stop():
                await conductor.stop(id)

    async def shared(
        self, live: LiveSession, command: commands.Command, account: AccountRow
    ) -> None:
        """Follow a command of somebody who watches.

        Raises
        ------
        BiofeedbackError, Problem
            When it cannot be followed, or nothing is shared with them.
        """
        check_shared(command)
        self.refuse_unshared(live, account)
        together, by = self._together, account.code
        match command:
            case commands.Annotate(type=type, text=text):
                await together.mark(live, type, text, by=by)
            case commands.ProposePacer(rate_bpm=rate_bpm, inhale_pct=inhale_pct):
                await together.propose(
                    live, by=by, rate_bpm=rate_bpm, inhale_pct=inhale_pct
                )
            case commands.Say(text=text):
                await together.say(live, text, by=by)

    def refuse_unshared(self, live: Ongoing, account: AccountRow) -> None:
        """Refuse whoever may not watch now.

        Raises
        ------
        Problem
            With status 403.
        """
        refusal = self._rooms.refusal(account, live)
        if refusal is not None:
            raise Problem(403, refusal, "Ask the person to share it again.")


def check_own(command: commands.Command) -> None:
    """Refuse what nobody sends about their own session.

    Raises
    ------
    Problem
        With status 403.
    """
    if not isinstance(command, tuple(commands.BY_THE_PERSON)):
        raise Problem(403, ONLY_A_THERAPIST, WHO_SENDS_WHAT)


def check_shared(command: commands.Command) -> None:
    """Refuse what nobody sends about the session of somebody else.

    Raises
    ------
    Problem
        With status 403.
    """
    # Those of the room are kinds of these.
    if not isinstance(command, tuple(commands.BY_A_THERAPIST)):
        raise Problem(403, ONLY_THE_PERSON, WHO_SENDS_WHAT)
