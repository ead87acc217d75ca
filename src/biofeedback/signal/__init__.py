"""Values in, numbers out: beat times, artefacts, windows, spectra, RSA.

Pure and sans-I/O: nothing here waits, reads a clock, a file or a radio. Definitions,
recipes and deviations stand in ``docs/signal.md``.
"""
