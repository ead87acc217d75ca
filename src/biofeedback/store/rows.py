"""The rows of the store as frozen values. Instants are UTC nanoseconds."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeAlias

from biofeedback.model import SessionInfo, Value

Origin: TypeAlias = Literal["strap", "simulated", "replay", "imported"]


class SessionState(StrEnum):
    """Where a session is in its life.

    ``live`` → ``closing`` (the last record is safe, the summary is being written) →
    ``complete``. After a crash: ``recovered``, or ``failed`` when nothing was left.
    """

    LIVE = "live"
    CLOSING = "closing"
    COMPLETE = "complete"
    RECOVERED = "recovered"
    FAILED = "failed"


class Person(Value, frozen=True):
    """Someone who practises, under a pseudonym."""

    id: str
    pseudonym: str
    created_at_utc_ns: int


class SessionRow(Value, frozen=True):
    """One sitting. A replay is ``simulated`` when what it replays was.

    ``node`` is the origin that runs it (``"node.N-7Q2M9K"``, ``"home.H-3F6T2A"``);
    ``None`` where there is only one.
    """

    id: str
    person_id: str
    plan: str
    source: Origin
    simulated: bool
    strap_name: str
    started_at_utc_ns: int
    ended_at_utc_ns: int | None = None
    state: SessionState = SessionState.LIVE
    replay_of: str | None = None
    speed: float | None = None
    node: str | None = None

    @classmethod
    def of(
        cls,
        info: SessionInfo,
        person_id: str,
        *,
        node: str | None,
        state: SessionState = SessionState.LIVE,
        ended_at_utc_ns: int | None = None,
    ) -> SessionRow:
        """Return the row of a session that says this of itself."""
        return cls(
            id=info.id,
            person_id=person_id,
            plan=info.plan,
            source=info.source,
            simulated=info.simulated,
            strap_name=info.strap_name,
            started_at_utc_ns=info.started_at_utc_ns,
            ended_at_utc_ns=ended_at_utc_ns,
            state=state,
            replay_of=info.replay_of,
            speed=info.speed,
            node=node,
        )


class RatingRow(Value, frozen=True):
    """What a person felt. ``t_ms`` is ``None`` when it came after the session."""

    id: str
    session_id: str
    type: str
    value: float
    unit: str
    moment: str
    at_utc_ns: int
    in_recording: bool
    t_ms: float | None = None
    prompt: str | None = None
    latency_ms: int | None = None
    device: str | None = None


class LossReport(Value, frozen=True):
    """What a recovered recording lost, in a sentence."""

    sentence: str
    lost_bytes: int = 0


class Quality(Value, frozen=True):
    """What a recording is worth, at a glance; as ``analyze`` finds it.

    ``reason`` says why it is not ``suitable``; ``n_gaps`` counts where beats are
    missing.
    """

    duration_s: float
    n_beats: int
    coverage: float
    artefact_pct: float
    n_gaps: int
    suitable: bool
    reason: str | None
    n_ratings: int


class RecordingRow(Value, frozen=True):
    """Where a session's recording lies (``path`` is relative to the data folder)."""

    session_id: str
    path: str
    state: SessionState
    size_bytes: int | None = None
    n_records: int | None = None
    sha256: str | None = None
    loss: LossReport | None = None
    quality: Quality | None = None


class PractisedRow(Value, frozen=True):
    """What a person did in a session, at a glance.

    ``practice`` names the practice (``"mindful_breathing"``), ``None`` is breathing
    alone; ``minutes`` were practised, ``rate_bpm`` is the pace held longest. The other
    numbers are ``None`` where they are not known. ``symptom``: it was stopped because
    somebody felt dizzy. ``utc_offset_s`` is the time zone it was in.
    """

    session_id: str
    practice: str | None
    minutes: float
    rate_bpm: float | None = None
    rsa_bpm: float | None = None
    in_phase_pct: float | None = None
    followed_pct: float | None = None
    symptom: bool = False
    utc_offset_s: int | None = None


class DiaryRow(Value, frozen=True):
    """One thing a person noted outside of a session.

    ``occasion`` is ``pause``, ``week``, ``day`` or ``medicine``; what was noted
    together has the same ``group_id``. ``at_utc_ns`` is when, ``utc_offset_s`` the time
    zone it was in; ``kept_at_utc_ns`` is when it reached this computer.
    """

    id: str
    person_id: str
    occasion: str
    group_id: str
    type: str
    at_utc_ns: int
    utc_offset_s: int
    kept_at_utc_ns: int
    value: float | None = None
    unit: str | None = None
    text: str | None = None
    moment: str | None = None
    prompt: str | None = None
    latency_ms: int | None = None
    device: str | None = None


class EstimateRow(Value, frozen=True):
    """A resonance assessment: what was found on one day, and how sure that is.

    ``rate_bpm`` is ``None`` where nothing could be said; ``report`` is the whole
    report as JSON.
    """

    session_id: str
    person_id: str
    at_utc_ns: int
    rate_bpm: float | None
    probability: float | None
    rest_rr_ms: float | None
    report: str


class SignInRow(Value, frozen=True):
    """A browser that signed in; the token itself is never kept, only its hash."""

    token_sha256: str
    person_id: str
    created_at_utc_ns: int
    last_seen_utc_ns: int
    expires_at_utc_ns: int
    revoked_at_utc_ns: int | None = None
    account_id: str | None = None


class Role(StrEnum):
    """What somebody is here for.

    Where nobody has an account, whoever sits at the computer is the ``owner``; a
    ``program`` sends the token that the service was started with.
    """

    OWNER = "owner"
    PATIENT = "patient"
    THERAPIST = "therapist"
    RESEARCHER = "researcher"
    ADMIN = "admin"
    PROGRAM = "program"


class AccountRow(Value, frozen=True):
    """Somebody who signs in by name.

    ``code`` (``"T-7Q2M9K"``) is all that ever stands of them in recordings, logs and
    the audit; ``display`` is how others see them. ``person_id`` is who they are when
    they practise themselves. ``clinic`` is set at a home: somebody of that clinic, who
    cannot sign in here.
    """

    id: str
    code: str
    name: str
    display: str
    role: Role
    person_id: str
    created_at_utc_ns: int
    password_hash: str | None = None
    revoked_at_utc_ns: int | None = None
    clinic: str | None = None


class InviteRow(Value, frozen=True):
    """A link that makes an account, once. ``account_id``: new credentials for it.

    ``created_by`` is an account; ``None`` is the command line. ``became`` is the
    account that came of it.
    """

    id: str
    token_sha256: str
    role: Role
    created_at_utc_ns: int
    expires_at_utc_ns: int
    account_id: str | None = None
    person_id: str | None = None
    created_by: str | None = None
    used_at_utc_ns: int | None = None
    revoked_at_utc_ns: int | None = None
    became: str | None = None


class PasskeyRow(Value, frozen=True):
    """A passkey (WebAuthn); ``credential_id`` and ``public_key`` are base64url."""

    credential_id: str
    account_id: str
    public_key: str
    sign_count: int
    label: str
    created_at_utc_ns: int
    last_used_utc_ns: int | None = None


class AccessTokenRow(Value, frozen=True):
    """What a program sends in an account's name; ``scope`` is ``read`` or ``all``."""

    id: str
    token_sha256: str
    account_id: str
    label: str
    scope: Literal["read", "all"]
    created_at_utc_ns: int
    expires_at_utc_ns: int
    revoked_at_utc_ns: int | None = None


class Stream(StrEnum):
    """What can be shared of a person, each by itself."""

    HEART = "heart"
    BREATHING = "breathing"
    RATINGS = "ratings"
    NOTES = "notes"


class Purpose(StrEnum):
    """What it may be used for."""

    LIVE = "live"
    REPORT = "report"
    RESEARCH = "research"


class ConsentRow(Value, frozen=True):
    """That a person lets one account have one stream, for one purpose, for a time.

    ``home_id`` is set at a clinic: it was said by this home, not here.
    """

    id: str
    receipt_id: str
    person_id: str
    account_id: str
    stream: Stream
    purpose: Purpose
    granted_at_utc_ns: int
    expires_at_utc_ns: int
    text_version: str
    revoked_at_utc_ns: int | None = None
    home_id: str | None = None

    def holds(self, now_utc_ns: int) -> bool:
        """Say whether it holds at this instant."""
        return self.revoked_at_utc_ns is None and now_utc_ns < self.expires_at_utc_ns


class HomeRow(Value, frozen=True):
    """A patient's own machine, as a clinic knows it.

    ``id`` is ``"H-7Q2M9K"``; ``public_key`` is the public half of its credential.
    """

    id: str
    person_id: str
    label: str
    public_key: str
    created_at_utc_ns: int
    revoked_at_utc_ns: int | None = None


class ClinicRow(Value, frozen=True):
    """A clinic that this home has joined; there it is known as ``home_id``."""

    id: str
    name: str
    home_id: str
    joined_at_utc_ns: int
    left_at_utc_ns: int | None = None


class CopyConsentRow(Value, frozen=True):
    """That a clinic may keep a copy of what a person records at their home."""

    id: str
    person_id: str
    home_id: str
    granted_at_utc_ns: int
    expires_at_utc_ns: int
    text_version: str
    revoked_at_utc_ns: int | None = None

    def holds(self, now_utc_ns: int) -> bool:
        """Say whether it holds at this instant."""
        return self.revoked_at_utc_ns is None and now_utc_ns < self.expires_at_utc_ns


class NoteRow(Value, frozen=True):
    """What a therapist noted for themselves about a person."""

    id: str
    person_id: str
    account_id: str
    at_utc_ns: int
    text: str
    session_id: str | None = None


class AuditRow(Value, frozen=True):
    """That somebody did or saw something.

    ``actor`` is a code, or who else it was (``owner``, ``console``, ``nobody``);
    ``subject`` and ``object`` are keyed hashes of a person and of what was seen.
    """

    seq: int
    at_utc_ns: int
    actor: str
    role: str
    action: str
    subject: str | None
    object: str | None
    origin: str | None
    outcome: Literal["ok", "refused"]
    prev_sha256: str
    sha256: str
