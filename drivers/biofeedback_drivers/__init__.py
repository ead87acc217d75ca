"""Radios for Biofeedback. They may wait, retry and fail; the core never does."""
