"""How many balances a second the resident's API answers: two workers, 2,000 tokens, wrk on the same machine.

Run: TANPUHUI_HOME=... .venv/bin/python bench/balance.py   (a home with a city in it: 'tanpuhui demo' makes one)
It needs wrk (Debian: apt-get install wrk), starts a server of its own and stops it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

WORKERS, CONNECTIONS, SECONDS, TOKENS = 2, 32, 10, 2_000
LUA = """
local tokens = {{{tokens}}}
local at = 0
request = function()
  at = at % #tokens + 1
  return wrk.format("GET", nil, {{["Authorization"] = "Bearer " .. tokens[at], ["Host"] = "localhost"}})
end
"""


def main() -> None:
    """Make tokens, serve, warm up, measure, stop, and revoke the tokens."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    from tanpuhui.cli.server import free_port
    from tanpuhui.project.database import prepare

    prepare()
    port = free_port("127.0.0.1")
    address = f"http://127.0.0.1:{port}/api/v1/resident/balance"
    users, tokens = make_tokens()
    program = Path(sys.executable).with_name("tanpuhui")
    command = [str(program), "serve", "--port", str(port), "--workers", str(WORKERS)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    try:
        wait_for(address, tokens[0])
        script = Path(tempfile.mkdtemp()) / "balance.lua"
        script.write_text(LUA.format(tokens=", ".join(f'"{token}"' for token in tokens)))
        for name, seconds in (("warm-up", 3), ("measured", SECONDS)):
            print(f"{name}: {measure(address, script, seconds)}")
    finally:
        server.terminate()
        server.wait(30)
        revoke_all(users)


def make_tokens() -> tuple[list[object], list[str]]:
    """Users and tokens for some of the accounts that have none yet, and for those that do."""
    from tanpuhui.access.hold import hold
    from tanpuhui.access.models import Holder, User
    from tanpuhui.access.token import issue
    from tanpuhui.consent.models import Resident
    from tanpuhui.kit.moment import utc_now

    now = utc_now()
    held = dict(Holder.objects.values_list("account", "user"))
    users: list[object] = []
    tokens = []
    for account in Resident.objects.order_by("id").values_list("id", flat=True)[:TOKENS]:
        user = User.objects.get(pk=held[account]) if account in held else User.objects.create_user(None)
        hold(user, account, at=now)
        text, row = issue(user, scope="resident:balance", days=1, at=now, label="bench")
        users.append((user, row.pk))
        tokens.append(text)
    return users, tokens


def revoke_all(users: list[object]) -> None:
    from django.db import transaction

    from tanpuhui.access.token import revoke
    from tanpuhui.kit.moment import utc_now

    with transaction.atomic():
        for user, token in users:  # type: ignore[misc]
            revoke(token, of=user, at=utc_now())


def wait_for(address: str, token: str) -> None:
    """Until the server answers a balance."""
    until = time.monotonic() + 60
    request = urllib.request.Request(
        address, headers={"Authorization": f"Bearer {token}", "Host": "localhost"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < until:
        try:
            with opener.open(request, timeout=2) as answer:
                print(answer.read().decode())
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    sys.exit("the server did not answer")


def measure(address: str, script: Path, seconds: int) -> str:
    """What wrk says: requests a second, the median and the 99th percentile."""
    wanted = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script), address]
    said = subprocess.run(wanted, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    assert rate is not None, said
    spread = " ".join(f"{name} {value}" for name, value in re.findall(r"(50%|99%)\s+(\S+)", said))
    return f"{float(rate[1]):,.0f} a second, {spread}, {wrong[1] if wrong else 0} refused"


if __name__ == "__main__":
    main()
