"""``tanpuhui witness``: another party's process that remembers what a log has shown and cosigns what continues it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from tanpuhui.cli import server
from tanpuhui.cli.output import console, print_json

#: Requests are decided one at a time; this many may wait for it.
THREADS, BACKPRESSURE = 4, 32
#: How often a demonstration's witness looks whether its server still runs.
LOOKS_EVERY_S = 2.0
APPLICATION = "tanpuhui.transparency.witness_home:application"

app = App(name="witness")


@app.command
def name(name: str, /, *, json: bool = False) -> int:
    """Name this home's witness, make its key, and print the line that goes into a log's policy.

    Example: tanpuhui witness name witness.university.example

    Parameters
    ----------
    name
        The witness's name for good: a URL without its scheme.
    json
        Print {"key"}.
    """
    from tanpuhui.transparency.witness_home import name_witness

    key = str(name_witness(name))
    if json:
        print_json({"key": key})
    else:
        console.print(key, highlight=False, markup=False, soft_wrap=True)
    return 0


@app.command
def trust(key: str, /) -> int:
    """Cosign a log from now on; a witness that runs learns of it when it is started again.

    Example: tanpuhui witness trust "log.carbon.example+3fd1a2b4+AZw..."

    Parameters
    ----------
    key
        The log's public key, as 'tanpuhui log show' prints it.
    """
    from tanpuhui.transparency.witness_home import trust_log

    trust_log(key)
    return 0


@app.command
def serve(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=1, lte=65_535))] = 8100,
    beside_server: Path | None = None,
) -> int:
    """Answer logs until it is stopped. It needs no database; put a proxy with TLS before it.

    Example: TANPUHUI_HOME=/srv/witness tanpuhui witness serve --port 8100

    Parameters
    ----------
    host
        The address to listen at; 127.0.0.1 is this machine alone.
    port
        The port to listen at.
    beside_server
        Stop when no server of that home runs any more: for the witnesses of a demonstration.
    """
    import multiprocessing
    import threading

    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    from tanpuhui.transparency.witness_home import witness

    known = witness()
    console.print(
        f"{known.key.name} witnesses {', '.join(known.logs) or 'no log yet'} at http://{host}:{port}."
    )
    if beside_server is not None:
        threading.Thread(target=_end_with, args=(beside_server,), daemon=True).start()
    multiprocessing.set_start_method("spawn", force=True)
    Server(
        APPLICATION,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=THREADS,
        backpressure=BACKPRESSURE,
        log_level=LogLevels.warning,
        websockets=False,
    ).serve()
    return 0


def _end_with(place: Path) -> None:
    """End this process, as Ctrl-C would, once no server of that home runs any more."""
    while server.running(place) is not None:
        time.sleep(LOOKS_EVERY_S)
    os.kill(os.getpid(), signal.SIGTERM)
