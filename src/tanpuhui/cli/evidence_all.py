"""``tanpuhui evidence take-all``: every file of a folder that has a folder for each provider, by several processes.

Each process does the same: it goes through the providers and leaves those to others whose turn is taken. What one of
them did, or had no time to do before it was killed, the first one finds at the end: a file again is its receipt again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from tanpuhui.cli.output import console, print_json
from tanpuhui.cli.progress import WATCHED, Watching
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.progress import Report, nobody
from tanpuhui.kit.refusal import Refusal

REFUSED = 2

AsJson = Annotated[bool, Parameter(name="--json", negative=())]


class NoFiles(Refusal):
    code = "evidence.no_files"
    message = (
        "{folder} has no files in folders that are called like providers. "
        "Put each file into {folder}/PROVIDER/, and repeat the command."
    )


class BadProcesses(Refusal):
    code = "evidence.bad_processes"
    message = "{processes} processes were asked for. Ask for 1 or more, or leave --processes out."


def take_all(
    folder: Path,
    /,
    *,
    processes: int | None = None,
    as_json: AsJson = False,
    watching: Watching = WATCHED,
) -> int:
    """Take every file of FOLDER/PROVIDER/: a provider's in the order of their names, several providers at once.

    Each file is taken as 'tanpuhui evidence take' does, whole or not at all, and the same folder again gives the
    same receipts. The exit status is 2 when a file was refused as a whole; the others are taken all the same.

    Example: tanpuhui evidence take-all deliveries --processes 2

    Parameters
    ----------
    folder
        Has a folder for each provider, called by its code.
    processes
        How many take files at once: one for each core where it is not said, and never more than providers.
    as_json
        Print receipts, and files that were refused as a whole, as JSON.
    """
    from django.db import transaction

    from tanpuhui.evidence.contract import ensure_default_contracts

    files = deliveries(folder)
    if not files:
        raise NoFiles(folder=folder)
    if processes is not None and processes < 1:
        raise BadProcesses(processes=processes)
    with transaction.atomic():
        ensure_default_contracts(at=utc_now())
    many = min(processes or cores(), len(files))
    threads = max(1, cores() // many)
    answers: dict[Path, dict[str, Any]] = {}
    with (
        others(many, lambda: _go_through(files, {}, threads, nobody, wait=False)) as are_over,
        watching.told(as_json=as_json) as report,
    ):
        _go_through(files, answers, threads, report, wait=False)
        are_over()
        _go_through(files, answers, threads, report, wait=True)
    return _tell([answers[file] for file in sorted(answers)], as_json=as_json)


def deliveries(folder: Path) -> dict[str, list[Path]]:
    """Each provider's files in the order of their names; who sent most comes first."""
    found = {
        each.name: sorted(file for file in each.iterdir() if file.is_file() and not file.name.startswith("."))
        for each in (sorted(folder.iterdir()) if folder.is_dir() else ())
        if each.is_dir()
    }
    sizes = {provider: sum(file.stat().st_size for file in files) for provider, files in found.items()}
    return {
        provider: found[provider]
        for provider in sorted(found, key=sizes.__getitem__, reverse=True)
        if found[provider]
    }


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def others(many: int, work: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """So many processes but one that do the same work beside the block; gives what waits until they are over.

    They are forked, so that nothing is loaded twice: before anybody watches or an engine is there, and without the
    database's connection. Where this process is killed, they end with their work.
    """
    from django.db import connections

    started = [get_context("fork").Process(target=work, daemon=True) for _ in range(many - 1)]

    def wait() -> None:
        for process in started:
            process.join()

    if started:
        connections.close_all()
    for process in started:
        process.start()
    try:
        yield wait
    finally:
        for process in started:
            process.terminate()


def _go_through(
    files: Mapping[str, Sequence[Path]],
    answers: dict[Path, dict[str, Any]],
    threads: int,
    report: Report,
    *,
    wait: bool,
) -> None:
    """Take what is not answered yet; a provider whose turn another process has is left to it, unless we wait."""
    whole = sum(map(len, files.values()))
    for provider, its in files.items():
        for file in its:
            report(f"Taking files: {provider}", len(answers), whole)
            answer = answers.get(file) or _take(provider, file, threads, wait=wait)
            if answer is None:
                break
            answers[file] = answer


def _take(provider: str, file: Path, threads: int, *, wait: bool) -> dict[str, Any] | None:
    from django.db import transaction

    from tanpuhui.cli.places import jurisdiction, places
    from tanpuhui.evidence.take import take, turn_is_free

    where = places()
    try:
        with transaction.atomic():
            if not wait and not turn_is_free(provider):
                return None
            receipt = take(
                provider,
                file,
                at=utc_now(),
                lake=where.lake,
                buckets=where.buckets,
                zone=jurisdiction().zone,
                threads=threads,
            )
    except Refusal as refusal:
        return {"provider": provider, "file": str(file), "refused": refusal.as_json()}
    return {"provider": provider, "file": str(file), "receipt": receipt.as_json()}


def _tell(answers: Sequence[Mapping[str, Any]], *, as_json: bool) -> int:
    refused = [answer for answer in answers if "refused" in answer]
    if as_json:
        print_json(answers)
    else:
        table = Table("provider", "file", "rows", "accepted", "duplicate", "refused")
        for answer in answers:
            receipt = answer.get("receipt")
            counts = (
                [f"{receipt[name]:,}" for name in ("rows", "accepted", "duplicate", "refused")]
                if receipt
                else ["-", "-", "-", answer["refused"]["code"]]
            )
            table.add_row(answer["provider"], Path(answer["file"]).name, *counts)
        console.print(table)
        for answer in refused:
            console.print(answer["refused"]["message"], markup=False, highlight=False)
    return REFUSED if refused else 0
