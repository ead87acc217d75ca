"""Another program that receives LSL: prints a JSON line for all that comes.

python -m tests.session.lsl_receiver SOURCE_PREFIX KIND ...

It opens the streams of these kinds and reads on until it is ended, or until all have
been silent for a while. It imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
import threading

import pylsl

PATIENCE_S = 30.0
_PRINTING = threading.Lock()


def tell(**said: object) -> None:
    with _PRINTING:
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


def read(inlet: pylsl.StreamInlet, kind: str) -> None:
    while True:
        values, stamp_s = inlet.pull_sample(timeout=PATIENCE_S)
        if values is None:
            return
        more, stamps_s = inlet.pull_chunk(timeout=0.0)
        tell(kind=kind, values=[values, *more], stamps_s=[stamp_s, *stamps_s])


def main(prefix: str, *kinds: str) -> None:
    found = pylsl.resolve_bypred(
        f"starts-with(source_id, '{prefix}')", minimum=len(kinds), timeout=PATIENCE_S
    )
    readers = []
    for info in found:
        kind = info.source_id().removeprefix(prefix)
        inlet = pylsl.StreamInlet(info)
        tell(kind=kind, info=inlet.info(timeout=PATIENCE_S).as_xml())
        readers.append(threading.Thread(target=read, args=(inlet, kind)))
        readers[-1].start()
    for reader in readers:
        reader.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
