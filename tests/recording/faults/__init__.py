"""What can happen to a recording, done to real files and real processes.

Each module does one kind of harm and says what was left: the tests ask for little
of each, `python -m bench.faults` for much. Nothing is patched: processes are killed by
the system, disks are full because they are small, and a failing fsync is refused by
the kernel.
"""
