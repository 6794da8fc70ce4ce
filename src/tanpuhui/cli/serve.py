"""``tanpuhui serve``: the pages of this installation, served by granian; the database stays up meanwhile."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from tanpuhui.cli import server, start
from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.home import VARIABLE, default_home, home
from tanpuhui.kit.refusal import Refusal

#: Views wait for the database more than they compute, so a worker answers several requests at once.
THREADS = 8
#: Connections a worker takes on at once; what comes on top waits to be accepted.
BACKPRESSURE = 64


def serve(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=1, lte=65_535))] = 8000,
    workers: Annotated[int, Parameter(validator=Number(gte=1, lte=64))] = 1,
    certificate: Path | None = None,
    key: Path | None = None,
    inbox: bool = False,
    stop: bool = False,
    json: bool = False,
) -> int:
    """Serve the pages until it is stopped; or stop a server that runs in the background.

    Example: tanpuhui serve --port 8000 --workers 2

    Parameters
    ----------
    host
        The address to listen at; 127.0.0.1 is this machine alone.
    port
        The port to listen at.
    workers
        How many processes answer requests.
    certificate
        A file with the certificate and those that vouch for it (PEM): pages are then served over TLS 1.2 and 1.3
        alone. Leave it out where a proxy of your own does that.
    key
        A file with the certificate's private key (PEM).
    inbox
        Also take what arrives in the inbox and keep the log, in processes beside the server: 'tanpuhui evidence work',
        'tanpuhui log work'.
    stop
        Stop the server of this home (or of the latest demonstration) and serve nothing.
    json
        With --stop: print what was stopped as JSON.
    """
    if stop:
        return _stop(json=json)
    tls = _certificate(certificate, key)
    place = home()
    if not server.is_free(host, port):
        known = server.running(place)
        if known:
            raise server.ServerRuns(home=place, url=known.url)
        raise server.PortInUse(host=host, port=port)
    with server.being_served(place, host, port, tls=tls is not None):
        start.start_database()
        start.installation().prepare_pages()
        _disconnect()
        scheme = "https" if tls else "http"
        console.print(f"Serving {place} at {scheme}://{host}:{port} ({workers} workers). Ctrl-C stops it.")
        _count_requests(place)
        with server.inbox_taken(wanted=inbox):
            _run(host, port, workers, tls)
    return 0


class NoCertificate(Refusal):
    code = "serve.no_certificate"
    message = "{what_is_wrong}. Name both files, --certificate and --key, that this user may read."


def _certificate(certificate: Path | None, key: Path | None) -> tuple[Path, Path] | None:
    """The two files of TLS, or none; granian would say that one is missing when it is too late."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise NoCertificate(what_is_wrong="One of the two files of TLS is not named")
    for file in (certificate, key):
        if not (file.is_file() and os.access(file, os.R_OK)):
            raise NoCertificate(what_is_wrong=f"{file} cannot be read")
    return certificate, key


def _run(host: str, port: int, workers: int, tls: tuple[Path, Path] | None) -> None:
    """Run granian here until a signal ends it; workers are fresh processes, so nothing of this one is shared."""
    import multiprocessing

    from granian.constants import Interfaces, SSLProtocols
    from granian.log import LogLevels
    from granian.server import Server

    multiprocessing.set_start_method("spawn", force=True)
    Server(
        start.installation().application,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        backpressure=BACKPRESSURE,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        websockets=False,
        ssl_cert=tls[0] if tls else None,
        ssl_key=tls[1] if tls else None,
        # Phones of ten years ago know 1.2; rustls has no suite without forward secrecy and authentication.
        ssl_protocol_min=SSLProtocols.tls12,
        workers_kill_timeout=10,
    ).serve()


def _count_requests(place: Path) -> None:
    """Workers count requests in files of a new folder; each reads those of all."""
    folder = place / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def _stop(*, json: bool) -> int:
    stopped = [known for known in map(server.stop, _homes()) if known]
    if json:
        print_json({"stopped": [known.as_json() for known in stopped]})
    elif stopped:
        for known in stopped:
            console.print(f"Stopped {known.url}, process {known.pid}.")
    else:
        console.print("No server runs.")
    return 0


def _homes() -> list[Path]:
    """The home that is named; without one, the default one and those of demonstrations."""
    if os.environ.get(VARIABLE):
        return [home()]
    return [default_home(), *sorted(default_home().glob("demo-*"))]


def _disconnect() -> None:
    from django.db import connections

    connections.close_all()
