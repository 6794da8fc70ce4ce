"""Cluster: a Spark cluster by its master's address, or a Spark Connect server (Spark's own, or Sail) by its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

from tanpuhui.kit.refusal import Refusal
from tanpuhui.quantify.engines.java import fit, heard_here_alone, not_started
from tanpuhui.quantify.engines.java import program as java_program
from tanpuhui.quantify.engines.spark import Spark, first_line

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Where what is computed on the way lies, below the shared folder.
FOLDER = ".computing"
#: A sum or product that leaves 64 bits is an error, and a time has no zone.
SETTINGS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
}
#: Of our own driver: no page to look at, and results of a bucket as large as they are.
OF_DRIVER = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.maxResultSize": "0",
}
#: Into how many parts a shuffle goes: two for each core, where whoever runs the cluster does not say.
PARTITIONS = "spark.sql.shuffle.partitions"
#: Where all of it is on this machine, nothing of it is to be heard on a network.
OF_THIS_MACHINE = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
#: Addresses that are asked for a listener first; a master may also be one that is no address, as ``local[2]``.
DEFAULT_PORTS = {"spark": 7077, "sc": 15002}
ANSWERS_WITHIN_S = 10
#: PySpark's name for: the process that it started for Java ended at once.
GATEWAY_ENDED = "JAVA_GATEWAY_EXITED"


class EngineMissing(Refusal):
    code = "quantify.engine_missing"
    message = (
        "{what} is not installed. Install the 'spark' extra (requirements/spark.txt) and Java 17, "
        "or use --engine duckdb."
    )


class EngineUnreachable(Refusal):
    code = "quantify.engine_unreachable"
    message = (
        "No engine answers at {address} ({reason}). Nothing was posted. Start it, or use --engine duckdb."
    )


@dataclass(frozen=True)
class Cluster:
    """A cluster that answers; ``version`` is what it says of itself."""

    version: str
    session: Callable[[], SparkSession]
    shared: Path

    def engine(self) -> Spark:
        """An engine with names of its own, beside others on the same cluster."""
        return Spark(self.session(), self.shared)


@contextmanager
def cluster(*, master: str | None, remote: str | None, shared: Path) -> Iterator[Cluster]:
    """The cluster at one of two addresses; what it computes on the way goes below ``shared`` and away at the end."""
    folder = shared / FOLDER / uuid4().hex
    folder.mkdir(parents=True)
    try:
        with _of_master(master) if master else _of_server(remote or "") as session:
            yield Cluster(_version(session()), session, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _of_master(master: str) -> Iterator[Callable[[], SparkSession]]:
    """A driver of our own in this process, with executors where the master has them."""
    program = _refuse_missing_java()
    _refuse_silent(master)
    found = fit(program)
    local = master.startswith("local")
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException, PySparkRuntimeError
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(master).appName("tanpuhui close")
    for name, value in (SETTINGS | OF_DRIVER | (OF_THIS_MACHINE if local else {})).items():
        builder = builder.config(name, value)
    shared_by_others = SparkSession.getActiveSession() is not None
    try:
        with heard_here_alone(os.environ) if local else nullcontext():
            first = builder.getOrCreate()
    except PySparkRuntimeError as error:
        if error.getCondition() == GATEWAY_ENDED:
            raise not_started(found, first_line(error)) from error
        raise EngineUnreachable(address=master, reason=first_line(error)) from error
    except (PySparkException, Py4JError) as error:
        raise EngineUnreachable(address=master, reason=first_line(error)) from error

    def session() -> SparkSession:
        own = first.newSession()
        if not first.sparkContext.getConf().contains(PARTITIONS):
            own.conf.set(PARTITIONS, str(2 * first.sparkContext.defaultParallelism))
        return own

    try:
        yield session
    finally:
        if not shared_by_others:
            first.stop()


@contextmanager
def _of_server(remote: str) -> Iterator[Callable[[], SparkSession]]:
    """Sessions of a server that has a driver of its own; each is ended with the whole.

    The client's own class: the common one would make every later session of this process a remote one.
    """
    _refuse_missing()
    if importlib.util.find_spec("grpc") is None:
        raise EngineMissing(what="PySpark's client for Spark Connect")
    _refuse_silent(remote)
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.session import SparkSession

    made: list[SparkSession] = []

    def session() -> SparkSession:
        try:
            own = SparkSession.builder.remote(remote).create()
            for name, value in SETTINGS.items():
                own.conf.set(name, value)
        except PySparkException as error:
            raise EngineUnreachable(address=remote, reason=first_line(error)) from error
        made.append(own)
        return own

    try:
        yield session
    finally:
        for own in made:
            own.stop()


def _refuse_missing() -> None:
    if importlib.util.find_spec("pyspark") is None:
        raise EngineMissing(what="PySpark")


def _refuse_missing_java() -> Path:
    """The Java that Spark would start; refuses where there is none, or no PySpark."""
    _refuse_missing()
    found = java_program()
    if found is None:
        raise EngineMissing(what="Java")
    return found


def _refuse_silent(address: str) -> None:
    """Refuse where nobody listens: Spark's own clients ask again for minutes before they say so."""
    parts = urlsplit(address.split(",", maxsplit=1)[0])
    if parts.scheme not in DEFAULT_PORTS:
        return
    try:
        port = parts.port or DEFAULT_PORTS[parts.scheme]
        socket.create_connection((parts.hostname or "", port), timeout=ANSWERS_WITHIN_S).close()
    except (OSError, ValueError) as error:
        raise EngineUnreachable(address=address, reason=error) from error


def _version(session: SparkSession) -> str:
    [row] = session.sql("SELECT version() AS version").collect()
    return f"{row['version'].split()[0]}"
