"""The engine beside what one would use instead, in one run: ``biofeedback bench``.

Only ratios of one run mean something on another machine.
"""
