"""A store that is closed while a thread still asks it for somebody."""

from __future__ import annotations

import threading

from sqlalchemy.pool import QueuePool

from biofeedback.store.engine import reading
from tests.store.conftest import Place


def test_whoever_asks_now_gets_an_answer_and_no_connection_stays(place: Place) -> None:
    store = place.store()
    asks, answered = threading.Event(), threading.Event()
    heard: list[int] = []

    def ask() -> None:
        with reading(store._engine) as connection:
            asks.set()
            assert not answered.wait(0.2), "it was let go under its hands"
            heard.append(connection.exec_driver_sql("SELECT 7").scalar_one())

    pool = store._engine.pool
    thread = threading.Thread(target=ask)
    thread.start()
    assert asks.wait(30)
    store.close()
    answered.set()
    thread.join(30)
    assert heard == [7]
    assert isinstance(pool, QueuePool)
    assert pool.checkedout() == pool.checkedin() == 0
