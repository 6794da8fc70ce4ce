"""``tanpuhui verify`` (and ``credential verify``): check what a file proves, without network and database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from tanpuhui.cli.output import console, print_json
from tanpuhui.kit.home import home
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal


class PolicyUnknown(Refusal):
    code = "verify.policy_unknown"
    message = (
        "Nothing says whom to trust: {path} is not there. Name a policy with --policy, and get it from "
        "somebody other than whoever gave you the file."
    )


class CannotRead(Refusal):
    code = "verify.cannot_read"
    message = "{path} cannot be read. Name a file that is there and that you may read."


def verify(
    file: Path,
    /,
    *,
    policy: Path | None = None,
    record: Path | None = None,
    issuer: Path | None = None,
    status_list: list[Path] | None = None,
    audience: str | None = None,
    nonce: str | None = None,
    needs_log: bool = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Check a receipt, a share, a bundle, a .tlog-proof, a checkpoint or a credential; no network, no database.

    Refused (exit status 2) unless all of it holds. verify_certificate.py does the same with cryptography alone.

    Examples: tanpuhui verify share.json --policy policy.txt

    tanpuhui verify certificate.pdf --issuer issuer.json --status-list 1 --policy policy.txt

    Parameters
    ----------
    file
        What to check.
    policy
        Which log and witnesses are trusted (https://c2sp.org/tlog-policy); this installation's own when left out.
    record
        The record that a bare .tlog-proof is of, or whose digest a credential says.
    issuer
        Whose signature a credential bears: what the issuer publishes at /.well-known/jwt-vc-issuer.
    status_list
        The status list that a credential names, downloaded; several if need be.
    audience
        Who you are, for a credential that is for you alone or that its holder shows you with a proof.
    nonce
        What you gave the holder to answer.
    needs_log
        Refuse a certificate that shows no serial numbers with the log's proof of them.
    as_json
        Print {"holds", "proved"}.
    """
    from tanpuhui.transparency.credentials.key import read_issuer
    from tanpuhui.transparency.credentials.verify import Expected
    from tanpuhui.transparency.policy import read_policy
    from tanpuhui.transparency.verify import verify_file

    trusted = policy or home() / "log" / "policy"
    if policy is None and issuer is None and not trusted.exists():
        raise PolicyUnknown(path=trusted)
    expected = None
    if issuer is not None:
        expected = Expected(
            read_issuer(_read(issuer).decode(errors="replace")),
            int(utc_now().timestamp()),
            tuple(_read(one).decode(errors="replace") for one in status_list or ()),
            audience,
            nonce,
            needs_log=needs_log,
        )
    proved = verify_file(
        _read(file),
        read_policy(_read(trusted).decode(errors="replace")) if policy or trusted.exists() else None,
        record=_read(record) if record else None,
        expected=expected,
    )
    if as_json:
        print_json({"holds": True, "proved": [one.as_json() for one in proved]})
        return 0
    for one in proved:
        console.print(f"[bold green]Holds[/] {one.kind} {one.key}", highlight=False)
        for name, value in {**one.record, **(one.checked or {})}.items():
            if one.checked is None or name not in ("status", "cnf") or name in one.checked:
                console.print(f"  {name}: {_in_a_line(value)}", highlight=False, markup=False)
        if one.checked is not None and not one.origin:
            continue
        seen = ", ".join(
            f"{name} {datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}" for name, at in one.seen_s.items()
        )
        console.print(f"  in {one.origin}, {one.size:,} leaves; seen by {seen or 'no witness'}", markup=False)
    return 0


def _in_a_line(value: Any) -> str:
    """A value that cannot look like another line: companies choose the words of their certificates.

    >>> print(_in_a_line(["Acme"]), _in_a_line("Acme" + chr(10) + "  tonnes: 9"))
    ['Acme'] 'Acme\\n  tonnes: 9'
    """
    text = str(value)
    return text if text.isprintable() else repr(text)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise CannotRead(path=path) from None
