"""Homes and clinics: recordings travel to where they may be kept, as they are.

``ticket`` is how a home joins; ``parcels`` are what travels; ``outbox`` sends them from
the recordings on a home's disk; ``copies`` keeps them at a clinic.
"""
