"""Codes of the FHIR export: LOINC where a code says exactly this, else our own.

Seen in public code and profiles: 8867-4 heart rate, 80404-7 standard deviation of the
R-R intervals, 8637-1 R-R interval by EKG (JP Core's example of an electrocardiogram),
72514-3 pain severity 0-10. LOINC has no code for RMSSD that we found; to give it
80404-7, as some programs do, would say that it is an SDNN.
"""

from __future__ import annotations

from typing import Any

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
OBSERVATION_VALUE = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"

OWN = "urn:uuid:2f6d2c5e-3a55-4e0e-9f0c-3b0e6f1f2a90"
"""Our code system. A UUID, since an address would belong to somebody; the Bundle holds
the system itself, so that its codes can be looked up."""

PERSONS = "urn:uuid:8c0d2f0b-6b7e-4c8e-8d0a-53a4b8f0a7c4"
"""The system of the pseudonyms."""

OWN_CONCEPTS = {
    "rmssd": (
        "RMSSD",
        "Root mean square of differences of adjacent normal intervals, in ms.",
    ),
    "pnn50": (
        "pNN50",
        "Share of differences of adjacent normal intervals above 50 ms, in percent.",
    ),
    "rr-series": (
        "RR intervals",
        "Samples of three dimensions, all in ms: the end of an interval since the "
        "start of effectivePeriod; the interval as measured; the interval if it is "
        "normal, else E. Beats are not evenly spaced: there is no period.",
    ),
    "pain-unpleasantness": (
        "Pain unpleasantness",
        "How unpleasant the pain is, 0 to 10, as reported.",
    ),
    "felt-arousal": ("Felt arousal", "Felt arousal, 1 to 9, as reported."),
    "pacer-rate": (
        "Pace of the breathing pacer",
        "Breaths a minute that were shown; not the breath of the person.",
    ),
    "event": ("Event", "Something that was marked; the value is its kind."),
    "moment": ("Moment", "Whether before, during or after the practice."),
}


def loinc(code: str, display: str) -> dict[str, Any]:
    """Return a coding of LOINC."""
    return {"system": LOINC, "code": code, "display": display}


def own(code: str) -> dict[str, Any]:
    """Return a coding of our own system."""
    return {"system": OWN, "code": code, "display": OWN_CONCEPTS[code][0]}


def concept(*codings: dict[str, Any], text: str | None = None) -> dict[str, Any]:
    """Return a CodeableConcept."""
    return {"coding": list(codings), "text": text or codings[0]["display"]}


def category(code: str) -> list[dict[str, Any]]:
    """Return the category of an observation."""
    return [{"coding": [{"system": CATEGORY, "code": code}]}]


def quantity(value: float, unit: str, code: str | None = None) -> dict[str, Any]:
    """Return a Quantity in UCUM."""
    return {"value": value, "unit": unit, "system": UCUM, "code": code or unit}


HEART_RATE = concept(loinc("8867-4", "Heart rate"))
SDNN = concept(
    loinc("80404-7", "R-R interval.standard deviation (Heart rate variability)"),
    text="SDNN",
)
RMSSD = concept(own("rmssd"))
PNN50 = concept(own("pnn50"))
PAIN = concept(
    loinc(
        "72514-3",
        "Pain severity - 0-10 verbal numeric rating [Score] - Reported",
    ),
    text="Pain intensity",
)
RATINGS = {
    "pain_intensity": PAIN,
    "pain_unpleasantness": concept(own("pain-unpleasantness")),
    "arousal": concept(own("felt-arousal")),
}
RR_BY_EKG = loinc("8637-1", "R-R interval by EKG")

METRICS = {
    "hr_bpm": (HEART_RATE, "vital-signs", "/min"),
    "sdnn_ms": (SDNN, "procedure", "ms"),
    "rmssd_ms": (RMSSD, "procedure", "ms"),
    "pnn50_pct": (PNN50, "procedure", "%"),
}
"""Concept, category and unit of each metric that is exported."""


def code_system(id: str) -> dict[str, Any]:
    """Return our code system as a resource."""
    return {
        "resourceType": "CodeSystem",
        "id": id,
        "url": OWN,
        "name": "BiofeedbackObservations",
        "title": "Observations of a biofeedback session",
        "status": "active",
        "content": "complete",
        "concept": [
            {"code": code, "display": display, "definition": definition}
            for code, (display, definition) in OWN_CONCEPTS.items()
        ],
    }
