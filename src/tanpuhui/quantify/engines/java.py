"""Java: which one Spark's own process would run on this machine, and whether it is new enough."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tanpuhui.kit.refusal import Refusal

#: What Spark 4 runs on.
LEAST = 17
#: Starting a Java that does nothing takes well under a second; on a machine that is busy, some.
ANSWERS_WITHIN_S = 60
#: The address by which this machine is reached, for Spark; without it Java looks its own name up.
ADDRESS = "SPARK_LOCAL_IP"


class JavaUnfit(Refusal):
    code = "quantify.java_unfit"
    message = (
        "Spark needs Java 17 or later, and {java} {found}. Install one (on Debian: "
        "apt-get install default-jre-headless), or name it with JAVA_HOME, or use --engine duckdb."
    )


class DriverNotStarted(Refusal):
    code = "quantify.driver_not_started"
    message = (
        "Spark's own process ended before it could be used ({reason}); what it said is above. It ran on {java}, on a "
        "machine called {host}, a name that {resolves}. {next} Nothing was posted; --engine duckdb needs none of it."
    )


@dataclass(frozen=True)
class Java:
    """A Java by its program and its major version."""

    program: Path
    version: int


def program() -> Path | None:
    """The Java that Spark would start, as its own scripts choose: of JAVA_HOME, or the first of the path."""
    home = os.environ.get("JAVA_HOME")
    if home:
        return Path(home, "bin", "java")
    found = shutil.which("java")
    return Path(found) if found else None


def fit(java: Path) -> Java:
    """A Java that is new enough; refuses another, and what is no Java."""
    try:
        done = subprocess.run(
            [java, "-version"], capture_output=True, text=True, check=False, timeout=ANSWERS_WITHIN_S
        )
    except OSError as error:
        raise JavaUnfit(java=java, found=f"cannot be run ({error.strerror})") from error
    except subprocess.TimeoutExpired as error:
        raise JavaUnfit(java=java, found=f"did not answer in {ANSWERS_WITHIN_S} s") from error
    version = major(done.stderr + done.stdout)
    if done.returncode != 0 or version is None:
        raise JavaUnfit(java=java, found="does not say which version it is")
    if version < LEAST:
        raise JavaUnfit(java=java, found=f"is Java {version}")
    return Java(java, version)


def major(said: str) -> int | None:
    """The major version in what ``java -version`` says.

    >>> major('openjdk version "17.0.15" 2025-04-15'), major('java version "1.8.0_412"'), major("command not found")
    (17, 8, None)
    """
    found = re.search(r'version "(\d+)(?:\.(\d+))?', said)
    if found is None:
        return None
    first = int(found[1])
    return int(found[2] or 0) if first == 1 else first


@contextmanager
def heard_here_alone(environment: Mapping[str, str]) -> Iterator[None]:
    """While Spark's process starts on this machine alone, it is told its address, unless whoever runs it said one.

    Without it Java looks up the machine's own name first, and ends where that has no address, as in many containers.
    """
    if environment.get(ADDRESS):
        yield
        return
    os.environ[ADDRESS] = "127.0.0.1"
    try:
        yield
    finally:
        os.environ.pop(ADDRESS, None)


def not_started(java: Java, reason: str) -> DriverNotStarted:
    """Why Spark's process may have ended, as far as this machine can be asked."""
    host = socket.gethostname()
    try:
        socket.getaddrinfo(host, None)
        known = True
    except OSError:
        known = False
    return DriverNotStarted(
        reason=reason,
        java=f"Java {java.version} ({java.program})",
        host=host,
        resolves="has an address" if known else "has no address",
        next="See that it has memory and a folder for temporary files."
        if known
        else f"Set {ADDRESS} to this machine's address as the cluster sees it, or give the name one in /etc/hosts.",
    )
