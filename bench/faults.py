"""What is left of a recording after each fault.

    python -m bench.faults            # prints the table
    python -m bench.faults --write    # and puts it into docs/recordings.md

An hour of a simulated heart, heart only, with all that was sent live, as a journal and
as the finished file. The harm is done by ``tests/recording/faults``, seeded; "kept" is
what `biofeedback recover` finds. Takes about three minutes.
"""

from __future__ import annotations

import argparse
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import zstandard

from bench.page import put
from biofeedback.errors import RecordingError
from biofeedback.model import Entry
from biofeedback.recording.reader import open_recording
from biofeedback.recording.recover import recover_all
from biofeedback.session.replay import verify
from tests.recording.faults import clock, compaction, damage, disk, kill
from tests.recording.faults.kernel import CannotError
from tests.recording.faults.nursery import Nursery
from tests.recording.faults.outcome import Outcome, Report, recover
from tests.recording.faults.recordings import FINISHED, FORMS, JOURNAL, Specimen
from tests.recording.samples import write_part

PAGE = Path(__file__).parents[1] / "docs" / "recordings.md"
BEGIN, END = "<!-- faults:begin -->", "<!-- faults:end -->"
COMMAND = "python -m bench.faults --write"

SECONDS = 3600
N_TRIES = 200
N_KILLS = 20
LONGEST_S = 1.0
N_HOLES = 20
N_PLACES = 10
N_RECOVERED = 2
"""So many damaged files go through the whole of `recover`; the others through the
reading of it, which is what decides what is kept."""


def main() -> None:
    """Harm, count, print."""
    parser = argparse.ArgumentParser(description="What is left after each fault.")
    parser.add_argument("--write", action="store_true", help="put it into the page")
    write = parser.parse_args().write
    with tempfile.TemporaryDirectory() as folder:
        table = tuple(lines(Path(folder)))
    print("\n".join(table))
    if write:
        put(table, PAGE, BEGIN, END)


def lines(folder: Path) -> Iterator[str]:
    """Yield the table."""
    yield f"Made by `{COMMAND}`; the tests do the same with smaller files."
    yield ""
    specimen = Specimen(folder / "specimen", SECONDS)
    n_chunks = {form: len(damage.chunks(specimen.bytes[form])) for form in FORMS}
    yield (
        f"The file is an hour of a simulated heart: {len(specimen.truth.entries)} "
        f"records; {n_chunks[JOURNAL]} chunks in {len(specimen.journal) / 1e6:.2f} MB "
        f"as a journal, {n_chunks[FINISHED]} in {len(specimen.finished) / 1e6:.2f} MB "
        "when it is finished."
    )
    yield ""
    yield (
        "| fault | tries | records acknowledged | lost | silently wrong | kept: mean, "
        "worst |"
    )
    yield "|---|---|---|---|---|---|"
    for form in FORMS:
        for fault, tries in damages(specimen, form):
            yield row(read_all(specimen, form, fault, tries))
    for report in processes(folder):
        yield row(report)


def row(report: Report) -> str:
    """Return one line of the table."""
    kept = f"{report.mean_pct:.3f} %"
    if report.least_pct < 100:
        kept += f", {report.least_pct:.3f} %"
    return (
        f"| {report.fault} | {len(report.outcomes)} | {report.acknowledged} "
        f"| {report.lost} | {report.wrong} | {kept} |"
    )


Tries = Iterable[tuple[bytes, int | None]]
"""Harmed bytes, and how many records are before the harm (``None``: all count)."""


def damages(specimen: Specimen, form: str) -> Iterator[tuple[str, Tries]]:
    """Yield each fault of bytes with its tries."""
    whole = specimen.bytes[form]
    spans = damage.chunks(whole)
    step = len(spans) // (N_PLACES + 1)
    places = range(step, len(spans) - 1, step)
    yield (
        f"one bit flipped, {form}",
        ((data, None) for _, data in damage.flips(whole, N_TRIES, 21)),
    )
    yield (
        f"cut off at a random byte, {form} (of what lies before the cut)",
        before_cuts(specimen, form),
    )
    yield (
        f"4 KiB hole, {form}",
        ((data, None) for _, data in damage.holes(whole, N_HOLES, 23)),
    )
    yield f"last 8 KiB are zeros, {form}", [(damage.zero_tail(whole), None)]
    yield f"8 KiB of zeros after it, {form}", [(damage.zero_appended(whole), None)]
    yield (
        f"a chunk doubled, {form}",
        ((damage.doubled(whole, place), None) for place in places),
    )
    yield (
        f"two chunks swapped, {form}",
        ((damage.swapped(whole, place), None) for place in places),
    )


def before_cuts(specimen: Specimen, form: str) -> Tries:
    """Yield what is left of cut files, with what the whole chunks in it hold.

    Of a torn chunk nothing can be asked: a journal's was not acknowledged yet.
    """
    whole = specimen.bytes[form]
    counted = list(counts(whole))
    for data in damage.cuts(whole, N_TRIES, 22):
        yield data, max((n for end, n in counted if end <= len(data)), default=0)


def counts(whole: bytes) -> Iterator[tuple[int, int]]:
    """Yield the end of each chunk and the number of records up to there."""
    n = 0
    for start, end in damage.chunks(whole):
        # Code, length, two times, size, CRC; compression; records (MCAP, "Chunk").
        at = start + 9 + 8 + 8 + 8 + 4
        (name_bytes,) = struct.unpack_from("<I", whole, at)
        data = zstandard.decompress(whole[at + 4 + name_bytes + 8 : end])
        offset = 0
        while offset < len(data):
            code, length = struct.unpack_from("<BQ", data, offset)
            n += code == damage.MESSAGE
            offset += 9 + length
        yield end, n


def read_all(specimen: Specimen, form: str, fault: str, tries: Tries) -> Report:
    """Salvage each harmed file, and compare what comes out with what went in."""
    outcomes = []
    for number, (data, acknowledged) in enumerate(tries):
        path = specimen.harmed(form, data)
        try:
            found = open_recording(path, salvage=True).salvage()
            outcome = specimen.truth.compare(found, acknowledged)
        except RecordingError:
            outcome = specimen.truth.compare((), acknowledged)
        if number < N_RECOVERED and acknowledged is None:
            whole_way = recover(path, specimen.truth)
            if whole_way != outcome:
                raise SystemExit(f"{fault}: recover found {whole_way}, not {outcome}")
        outcomes.append(outcome)
    return Report(fault=fault, outcomes=tuple(outcomes))


def processes(folder: Path) -> Iterator[Report]:
    """Yield the faults that happen to processes."""
    with Nursery(kill.WRITER, compaction.ME, disk.ME) as nursery:
        yield killed(nursery, folder / "kills")
        yield interrupted(nursery, folder / "compaction")
        for fault in disk.FAULTS:
            yield from possible(partial(stopped, nursery, folder, fault))
            yield from possible(partial(unclosed, nursery, folder, fault))
    yield from possible(partial(clocks, folder))


def possible(measure: Callable[[], Iterable[Report]]) -> Iterator[Report]:
    """Yield what this system allows, and say what it does not."""
    try:
        yield from measure()
    except CannotError as error:
        print(f"not measured: {error}")


def fresh(folder: Path) -> Path:
    """Return an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def killed(nursery: Nursery, folder: Path) -> Report:
    """Kill writers; what they wrote must also replay to the same messages."""
    outcomes = []
    for seed in range(N_KILLS):
        home = fresh(folder / str(seed))
        result = kill.kill_once(nursery, home, seed, longest_s=LONGEST_S)
        outcome = result.outcome
        if not verify(result.report.path).ok:
            outcome = Outcome(
                acknowledged=outcome.acknowledged,
                lost=outcome.lost,
                wrong=outcome.wrong + 1,
            )
        outcomes.append(outcome)
    return Report(
        fault="`kill -9` of the recording process, replay verified",
        outcomes=tuple(outcomes),
    )


def interrupted(nursery: Nursery, folder: Path) -> Report:
    """Kill the closing before each thing it does to files."""
    whole = fresh(folder) / "whole.part"
    write_part(whole, seconds=60)
    truth = open_recording(whole).survey()
    outcomes = []
    for n in range(1, 1000):
        home = fresh(folder / str(n))
        shutil.copy(whole, home / "a.mcap.part")
        left = compaction.interrupt(nursery, home, n, truth)
        if left is None:
            break
        good = left.same_after and left.names_after == ("a.mcap",)
        outcomes.append(
            Outcome(
                acknowledged=truth.n_records,
                lost=0 if good and left.n_good else truth.n_records,
                wrong=left.n_wrong,
            )
        )
    return Report(
        fault="`kill -9` while closing, before each thing done to a file",
        outcomes=tuple(outcomes),
    )


SAID = {
    "file size limit": "file size limit (`RLIMIT_FSIZE`)",
    "small disk": "disk full (48 KiB tmpfs)",
    "failing fsync": "fsync fails (EIO from the kernel)",
}


def stopped(nursery: Nursery, folder: Path, fault: disk.Fault) -> Iterator[Report]:
    """Let the disk fail under a session; its answered marks must be there."""
    home = fresh(folder / "disk")
    told = disk.stopped(nursery, fault, home)
    (report,) = recover_all(home)
    recording = open_recording(report.path)
    marks = [r.id for _, r in recording.inputs() if isinstance(r, Entry)]
    lost = len(set(told.marks) - set(marks))
    survey = recording.survey()
    lost += max(told.last_safe - (survey.last or 0), 0)
    loud = told.error and told.notices and told.ticks_after == disk.MORE_S
    yield Report(
        fault=f"{SAID[fault]} during a session: "
        + ("said, and the session went on" if loud else "NOT SAID"),
        outcomes=(Outcome(acknowledged=told.last_safe, lost=lost, wrong=0),),
    )


def unclosed(nursery: Nursery, folder: Path, fault: disk.Fault) -> Iterator[Report]:
    """Let the disk fail while a recording is closed."""
    home = fresh(folder / "disk")
    told = disk.unclosed(nursery, fault, home)
    (path,) = home.glob("a.mcap*")
    n = 180
    kept = open_recording(path).survey().n_records if told.same else 0
    after = "the journal stays" if path.suffix == ".part" else "closed at the next try"
    yield Report(
        fault=f"{SAID[fault]} while closing: {after}",
        outcomes=(Outcome(acknowledged=n, lost=n - kept, wrong=0),),
    )


def clocks(folder: Path) -> Iterator[Report]:
    """Set the clocks under a session: a time that steps back counts as wrong."""
    library = clock.built(fresh(folder / "clock"))
    for name in clock.STEPS:
        part = fresh(folder / "clock" / name) / "a.mcap.part"
        clock.record(library, name, part)
        times = [stored.t_ns for stored in open_recording(part).all()]
        wrong = sum(two < one for one, two in pairwise(times))
        yield Report(
            fault=f"clock: {name}",
            outcomes=(Outcome(acknowledged=len(times), lost=0, wrong=wrong),),
        )


if __name__ == "__main__":
    main()
