"""The parts of a hub: what :mod:`biofeedback.clinic.copies` puts together."""
