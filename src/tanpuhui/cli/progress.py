"""Progress of commands that take long: what is done of how much, how fast, and how long it may still take.

On a terminal it is one line of the error stream, which goes away at the end. Elsewhere it is a plain line at most every
ten seconds. Standard output is never touched.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.text import Text

from tanpuhui.cli.output import errors
from tanpuhui.kit.progress import Report, nobody

#: Between two plain lines, and before the first.
EVERY_S = 10.0
#: No time is estimated before so much of a stage has gone by.
TOO_EARLY_S = 1.0
BYTES = ("B", "kB", "MB", "GB", "TB")

#: What commands say they do, and the same in Chinese. What follows a colon is a name and stays as it is.
CHINESE = {
    "A city comes into being": "生成演示城市",
    "A verifier looks into the first lot": "核查机构核查首个批次",
    "And as it was at a moment": "恢复到指定时刻",
    "Asking the ledger's invariants": "核对账本不变式",
    "Certifying a first lot": "签发首个批次",
    "Checking every row": "逐行校验",
    "Checking the copy": "校验副本",
    "Checking the ledger, and every row against the truth": "核对账本，并将每一行与真值比对",
    "Closing": "日结",
    "Comparing a month's file": "比对月份文件",
    "Comparing with the log": "与透明日志比对",
    "Computing buckets": "按分桶计算",
    "Computing closes again": "重新计算各次日结",
    "Copying files": "复制文件",
    "Copying the database": "复制数据库",
    "Done": "完成",
    "Entering facts": "将事实写入日志",
    "Freezing inputs": "冻结输入",
    "Importing": "导入",
    "Looking into seals": "查看封存记录",
    "Issuing in cities": "在各模拟城市中签发",
    "It is copied whole, then followed": "整体复制，然后持续跟随",
    "Making a city": "生成演示城市",
    "Opening accounts, giving grants": "开户并授权",
    "Posting": "过账",
    "Publishing statistics": "发布统计",
    "Reading the database's log": "回放数据库日志",
    "Reading months from their files": "从文件读取各月份",
    "Reading the file": "读取文件",
    "Rehearsing a loss": "灾难恢复演练",
    "Running a city": "运行演示城市",
    "Sealing rows": "封存账行",
    "Selling, surrendering": "出售与清缴",
    "Spending, settling": "消费与结算",
    "Starting the database": "启动数据库",
    "Homes save electricity together": "居民共同节电",
    "Writing a month to its file": "将月份写入文件",
    "Having the log witnessed": "请见证人签署日志",
    "Starting the server": "启动服务器",
    "Taking batches": "接收批次",
    "Taking files": "接收文件",
    "The machine is lost, its disk too. As late as possible": "机器与磁盘全部丢失，恢复到最近时刻",
    "The verifier looks again": "核查机构复查",
}
#: What is counted in bytes.
IN_BYTES = ("Reading the file", "Copying the database")


def language(environment: Mapping[str, str]) -> str:
    """``zh`` where the machine speaks Chinese (LC_ALL, LC_MESSAGES, LANG, in this order), ``en`` elsewhere.

    >>> language({"LANG": "zh_CN.UTF-8"}), language({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}), language({})
    ('zh', 'en', 'en')
    """
    said = next(
        (environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), ""
    )
    return "zh" if said.lower().startswith("zh") else "en"


def sentence(doing: str, done: int, whole: int, *, seconds: float, language: str) -> str:
    """How far something is. A time is estimated where anything is done and the whole is known.

    >>> sentence("Computing buckets", 16, 64, seconds=8.0, language="en")
    'Computing buckets 16/64 (25%), 2.0/s, 0:24 left'
    >>> sentence("Computing buckets", 16, 64, seconds=8.0, language="zh")
    '按分桶计算 16/64（25%），每秒 2.0，预计还需 0:24'
    >>> sentence("Reading the file", 2_500_000, 0, seconds=5.0, language="en")
    'Reading the file 2.5 MB, 500.0 kB/s'
    """
    size = _bytes if doing.partition(":")[0] in IN_BYTES else _number
    said = _in(language, doing)
    if whole:
        part = f"{size(done)}/{size(whole)}"
        percent = f"{100 * min(done, whole) // whole}%"
        said += f" {part} ({percent})" if language == "en" else f" {part}（{percent}）"
    elif done:
        said += f" {size(done)}"
    if not done or seconds < TOO_EARLY_S:
        return said
    rate = _bytes(done / seconds) if size is _bytes else _rate(done / seconds)
    if not whole or done >= whole:
        return said + (f", {rate}/s" if language == "en" else f"，每秒 {rate}")
    left = _time(seconds * (whole - done) / done)
    return said + (f", {rate}/s, {left} left" if language == "en" else f"，每秒 {rate}，预计还需 {left}")


def _in(language: str, doing: str) -> str:
    if language == "en":
        return doing
    return "：".join(CHINESE.get(part, part) for part in doing.split(": "))


def _number(value: float) -> str:
    return f"{int(value):,}"


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 0.1 else f"{value:.3f}"


def _bytes(value: float) -> str:
    unit = 0
    while value >= 1000 and unit < len(BYTES) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {BYTES[unit]}" if unit else f"{value:.0f} B"


def _time(seconds: float) -> str:
    """Hours, minutes and seconds, rounded up: a promise that is kept.

    >>> _time(3725.2), _time(9.1)
    ('1:02:06', '0:10')
    """
    minutes, rest = divmod(int(-(-seconds // 1)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _Line(ProgressColumn):
    """The sentence, said anew as time goes by."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language

    def render(self, task: Task) -> Text:
        said = sentence(
            task.description,
            int(task.completed),
            int(task.total or 0),
            seconds=task.elapsed or 0.0,
            language=self._language,
        )
        return Text(said, no_wrap=True, overflow="ellipsis")


@contextmanager
def _on_terminal(console: Console, language: str) -> Iterator[Report]:
    bar = Progress(
        BarColumn(16), _Line(language), console=console, transient=True, redirect_stdout=False, expand=False
    )
    doing_now = ""
    with bar:
        task = bar.add_task("", total=None, visible=False)

        def report(doing: str, done: int, whole: int) -> None:
            nonlocal doing_now
            if doing.partition(":")[0] != doing_now:
                doing_now = doing.partition(":")[0]
                bar.reset(task, visible=True)
            bar.update(task, description=doing, completed=done, total=whole or None)

        yield report


class _Plain:
    """A line at most every ten seconds; the first at once only where somebody asked for it."""

    def __init__(
        self, say: Callable[[str], None], language: str, clock: Callable[[], float], *, at_once: bool
    ) -> None:
        self._say, self._language, self._clock, self._lock = say, language, clock, Lock()
        self._doing, self._began = "", clock()
        self._said = self._began - EVERY_S if at_once else self._began

    def __call__(self, doing: str, done: int, whole: int) -> None:
        with self._lock:
            now = self._clock()
            if doing.partition(":")[0] != self._doing:
                self._doing, self._began = doing.partition(":")[0], now
            if now - self._said >= EVERY_S:
                self._said = now
                self._say(sentence(doing, done, whole, seconds=now - self._began, language=self._language))


@Parameter(name="*")
@dataclass(frozen=True)
class Watching:
    """Whether progress is shown.

    Parameters
    ----------
    progress
        Show progress with --json too where the error stream is no terminal.
    quiet
        Show no progress at all.
    """

    progress: Annotated[bool, Parameter(negative=())] = False
    quiet: Annotated[bool, Parameter(negative=())] = False

    @contextmanager
    def told(self, *, as_json: bool = False) -> Iterator[Report]:
        """To whom the work reports while the block runs: a line of a terminal, plain lines, or nobody."""
        speaks = language(os.environ)
        if self.quiet:
            yield nobody
        elif errors.is_terminal:
            with _on_terminal(errors, speaks) as report:
                yield report
        elif as_json and not self.progress:
            yield nobody
        else:
            yield _Plain(_say, speaks, time.monotonic, at_once=self.progress)


def _say(line: str) -> None:
    errors.print(line, highlight=False, markup=False, soft_wrap=True)


#: What commands that nobody gave a switch are run with.
WATCHED = Watching()
