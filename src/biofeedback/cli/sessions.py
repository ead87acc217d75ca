"""Sessions with a strap: `run` with the dashboard, `record` without."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biofeedback.cli.drivers import radios
from biofeedback.cli.keys import KeyFile, use_key
from biofeedback.cli.lan import (
    EVERYWHERE,
    Certificate,
    Key,
    LanName,
    OnLan,
    lan_of,
)
from biofeedback.cli.lsl import Lsl, check_lsl
from biofeedback.cli.nodes import (
    BusAuthority,
    BusCredentials,
    BusUrl,
    Database,
    HubShare,
)
from biofeedback.cli.operating import Drain, Log
from biofeedback.cli.options import (
    Profile,
    Seed,
    Simulate,
    StrapName,
    duration,
    signals_of,
)
from biofeedback.cli.terminal import LogAs, logging_as, notice

if TYPE_CHECKING:
    from biofeedback.session.driver import Driver


def run(
    simulate: Simulate = False,
    strap: StrapName = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where everything is kept.")
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on; else this computer alone, or with --lan all.",
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8765,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open a browser.")
    ] = False,
    profile: Profile = "calm",
    seed: Seed = 1,
    lsl: Lsl = False,
    lan: OnLan = False,
    name: LanName = None,
    certificate: Certificate = None,
    key: Key = None,
    seal_key: KeyFile = None,
    database: Database = None,
    bus: BusUrl = None,
    bus_credentials: BusCredentials = None,
    bus_ca: BusAuthority = None,
    hub: HubShare = None,
    log: Log = LogAs.TEXT,
    drain: Drain = 0,
) -> None:
    """Start the service and open the dashboard."""
    from biofeedback.service.server import serve
    from biofeedback.session.radios import sought
    from biofeedback.session.simulated import SIMULATED_ID, SimulatedDriver
    from biofeedback.settings import DEFAULT_HOST, Settings, Share

    with logging_as(log) as say:
        settings = Settings.of(
            data=data,
            host=host or (EVERYWHERE if lan else DEFAULT_HOST),
            port=port,
            token=os.environ.get("BIOFEEDBACK_TOKEN"),
            begin=SIMULATED_ID if simulate else strap,
            lsl=lsl if lan else check_lsl(lsl),  # with --lan it is refused
            lan=lan_of(lan, host=host, name=name, certificate=certificate, key=key),
            database=database,
            bus=bus,
            bus_credentials=bus_credentials,
            bus_ca=bus_ca,
            hub=None if hub is None else Share.parse(hub),
            drain_s=drain,
        )
        use_key(seal_key, settings.data)
        drivers = (SimulatedDriver(profile, seed), *radios())
        if settings.begin is not None:
            sought(settings.begin, drivers)  # told now, and not to a page
        serve(
            settings,
            drivers=drivers,
            on_ready=lambda url: ready(url, open_browser=not no_browser),
            on_notice=say,
        )


def ready(url: str, *, open_browser: bool) -> None:
    """Print the link, and open it where that is wanted."""
    print(f"ready: {url}", flush=True)
    if open_browser:
        import threading
        import webbrowser

        # Where there is no browser this does nothing, and the link is printed above.
        # A browser of the terminal may stay for as long as it is used.
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def record(
    out: Annotated[Path, typer.Option(metavar="FILE.mcap", help="The new recording.")],
    simulate: Simulate = False,
    strap: StrapName = None,
    seconds: Annotated[
        float | None,
        typer.Option(callback=duration, help="How long; else until Ctrl-C."),
    ] = None,
    signals: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:RATE],...",
            help="Beside the heart rate: ecg, acc, ppi; a rate in samples per second.",
        ),
    ] = None,
    profile: Profile = "calm",
    seed: Seed = 1,
    lsl: Lsl = False,
) -> None:
    """Record without a dashboard."""
    import asyncio

    from biofeedback.errors import SettingsError
    from biofeedback.session.radios import sought
    from biofeedback.session.recorder import record_to
    from biofeedback.session.simulated import SimulatedDriver

    if simulate == (strap is not None):
        raise SettingsError(
            "A recording needs one source.", "Give either --simulate or --strap NAME."
        )
    asks = signals_of(signals)
    beside = None
    if check_lsl(lsl):
        from biofeedback.session.lsl.sender import send

        beside = send
    driver: Driver
    if strap is None:
        simulated = SimulatedDriver(profile, seed)
        driver, wanted = simulated, simulated.found
    else:
        driver, wanted = sought(strap, radios())
    recorded = asyncio.run(
        record_to(
            out,
            driver=driver,
            strap=wanted,
            seconds=seconds,
            signals=asks,
            tell=notice,
            beside=beside,
        )
    )
    label = " (simulated)" if simulate else ""
    finished = recorded.file
    print(
        f"{finished.path}{label}: {recorded.duration_s:.0f} s, "
        f"{recorded.n_beats} beats; {finished.n_records} records and messages, "
        f"{finished.size_bytes} bytes"
    )
