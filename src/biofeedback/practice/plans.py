"""Plans as data: what a session is made of, written down before it begins.

A plan is one JSON file that a researcher can write, check, hash and register. Its
steps come one after another; a comparison has *arms* instead, each with its own steps.
People see an arm's label only, never what it stands for.

The hash is the SHA-256 of the canonical text: sorted keys, no spaces, and no field that
has its default. A later version that knows more fields so gives the same hash, as long
as no default ever changes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Annotated, TypeAlias

import msgspec

from biofeedback.errors import SettingsError
from biofeedback.model import Value
from biofeedback.practice import pacer, practices
from biofeedback.practice.ratings import SCALES

PRACTICE = "practice"
"""The plan of everyday: the pages' own way, without steps of a file."""

LONGEST_STEP_S = 3600.0
LONGEST_PLAN_S = 2 * 3600.0
MAX_BYTES = 256 * 1024

RATING_TYPES = tuple(SCALES)
RESERVED = frozenset({"end", "pause", "resume"})
"""Marks of a walk, which no step may be called."""

MOMENTS = ("before", "during", "after")
EYES = ("open", "closed", "either")
POSTURES = ("sitting", "reclined", "lying", "standing", "either")
KINDS = ("questions", "baseline", "practice", "rest", "recovery", "note", "resonance")

Text: TypeAlias = Annotated[str, msgspec.Meta(max_length=4000)]

_ID = re.compile(r"[a-z][a-z0-9-]{0,47}")
_LABEL = re.compile(r"[A-Z]")


class Step(
    Value,
    frozen=True,
    tag_field="kind",
    tag=str.lower,
    forbid_unknown_fields=True,
):
    """One thing after the other; ``id`` names it in events."""

    id: str

    @property
    def duration_s(self) -> float | None:
        """How long it lasts; ``None``: until the person goes on."""
        return None


class Questions(Step, frozen=True):
    """Ratings of these types, each of which may be skipped."""

    types: tuple[str, ...]
    moment: str


class Baseline(Step, frozen=True):
    """Quiet minutes with natural breathing (Task Force 1996: five)."""

    seconds: float = 300.0
    eyes: str = "either"
    posture: str = "either"

    @property
    def duration_s(self) -> float | None:
        """How long it lasts."""
        return self.seconds


class Practice(Step, frozen=True):
    """Paced breathing. ``practice`` names one of the guided practices, or is empty.

    ``rest_ms`` is a rest after breathing out; ``ramp`` comes from the person's own
    rate.
    """

    minutes: float
    rate_bpm: float = pacer.DEFAULT_RATE_BPM
    inhale_pct: float = pacer.DEFAULT_INHALE_PCT
    rest_ms: int = 0
    ramp: bool = True
    practice: str = ""

    @property
    def duration_s(self) -> float | None:
        """How long it lasts."""
        return 60 * self.minutes


class Rest(Step, frozen=True):
    """Resting without a pace, as the passive arm of a comparison."""

    seconds: float

    @property
    def duration_s(self) -> float | None:
        """How long it lasts."""
        return self.seconds


class Recovery(Step, frozen=True):
    """The minutes after a practice, without a pace."""

    seconds: float = 120.0

    @property
    def duration_s(self) -> float | None:
        """How long it lasts."""
        return self.seconds


class Note(Step, frozen=True):
    """A line in the person's own words; ``prompt`` is shown above it."""

    prompt: Text = ""


class Resonance(Step, frozen=True):
    """The assessment of the resonance frequency, on its own page."""


AnyStep: TypeAlias = (
    Questions | Baseline | Practice | Rest | Recovery | Note | Resonance
)


class Arm(Value, frozen=True, forbid_unknown_fields=True):
    """One side of a comparison. ``label`` is a letter, all that people see of it."""

    id: str
    label: str
    steps: tuple[AnyStep, ...]
    description: Text = ""


class Plan(Value, frozen=True, forbid_unknown_fields=True):
    """A whole plan. It has steps, or arms that have.

    ``title`` is what people read. ``primary_outcome`` and ``exclusion_rules`` are for
    the registration; nothing is computed from them.
    """

    id: str
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    version: Annotated[int, msgspec.Meta(ge=1)]
    steps: tuple[AnyStep, ...] = ()
    arms: tuple[Arm, ...] = ()
    description: Text = ""
    primary_outcome: Text = ""
    exclusion_rules: tuple[Text, ...] = ()

    @property
    def canonical(self) -> str:
        """Return its text, the same however the file was laid out."""
        return msgspec.json.encode(_plain(self), order="sorted").decode()

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of :attr:`canonical`, in hex."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    def arm(self, id: str | None) -> Arm | None:
        """Return the arm called ``id``; ``None`` where the plan has none.

        Raises
        ------
        SettingsError
            When it has arms, and this is none of them; or it has none, and one is
            asked for.
        """
        for arm in self.arms:
            if arm.id == id:
                return arm
        if self.arms or id is not None:
            known = ", ".join(arm.id for arm in self.arms) or "none"
            raise SettingsError(
                f"The plan '{self.id}' has no arm '{id}'.", f"Its arms: {known}."
            )
        return None

    def steps_of(self, arm_id: str | None) -> tuple[AnyStep, ...]:
        """Return the steps of an arm, or of the plan where it has none."""
        arm = self.arm(arm_id)
        return self.steps if arm is None else arm.steps


class Chosen(Value, frozen=True):
    """A plan for one session: with its arm, if it has any."""

    plan: Plan
    arm_id: str | None = None

    @property
    def label(self) -> str | None:
        """What may be shown of the arm."""
        arm = self.plan.arm(self.arm_id)
        return None if arm is None else arm.label

    @property
    def steps(self) -> tuple[AnyStep, ...]:
        """The steps of this session."""
        return self.plan.steps_of(self.arm_id)


def allocate(plan: Plan, pseudonym: str) -> str | None:
    """Return the arm of a person: by the plan's hash and their pseudonym alone.

    Whoever has the plan can say it again, and nobody can choose it. It does not balance
    small groups: for blocks or strata give the arm instead.
    """
    if not plan.arms:
        return None
    drawn = hashlib.sha256(f"{plan.sha256}:{pseudonym}".encode()).digest()
    return plan.arms[int.from_bytes(drawn, "big") % len(plan.arms)].id


def _plain(value: Value) -> dict[str, object]:
    """Return what differs from the defaults, with its kind."""
    plain: dict[str, object] = {}
    if isinstance(value, Step):
        plain["kind"] = type(value).__name__.lower()
    for field in msgspec.structs.fields(value):
        content = getattr(value, field.name)
        if content != field.default:
            held = isinstance(content, tuple)
            plain[field.name] = [_part(c) for c in content] if held else content
    return plain


def _part(content: object) -> object:
    return _plain(content) if isinstance(content, Value) else content


_decoder: msgspec.json.Decoder[Plan] = msgspec.json.Decoder(Plan)


def read_plan(text: str | bytes) -> Plan:
    """Return the plan in ``text``, checked.

    Raises
    ------
    SettingsError
        Saying where the plan is wrong, and what may stand there.
    """
    if len(text) > MAX_BYTES:
        raise SettingsError("The plan is too long.", "A plan has at most 256 KiB.")
    try:
        plan = _decoder.decode(text)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        place = where.rstrip("`").lstrip(".") or "its top"
        raise SettingsError(
            f"The plan cannot be read at {place}: {what[:1].lower()}{what[1:]}.",
            f"Kinds of steps are: {', '.join(KINDS)}."
            if place.endswith("kind") or "kind" in what
            else "docs/practice.md lists the fields of a plan.",
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The plan is not JSON ({error}).", "Write it as one JSON object in UTF-8."
        ) from None
    check(plan)
    return plan


def check(plan: Plan) -> None:
    """Refuse a plan that cannot be walked.

    Raises
    ------
    SettingsError
        For the first thing that is wrong.
    """
    _named(plan.id, "The plan")
    if bool(plan.steps) == bool(plan.arms):
        raise SettingsError(
            f"The plan '{plan.id}' needs steps or arms, and not both.",
            "Give 'steps', or at least two 'arms' that each have steps.",
        )
    if plan.arms:
        _check_arms(plan)
    for steps in (plan.steps, *(arm.steps for arm in plan.arms)):
        if steps:
            _check_steps(steps)


def _check_arms(plan: Plan) -> None:
    if len(plan.arms) < 2:
        raise SettingsError(
            f"The plan '{plan.id}' has one arm only.",
            "Give two or more, or 'steps' instead.",
        )
    for arm in plan.arms:
        _named(arm.id, "An arm")
        if not arm.steps:
            raise SettingsError(f"The arm '{arm.id}' has no steps.", "Give it some.")
        if not _LABEL.fullmatch(arm.label):
            raise SettingsError(
                f"'{arm.label}' would tell what the arm '{arm.id}' is.",
                "A label is one capital letter, such as A.",
            )
    _distinct((arm.id for arm in plan.arms), "arm")
    _distinct((arm.label for arm in plan.arms), "label")
    first, *others = plan.arms
    for arm in others:
        if _asked(arm.steps) != _asked(first.steps):
            raise SettingsError(
                f"The arms '{first.id}' and '{arm.id}' ask other questions.",
                "What is compared must be asked alike, in the same order.",
            )


def _asked(steps: tuple[AnyStep, ...]) -> list[tuple[str, tuple[str, ...]]]:
    return [(s.moment, s.types) for s in steps if isinstance(s, Questions)]


def _check_steps(steps: tuple[AnyStep, ...]) -> None:
    for step in steps:
        _named(step.id, "A step")
        if step.id in RESERVED:
            raise SettingsError(
                f"A step cannot be called '{step.id}'.", "That word marks a walk."
            )
        _check_step(step)
    _distinct((step.id for step in steps), "step")
    if sum(isinstance(step, Practice) for step in steps) > 1:
        # A recording marks where its practice begins once.
        raise SettingsError(
            "A plan has one practice.", "Make another plan of the second one."
        )
    total_s = sum(step.duration_s or 0 for step in steps)
    if total_s > LONGEST_PLAN_S:
        raise SettingsError(
            f"The steps last {total_s / 60:g} minutes together.",
            f"A session lasts {LONGEST_PLAN_S / 60:g} minutes at most.",
        )


def _check_step(step: AnyStep) -> None:
    duration_s = step.duration_s
    if duration_s is not None and not 0 < duration_s <= LONGEST_STEP_S:
        raise SettingsError(
            f"The step '{step.id}' cannot last {duration_s:g} seconds.",
            f"Give it more than 0 and at most {LONGEST_STEP_S:g}.",
        )
    match step:
        case Questions():
            if not step.types:
                raise SettingsError(
                    f"The step '{step.id}' asks nothing.",
                    f"Choose from: {', '.join(RATING_TYPES)}.",
                )
            for type in step.types:
                _one_of(type, RATING_TYPES, step.id, "type")
            _one_of(step.moment, MOMENTS, step.id, "moment")
            _distinct(step.types, "rating type")
        case Baseline():
            _one_of(step.eyes, EYES, step.id, "eyes")
            _one_of(step.posture, POSTURES, step.id, "posture")
        case Practice():
            try:
                pacer.check(
                    rate_bpm=step.rate_bpm,
                    inhale_pct=step.inhale_pct,
                    hold_in_ms=0,
                    hold_out_ms=step.rest_ms,
                )
            except SettingsError as error:
                raise SettingsError(
                    f"The step '{step.id}': {error.message}", error.advice
                ) from None
            if step.practice:
                known = tuple(one.id for one in practices.packaged())
                _one_of(step.practice, known, step.id, "practice")
        case _:
            pass


def _one_of(value: str, known: tuple[str, ...], step_id: str, field: str) -> None:
    if value not in known:
        raise SettingsError(
            f"The step '{step_id}' has the unknown {field} '{value}'.",
            f"Choose from: {', '.join(known)}.",
        )


def _named(id: str, what: str) -> None:
    if not _ID.fullmatch(id):
        raise SettingsError(
            f"{what} cannot be called '{id[:60]}'.",
            "Use small letters, digits and hyphens, a letter first, at most 48.",
        )


def _distinct(names: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise SettingsError(
                f"Two have the {what} '{name}'.", "Each needs one of its own."
            )
        seen.add(name)
