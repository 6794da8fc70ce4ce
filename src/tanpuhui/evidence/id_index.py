"""Id index: which of a provider's earlier id files may know an id of a new batch, without reading them all.

Ids of earlier batches lie in a file for each batch. After a year of one a minute these are half a million files, and
after a year of a city some thousand million ids, of which a new batch repeats a few. Sorted runs of them
(:mod:`tanpuhui.evidence.id_run`) say which files to read. Runs are written when enough files have none, and merged when
there are eight of a size, so that each id is written again some few times in all and a batch looks into some dozens.

A run is derived: what it says is looked for again in the id files, and where its file is gone it is written anew from
them. Its row says which id files it has: all of its provider's with numbers from the first to the last. The rows are
written by whoever has the provider's turn, in its transaction, like the numbers of the files: a number that is
given out is higher than all before it, and a transaction that is undone takes its runs back with its files.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import duckdb
import numpy as np
from django.db import transaction
from django.db.models import Q, QuerySet

from tanpuhui.evidence.id_file import digests_of
from tanpuhui.evidence.id_run import SUFFIX, Run, merge_runs, prefixes_in, prefixes_of, write_run
from tanpuhui.evidence.models import IdRun, LakeFile
from tanpuhui.kit.crash import crash_point
from tanpuhui.kit.erased import standing
from tanpuhui.kit.files import whole_or_absent

#: Where runs lie in the lake.
FOLDER = Path("evidence", "runs")
#: Id files are read themselves until there are as many of them, or they have as many rows together.
LOOSE_FILES, LOOSE_ROWS = 16, 1_000_000
#: Files are gathered into one run up to so many rows.
GATHERED_ROWS = 4_000_000
#: Runs of a size that are merged into one, and the rows of the least size.
FAN, LEAST = 8, 4_096


def files_that_may_know(connection: duckdb.DuckDBPyConnection, lake: Path, provider: str) -> list[LakeFile]:
    """Id files of earlier batches that may have an id of ``keyed``, in the order in which they were taken.

    Who asks has the provider's turn.
    """
    runs = _standing(lake, provider)
    loose = _without_run(provider, runs)
    if len(loose) >= LOOSE_FILES or sum(file.rows for file in loose) >= LOOSE_ROWS:
        runs, loose = _tidied(lake, provider, runs, loose), []
    if not runs:
        return loose
    ids = digests_of(connection.sql("SELECT id FROM keyed").to_arrow_table()["id"])
    wanted = np.unique(prefixes_of(ids))
    numbers = {int(number) for run in runs for number in _run(lake, run).files_with(wanted)}
    found = LakeFile.objects.filter(id__in=numbers, part=LakeFile.IDS, batch__provider=provider)
    return sorted([*found, *loose], key=lambda file: file.pk)


def files_of(run: IdRun) -> QuerySet[LakeFile]:
    """The id files that a run has."""
    return LakeFile.objects.filter(
        part=LakeFile.IDS, batch__provider=run.provider, pk__range=(run.first, run.last)
    )


def remove(lake: Path, runs: Iterable[IdRun]) -> None:
    """Take the rows away now, and the files when that is for good; a sweep takes what is left of a crash.

    Who asks has the provider's turn. What they had is written anew when the provider's next batch is taken.
    """
    for run in runs:
        transaction.on_commit(partial((lake / run.path).unlink, missing_ok=True))
        run.delete()


def lacking(lake: Path) -> list[str]:
    """Paths of runs that lack an id of their files, or have one too many; a run whose file is gone lacks nothing.

    Whoever removes such a file has it written anew. Reads every id.
    """
    return [one.path for one in IdRun.objects.order_by("provider", "first") if _lacks(lake, one)]


def _lacks(lake: Path, one: IdRun) -> bool:
    run = _run(lake, one)
    try:
        return run.stands and not _is_whole(run, lake, files_of(one).order_by("id"))
    except FileNotFoundError:
        # A taking merges runs meanwhile, and an erasure removes them.
        if run.path.exists():
            raise
        return False


def _is_whole(run: Run, lake: Path, files: QuerySet[LakeFile]) -> bool:
    if run.numbers.tolist() != [file.pk for file in files]:
        return False
    rows = 0
    for place, file in enumerate(files):
        prefixes = prefixes_in(standing(lake / file.path))
        rows += len(prefixes)
        if not run.has(np.unique(prefixes), place):
            return False
    return rows == run.rows


def to_merge(rows: Sequence[int]) -> slice | None:
    """Neighbours that become one run, of runs of so many rows: those of a size, once there are enough, and what
    smaller ones lie between them.

    >>> to_merge([5_000] * 7), to_merge([9_000_000, *[5_000] * 8])
    (None, slice(1, 9, None))
    """
    sizes = [_size(count) for count in rows]
    for size in sorted(set(sizes)):
        larger = [-1, *(place for place, other in enumerate(sizes) if other > size), len(sizes)]
        for before, after in pairwise(larger):
            if sizes[before + 1 : after].count(size) >= FAN:
                return slice(before + 1, after)
    return None


def _size(rows: int) -> int:
    size, least = 0, LEAST
    while rows > least:
        size, least = size + 1, least * FAN
    return size


def _standing(lake: Path, provider: str) -> list[IdRun]:
    """The provider's runs in the order of their files; those whose file is gone or cut short are no more."""
    runs = list(IdRun.objects.filter(provider=provider).order_by("first"))
    remove(lake, (run for run in runs if not _run(lake, run).stands))
    return [run for run in runs if run.pk is not None]


def _without_run(provider: str, runs: Sequence[IdRun]) -> list[LakeFile]:
    """Id files that no run has."""
    ends = [(run.first, run.last) for run in runs]
    gaps = [(before + 1, first - 1) for (_, before), (first, _) in pairwise([(0, 0), *ends])]
    after = ends[-1][1] if ends else 0
    where = Q(pk__gt=after)
    for first, last in gaps:
        if first <= last:
            where |= Q(pk__range=(first, last))
    files = LakeFile.objects.filter(where, part=LakeFile.IDS, batch__provider=provider)
    return list(files.order_by("id"))


def _tidied(lake: Path, provider: str, runs: Sequence[IdRun], loose: Sequence[LakeFile]) -> list[IdRun]:
    """All runs, with new ones of the loose files, merged as they may be."""
    made = list(runs)
    for group in _groups(loose, [run.first for run in runs]):
        sources = [(file.pk, standing(lake / file.path)) for file in group]
        made.append(_written(lake, partial(write_run, sources), provider, group[0].pk, group[-1].pk))
    made.sort(key=lambda run: run.first)
    while (some := to_merge([run.rows for run in made])) is not None:
        old = made[some]
        whole = partial(merge_runs, [_run(lake, one) for one in old])
        first, last = old[0].first, old[-1].last
        remove(lake, old)
        made[some] = [_written(lake, whole, provider, first, last)]
    return made


def _groups(loose: Sequence[LakeFile], firsts: Sequence[int]) -> Iterator[list[LakeFile]]:
    """Neighbours of up to so many rows together, with no run between them."""
    group: list[LakeFile] = []
    for file in loose:
        is_apart = bool(group) and bisect(firsts, group[-1].pk) != bisect(firsts, file.pk)
        if group and (is_apart or sum(one.rows for one in group) + file.rows > GATHERED_ROWS):
            yield group
            group = []
        group.append(file)
    if group:
        yield group


def _written(lake: Path, write: Callable[[Path], Run], provider: str, first: int, last: int) -> IdRun:
    path = FOLDER / f"{uuid4().hex}{SUFFIX}"
    with whole_or_absent(lake / path) as unfinished:
        run = write(unfinished)
    crash_point("evidence.index.run_written")
    return IdRun.objects.create(
        provider=provider, first=first, last=last, path=str(path), rows=run.rows, files=run.files
    )


def _run(lake: Path, run: IdRun) -> Run:
    return Run(lake / run.path, run.rows, run.files)
