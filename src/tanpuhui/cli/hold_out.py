"""``tanpuhui baseline hold-out``: draw homes that are never recruited, and show later that they stood."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from tanpuhui.cli.output import console, print_json

DONE, FINDINGS = 0, 3

app = App(name="hold-out", help="Homes drawn before anybody is recruited: the comparison nobody chose.")

Json = Annotated[bool, Parameter(name="--json", negative="", help="One JSON document on standard output.")]
Homes = Annotated[Path, Parameter(help="Pseudonyms of homes, one a line.")]


@app.command
def draw(homes: Homes, *, percent: int, sealed: Path, as_json: Json = False) -> int:
    """Draw the hold-out and seal it in a file only you can read; publish the commitment before recruitment.

    Example: tanpuhui baseline hold-out draw homes.txt --percent 20 --sealed sealed.json
    """
    from tanpuhui.baseline import hold_out
    from tanpuhui.baseline.refusals import BadPercent, FileUnwritable, SealExists

    if not 1 <= percent <= 90:
        raise BadPercent(percent=percent)
    drawn = hold_out.draw(_lines(homes), percent=percent, seed=secrets.token_hex(32))
    content = json.dumps(drawn.as_json(), ensure_ascii=False, indent=2)
    try:
        opened = os.open(sealed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise SealExists(file=str(sealed)) from error
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise FileUnwritable(file=str(sealed), problem=error.strerror) from error
    with os.fdopen(opened, "w", encoding="utf-8") as stream:
        stream.write(content)
    answer = {"commitment": drawn.commitment, "homes": drawn.homes_digest, "held": len(drawn.held)}
    if as_json:
        print_json(answer)
    else:
        console.print(f"{answer['held']} homes held out. Publish before recruitment:", highlight=False)
        console.print(drawn.commitment, style="bold", highlight=False, soft_wrap=True)
    return DONE


@app.command
def verify(
    homes: Homes,
    *,
    sealed: Path,
    commitment: Annotated[str, Parameter(help="As it was published before recruitment.")],
    joined: Annotated[Path | None, Parameter(help="Homes that joined, one a line.")] = None,
    as_json: Json = False,
) -> int:
    """Draw again from the seal and compare; exit status 3 when it is another draw or held-out homes joined.

    Example: tanpuhui baseline hold-out verify homes.txt --sealed sealed.json
    --commitment sha256:9c56... --joined joined.txt
    """
    from tanpuhui.baseline import hold_out

    found = hold_out.verify(
        _seal(sealed),
        _lines(homes),
        commitment=commitment,
        joined=() if joined is None else _lines(joined),
    )
    answer = {**asdict(found), "stands": found.stands}
    if as_json:
        print_json(answer)
    else:
        for name, value in answer.items():
            shown = len(value) if isinstance(value, tuple) else {True: "yes", False: "NO"}[value]
            console.print(f"{name.replace('_', ' ')}: {shown}", highlight=False)
    return DONE if found.stands else FINDINGS


def _lines(file: Path) -> list[str]:
    """Lines that are not empty, without the space around them."""
    return [line.strip() for line in _text(file).splitlines() if line.strip()]


def _seal(file: Path) -> Any:
    from tanpuhui.baseline.refusals import NotSealed

    try:
        return json.loads(_text(file))
    except ValueError as error:
        raise NotSealed(problem="it is no JSON") from error


def _text(file: Path) -> str:
    from tanpuhui.baseline.refusals import FileUnreadable

    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadable(file=str(file), problem=str(error)) from error
