"""The live room under load: ``python -m bench.load``."""
