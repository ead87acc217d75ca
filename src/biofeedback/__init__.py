"""Biofeedback: practise with a chest strap, and be able to trust every number."""

__version__ = "0.1.0"
