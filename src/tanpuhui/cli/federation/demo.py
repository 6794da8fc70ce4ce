"""``tanpuhui federation demo``: two installations on this machine, each with its own processes, that end in agreement.

Pudong has three residents with roofs; Shanghai certifies. They speak over HTTP. What happens is printed as it
happens, and the exit status is 3 when anything does not agree.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from tanpuhui.cli import server, start
from tanpuhui.cli.output import console, print_json

DIFFER = 3
HOST = "127.0.0.1"
CODES = ("pudong", "shanghai")
WAIT_S = 240.0
FIRST_PORT = 8300


class StepFailed(Exception):
    """A process of the demonstration did not do what it should have."""


@dataclass
class Installation:
    """One platform: its home, its port, a process that serves, and one in which its commands are run."""

    code: str
    home: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    commands: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TANPUHUI_")}
        return {
            **kept,
            "TANPUHUI_HOME": str(self.home),
            "TANPUHUI_JURISDICTION": self.code,
            "TANPUHUI_BUCKETS": "1",
            "TANPUHUI_OPERATOR": f"{self.code} operator",
        }

    def run(self, *words: str, may_differ: bool = False) -> Any:
        """A command of this installation, in its one process for commands; answers its JSON."""
        if self.commands is None:
            command = [*start.installation().program, "federation", "demo-commands"]
            log = (self.home / "commands.log").open("ab")
            self.commands = subprocess.Popen(
                command, env=self.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        assert self.commands.stdin is not None
        assert self.commands.stdout is not None
        self.commands.stdin.write(json.dumps([*words, "--json"]).encode() + b"\n")
        self.commands.stdin.flush()
        line = self.commands.stdout.readline()
        nothing = {"status": 1, "out": f"see {self.home / 'commands.log'}"}
        answer: dict[str, Any] = json.loads(line) if line else nothing
        if answer["status"] not in (0, DIFFER if may_differ else 0):
            raise StepFailed(f"{self.code}: tanpuhui {' '.join(words)}\n{answer['out']}")
        return json.loads(answer["out"])

    def step(self, name: str, **given: str) -> Any:
        return self.run("federation", "demo-step", name, json.dumps(given))

    def serve(self) -> None:
        """Answer, in a process beside."""
        self.begin()
        self.wait()

    def begin(self) -> None:
        """Begin to serve; the first time its database is made."""
        command = [*start.installation().program, "serve", "--port", str(self.port)]
        log = (self.home / "serve.log").open("ab")
        self.process = subprocess.Popen(command, env=self.environment(), stdout=log, stderr=log)

    def wait(self) -> None:
        """Until it answers."""
        assert self.process is not None
        until = time.monotonic() + WAIT_S
        while server.is_free(HOST, self.port):
            if self.process.poll() is not None or time.monotonic() > until:
                raise StepFailed(f"{self.code} does not serve: see {self.home / 'serve.log'}")
            time.sleep(0.2)

    def end(self) -> None:
        """End both of its processes."""
        self.stop()
        if self.commands is not None:
            assert self.commands.stdin is not None
            self.commands.stdin.close()
            self.commands.wait(timeout=30)
            self.commands = None

    def stop(self) -> None:
        """Serve no more."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)
            self.process = None


@dataclass
class Story:
    """What happened, and what was checked."""

    said: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    is_silent: bool = False

    def say(self, text: str) -> None:
        self.said.append(text)
        if not self.is_silent:
            console.print(text, highlight=False)

    def check(self, text: str, *, holds: bool) -> None:
        if holds:
            self.say(f"  ✓ {text}")
        else:
            self.wrong.append(text)
            self.say(f"  ✗ {text}")


def demo(
    *,
    home: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")] = False,
) -> int:
    """Run a district and its city on this machine: reports, a lot, a sale, its use, an outage, a linked account.

    Exit status 3 when anything does not agree at the end.

    Example: tanpuhui federation demo

    Parameters
    ----------
    home
        A folder in which both homes are made and kept; a temporary one that is removed when left out.
    """
    began = time.monotonic()
    story = Story(is_silent=as_json)
    with _homes(home) as (pudong, shanghai):
        try:
            _tell(story, pudong, shanghai)
        finally:
            for one in (pudong, shanghai):
                one.end()
    took_s = round(time.monotonic() - began)
    if as_json:
        print_json({"agree": not story.wrong, "wrong": story.wrong, "said": story.said, "took_s": took_s})
    else:
        console.print(f"{'Both agree' if not story.wrong else 'They do not agree'}, after {took_s} s.")
    return DIFFER if story.wrong else 0


def _tell(story: Story, pudong: Installation, shanghai: Installation) -> None:
    _meet(story, pudong, shanghai)
    _certify(story, pudong, shanghai)
    _use(story, pudong, shanghai)
    _lose_the_network(story, pudong, shanghai)
    _link(story, pudong, shanghai)
    _compare(story, pudong, shanghai)


def _meet(story: Story, pudong: Installation, shanghai: Installation) -> None:
    story.say("Two installations: Pudong has residents' accounts, Shanghai certifies and keeps the registry.")
    for one in (pudong, shanghai):
        one.begin()
    for one in (pudong, shanghai):
        one.wait()
    keys = {one.code: one.step("prepare")["public_key"] for one in (pudong, shanghai)}
    pudong.step("meet", code="shanghai", role="city", url=shanghai.url, key=keys["shanghai"])
    shanghai.step("meet", code="pudong", role="district", url=pudong.url, key=keys["pudong"])
    lived = pudong.step("live")
    story.say(f"Pudong closed {lived['days']} days of three roofs: {lived['credited_mg'] / 1e9:.2f} t.")


def _certify(story: Story, pudong: Installation, shanghai: Installation) -> None:
    (sent,) = pudong.run("federation", "send")
    story.say(
        f"It reported {sent['done']} closes to Shanghai: sums and digests, and nobody's name or number."
    )
    local = pudong.step("certify_here")
    story.check(f"Pudong itself may not certify them ({local['refused']})", holds=bool(local["refused"]))
    through = pudong.step("last_day")["day"]
    asked = pudong.run(
        *("federation", "ask", "shanghai/rooftop-pv", "--through", through, "--verifier", "Green Audit Ltd")
    )
    pudong.run("federation", "send")
    (waiting,) = shanghai.run("federation", "asks")
    lot = shanghai.run("federation", "certify", waiting["ask"])
    shanghai.run("federation", "send")
    story.say(f"Shanghai certified {lot['tonnes']} t as {lot['lot']}: {lot['serials']}.")
    shares = pudong.step("shares", lot=lot["lot"])
    story.check(
        f"Pudong shared them among {len(shares['amounts_mg'])} residents to the milligram",
        holds=sum(shares["amounts_mg"]) == lot["certified_mg"] and asked["tonnes"] == lot["tonnes"],
    )


def _use(story: Story, pudong: Installation, shanghai: Installation) -> None:
    sold = pudong.step("sell", tonnes="3")
    pudong.run("federation", "send")
    shanghai.step("use", lot=sold["lot"])
    shanghai.run("federation", "send")
    story.say(
        "Residents gave 3 t to a pool, Shanghai's company took them, and Acme surrendered one for 2026."
    )
    here, there = (one.step("blocks", lot=sold["lot"]) for one in (pudong, shanghai))
    story.check("Pudong's residents see which tonne was used, for what", holds=here == there)
    story.check(
        "One tonne is used up, once", holds=sum(1 for one in there["blocks"] if one[2] == "retired") == 1
    )


def _lose_the_network(story: Story, pudong: Installation, shanghai: Installation) -> None:
    shanghai.stop()
    pudong.step("one_more_day")
    (sent,) = pudong.run("federation", "send", may_differ=True)
    story.say(
        f"Shanghai does not answer ({sent['why_not']['code']}); Pudong closes another day, which waits."
    )
    shanghai.serve()
    (sent,) = pudong.run("federation", "send")
    story.check("It arrived when Shanghai was back", holds=sent["done"] == 1 and not sent["waiting"])
    (again,) = pudong.run("federation", "replay", "shanghai", "--from", "1")
    story.check(f"Saying all {again['done']} messages again changes nothing", holds=not again["refused"])


def _link(story: Story, pudong: Installation, shanghai: Installation) -> None:
    way = shanghai.step("link_begin")
    back = pudong.step("link_agree", address=way["address"])
    made = shanghai.step("link_finish", address=back["address"])
    other = pudong.step("links")
    story.check(
        "A resident linked both accounts under one pseudonym that only these two have",
        holds=made["pseudonyms"] == other["pseudonyms"] != [],
    )


def _compare(story: Story, pudong: Installation, shanghai: Installation) -> None:
    for one in (pudong, shanghai):
        day = one.step("today")["day"]
        (report,) = one.run("federation", "reconcile", day, may_differ=True)
        for difference in report["differences"]:
            story.say(f"    {json.dumps(difference, ensure_ascii=False)}")
        story.check(
            f"{one.code}'s books and messages agree with the other side's to zero", holds=report["agrees"]
        )
        found = one.run("ledger", "check", may_differ=True)
        story.check(f"{one.code}'s ledger keeps every rule", holds=not found["findings"])


@contextmanager
def _homes(given: Path | None) -> Iterator[tuple[Installation, Installation]]:
    with tempfile.TemporaryDirectory(prefix="tanpuhui-federation-") as made:
        folder = given or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)
        both: list[Installation] = []
        for code in CODES:
            home = folder / code
            home.mkdir(exist_ok=True)
            home.chmod(0o711)
            port = next(
                port
                for port in range(FIRST_PORT, FIRST_PORT + 1_000)
                if server.is_free(HOST, port) and port not in [one.port for one in both]
            )
            both.append(Installation(code, home, port))
        yield both[0], both[1]
