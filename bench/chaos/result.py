"""What came of a scenario, and the table of all of them."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.chaos.comparing import Compared
from biofeedback.model import Value

PAGE = Path(__file__).parents[2] / "docs" / "operate.md"
BEGIN, END = "<!-- chaos: begin -->", "<!-- chaos: end -->"
COMMAND = "python -m bench.chaos"


class Result(Value, frozen=True):
    """What was done in one scenario, what was compared, and what was not right.

    ``sha256`` is that over the hashes of all recordings, in their order.
    """

    scenario: str
    what: str
    seed: int
    tries: int
    recordings: int
    records: int
    seen: int
    sha256: str
    took_s: float
    details: tuple[str, ...]
    wrong: tuple[str, ...]


class Notes:
    """Collects what happens in a scenario while it goes on."""

    def __init__(self, scenario: str, what: str, seed: int) -> None:
        self._scenario = scenario
        self._what = what
        self._seed = seed
        self._began_s = time.monotonic()
        self._compared: list[Compared] = []
        self._seen = 0
        self._tries = 0
        self._wrong: list[str] = []
        self._details: Counter[str] = Counter()

    @contextmanager
    def attempt(self, said: str) -> Iterator[None]:
        """Count a try; what is not right in it does not end the others."""
        self._tries += 1
        try:
            yield
        except (AssertionError, ValueError, OSError) as error:
            self._wrong.append(f"{said}: {error!s:.600}")

    def same(self, compared: Compared) -> None:
        """Count a copy that is what was recorded."""
        self._compared.append(compared)

    def saw(self, n: int) -> None:
        """Count messages that a viewer saw, each once and in order."""
        self._seen += n

    def count(self, what: str, n: int = 1) -> None:
        """Count something else that was done or happened."""
        self._details[what] += n

    def result(self) -> Result:
        """Return what came of it."""
        digest = hashlib.sha256()
        for one in self._compared:
            digest.update(bytes.fromhex(one.sha256))
        return Result(
            scenario=self._scenario,
            what=self._what,
            seed=self._seed,
            tries=self._tries,
            recordings=len(self._compared),
            records=sum(one.n_records for one in self._compared),
            seen=self._seen,
            sha256=digest.hexdigest(),
            took_s=time.monotonic() - self._began_s,
            details=tuple(f"{n} {what}" for what, n in self._details.items()),
            wrong=tuple(self._wrong),
        )


def table(results: Iterable[Result]) -> Iterator[str]:
    """Yield the table."""
    results = tuple(results)
    seeds = ", ".join(sorted({str(one.seed) for one in results}))
    yield (
        f"Made by `{COMMAND}` (seed {seeds}): the product's own processes, nats-server "
        "with TLS and a credential for each home, and PostgreSQL, on one machine; "
        "`tests/clinic/test_chaos.py` does some of it once. Each time a practice went "
        "on meanwhile, or was being finished. A copy is the same when every entry is, "
        "as (sequence, topic, time, data), in its order and once; their SHA-256 is "
        "the same, it verifies, and the catalogue lists what was recorded. A viewer "
        "is a therapist's live websocket on a node: what it saw is what the home "
        "recorded, each message once and in order, and no `gap`."
    )
    yield ""
    yield (
        "| what was done | times | copies compared | records | not right "
        "| messages a viewer saw | SHA-256 over all | took |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for one in results:
        more = f" ({'; '.join(one.details)})" if one.details else ""
        wrong = len(one.wrong)
        yield (
            f"| {one.what}{more} | {one.tries} | {one.recordings} | {one.records} "
            f"| {wrong or 'nothing'} | {one.seen or '–'} "
            f"| `{one.sha256[:12]}` | {one.took_s:.0f} s |"
        )
