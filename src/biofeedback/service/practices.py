"""The guided practices over HTTP: their phases; the words are the page's."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from biofeedback.practice.practices import packaged
from biofeedback.service.context import SignedIn

router = APIRouter(tags=["practices"])


class PhaseShape(BaseModel):
    """A part of a practice: its share, its sentences, and whether the pacer shows."""

    id: str
    weight: float
    sentences: int
    pacer: bool


class PracticeShape(BaseModel):
    """One guided practice."""

    id: str
    version: int
    skills: list[str]
    phases: list[PhaseShape]


class PracticesShape(BaseModel):
    """All of them."""

    practices: list[PracticeShape]


@router.get("/practices")
async def practices(_caller: SignedIn) -> PracticesShape:
    """List the guided practices."""
    return PracticesShape(
        practices=[
            PracticeShape(
                id=one.id,
                version=one.version,
                skills=list(one.skills),
                phases=[
                    PhaseShape(
                        id=phase.id,
                        weight=phase.weight,
                        sentences=phase.sentences,
                        pacer=phase.pacer,
                    )
                    for phase in one.phases
                ],
            )
            for one in packaged()
        ]
    )
