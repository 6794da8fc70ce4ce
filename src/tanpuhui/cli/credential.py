"""``tanpuhui credential``: issue and show credentials, change and publish their status, show a part of one."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from tanpuhui.cli.output import console, print_json
from tanpuhui.cli.verify import verify
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal

if TYPE_CHECKING:
    from joserfc.jwk import ECKey

    from tanpuhui.transparency.models import Credential

app = App(
    name="credential",
    help="Credentials: issue, show, revoke, suspend, restore; their status lists; show a part of one.",
)

app.command(verify)

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]
NEWEST = 50


class NotASubject(Refusal):
    code = "credential.not_a_subject"
    message = (
        "{given} is nothing that a credential is issued about. Name a certificate (C000001-95), "
        "a consent for a bank (grant:17) or an account (account:3)."
    )


class CannotRead(Refusal):
    code = "credential.cannot_read"
    message = "{path} cannot be read as text. Name a file that is there."


@app.command
def issue(
    subject: str,
    /,
    *,
    holder_key: Path | None = None,
    out: Path | None = None,
    as_json: Json = False,
) -> int:
    """Issue a credential, or take the living one of a certificate again, with the log's proof.

    Example: tanpuhui credential issue C000001-95 --out certificate.sd-jwt.json

    Parameters
    ----------
    subject
        A certificate (C000001-95), a consent for a bank (grant:17), or an account (account:3) to take elsewhere.
    holder_key
        Public key (JWK, P-256) of the holder, to which the credential is bound. Not for certificates: they are public.
    out
        File to write. For an account its record is written beside it, as record.json.
    """
    from django.db import transaction

    from tanpuhui.access.audit import record

    holder = _key(holder_key) if holder_key is not None else None
    with transaction.atomic():
        made, beside = _issued(subject, holder)
        record(
            "credential.issue",
            who=None,
            at=utc_now(),
            object_kind="credential",
            object_key=made.pk,
            facts={"kind": made.kind, "subject": made.subject},
        )
    if beside is not None and out is not None:
        _write(out.with_name("record.json"), beside)
    return _show(made, out, as_json=as_json)


@app.command
def show(
    number: int | None = None,
    /,
    *,
    out: Path | None = None,
    as_json: Json = False,
) -> int:
    """Show a credential with its status and why, or the newest of all.

    Example: tanpuhui credential show 1 --json

    Parameters
    ----------
    number
        Number of the credential; the newest are listed when left out.
    out
        File to write it to, with everything to show.
    """
    from tanpuhui.transparency.credential import get
    from tanpuhui.transparency.models import Credential

    if number is not None:
        return _show(get(number), out, as_json=as_json)
    newest = [_said(one) for one in Credential.objects.order_by("-pk")[:NEWEST]]
    if as_json:
        print_json(newest)
        return 0
    for one in newest:
        _print(one)
    return 0


@app.command
def suspend(number: int, /, *, reason: str, as_json: Json = False) -> int:
    """Suspend a credential: nobody should rely on it for now. The status list says so at once.

    What a paused consent or an annulled lot suspended already stays suspended then until you restore it.

    Example: tanpuhui credential suspend 1 --reason "the meter is being looked at"

    Parameters
    ----------
    number
        Number of the credential.
    reason
        Why: kept, and shown.
    """
    return _step("suspend", number, reason, as_json=as_json)


@app.command
def restore(number: int, /, *, reason: str, as_json: Json = False) -> int:
    """Make a credential valid again that was suspended by hand. Where a consent is paused it stays suspended for that.

    Example: tanpuhui credential restore 1 --reason "the meter was right"

    Parameters
    ----------
    number
        Number of the credential.
    reason
        Why: kept, and shown.
    """
    return _step("restore", number, reason, as_json=as_json)


@app.command
def revoke(number: int, /, *, reason: str, as_json: Json = False) -> int:
    """Revoke a credential, for good. Another one can be issued about the same certificate.

    Example: tanpuhui credential revoke 1 --reason "issued with a wrong name"

    Parameters
    ----------
    number
        Number of the credential.
    reason
        Why: kept, and shown.
    """
    return _step("revoke", number, reason, as_json=as_json)


@app.command(name="status-list")
def status_list(*, as_json: Json = False) -> int:
    """Follow consents and annulments, then sign and publish every status list anew, as files of this installation.

    'tanpuhui work' does the same by itself. Example: tanpuhui credential status-list --json
    """
    from django.db import transaction

    from tanpuhui.consent.policy import policy
    from tanpuhui.disclosure.follow_consent import follow_consent
    from tanpuhui.offsetting.follow_annulment import follow_annulments
    from tanpuhui.transparency.credential_status import publish_lists
    from tanpuhui.transparency.issuer import list_uri, lists

    at = utc_now()
    with transaction.atomic():
        changed = follow_consent(at=at) + follow_annulments(at=at)
    origin = policy().origin
    count = publish_lists(origin, at=at, again=True)
    said = [
        {"uri": list_uri(origin, number), "file": str(lists() / str(number))}
        for number in range(1, count + 1)
    ]
    if as_json:
        print_json({"changed": changed, "lists": said})
        return 0
    for one in said:
        console.print(f"{one['uri']} in {one['file']}", highlight=False, markup=False)
    return 0


@app.command
def issuer(*, out: Path | None = None, as_json: Json = False) -> int:
    """Show this installation's public keys, as it publishes them at /.well-known/jwt-vc-issuer.

    Example: tanpuhui credential issuer --out issuer.json

    Parameters
    ----------
    out
        File to write, for 'tanpuhui verify --issuer'.
    """
    from tanpuhui.consent.policy import policy
    from tanpuhui.transparency.credentials.key import metadata
    from tanpuhui.transparency.issuer import issuer_key, metadata_text

    origin = policy().origin
    if out is not None:
        _write(out, metadata_text(origin))
    if as_json or out is None:
        print_json(metadata(origin, issuer_key()))
    return 0


@app.command(name="holder-key")
def holder_key(*, out: Path, as_json: Json = False) -> int:
    """Make a holder's key: a private one (JWK) in a file that only you can read, and the public one beside it.

    Example: tanpuhui credential holder-key --out holder.jwk

    Parameters
    ----------
    out
        File for the private key; the public one has .public behind it.
    """
    import json

    from tanpuhui.transparency.credentials.key import key_from_secret, public_jwk

    made = key_from_secret(secrets.token_bytes(32))
    public = Path(f"{out}.public")
    _write_secret(out, json.dumps(made.as_dict(private=True)))
    _write(public, json.dumps(public_jwk(made), indent=1) + "\n")
    if as_json:
        print_json({"private": str(out), "public": str(public)})
    else:
        console.print(f"Private key in {out}, public key in {public}.", highlight=False, markup=False)
    return 0


@app.command
def present(
    file: Path,
    /,
    *,
    disclose: list[str] | None = None,
    holder_key: Path | None = None,
    audience: str | None = None,
    nonce: str | None = None,
    out: Path | None = None,
    as_json: Json = False,
) -> int:
    """Make the file that shows only some claims of a credential, with the proof of your key if it is bound to one.

    Example: tanpuhui credential present certificate.sd-jwt.json --disclose tonnes --out tonnes-only.sd-jwt.json

    Parameters
    ----------
    file
        The credential.
    disclose
        A claim to show, with all in it: tonnes, or ranges/0/vintage. Give it several times; everything when left out.
    holder_key
        Your private key (JWK), if the credential is bound to it.
    audience
        Who it is shown to; needed with a key.
    nonce
        What they gave you to answer; needed with a key.
    out
        File to write; printed when left out.
    """
    from tanpuhui.transparency.credentials.form import read
    from tanpuhui.transparency.credentials.present import bind, parse_path
    from tanpuhui.transparency.credentials.present import disclose as keep

    shown = read(_text(file))
    if disclose:
        shown = keep(shown, [parse_path(one) for one in disclose])
    if holder_key is not None:
        if audience is None or nonce is None:
            raise AudienceMissing()
        shown = bind(shown, _key(holder_key), audience=audience, nonce=nonce, at_s=int(utc_now().timestamp()))
    if out is not None:
        _write(out, shown.text())
    if as_json:
        print_json(shown.as_json())
    elif out is None:
        console.print(shown.compact(), highlight=False, markup=False, soft_wrap=True)
    return 0


class AudienceMissing(Refusal):
    code = "credential.audience_missing"
    message = (
        "A proof of your key is for somebody who asked. Name them with --audience, "
        "and what they gave you with --nonce."
    )


def _issued(subject: str, holder: ECKey | None) -> tuple[Credential, str | None]:
    """The credential about what was named, and the record that goes with it, if one does."""
    from tanpuhui.close.installation import jurisdiction
    from tanpuhui.copies.portability import take_along
    from tanpuhui.disclosure.carry import carry
    from tanpuhui.offsetting.certificate import certify_credential, find_certificate
    from tanpuhui.offsetting.number import sequence_of

    at = utc_now()
    kind, _, number = subject.partition(":")
    if sequence_of(subject):
        return certify_credential(find_certificate(subject), at=at), None
    if kind not in ("grant", "account") or not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise NotASubject(given=subject[:40])
    if kind == "account":
        taken = take_along(int(number), at=at, holder=holder)
        return taken.credential, taken.record
    return carry(
        _account_of(int(number)), int(number), jurisdiction=jurisdiction(), at=at, holder=holder
    ), None


def _account_of(grant: int) -> int:
    from tanpuhui.consent.models import Grant
    from tanpuhui.disclosure.refusals import NotYours

    found = Grant.objects.filter(pk=grant).values_list("resident", flat=True).first()
    if found is None:
        raise NotYours()
    return int(found)


def _step(verb: str, number: int, reason: str, *, as_json: bool) -> int:
    """The step and its audit entry in one transaction; the list is published when both are committed."""
    from django.db import transaction

    from tanpuhui.access.audit import record
    from tanpuhui.consent.policy import policy
    from tanpuhui.disclosure.follow_consent import follow_consent
    from tanpuhui.offsetting.follow_annulment import follow_annulments
    from tanpuhui.transparency import credential_status
    from tanpuhui.transparency.credential import get

    do = {
        "suspend": credential_status.suspend,
        "restore": credential_status.restore,
        "revoke": credential_status.revoke,
    }[verb]
    at = utc_now()
    with transaction.atomic():
        credential = get(number)
        step = do(credential, reason=reason, by=credential_status.OPERATOR, at=at)
        if step is not None:
            record(
                f"credential.{verb}",
                who=None,
                at=at,
                object_kind="credential",
                object_key=number,
                reason=step.reason,
                facts={"kind": credential.kind},
            )
        if verb == "restore":
            # A consent that was paused meanwhile suspends it again before anybody reads that it was valid.
            follow_consent(at=at)
            follow_annulments(at=at)
    credential_status.publish_lists(policy().origin, at=at)
    return _show(credential, None, as_json=as_json)


def _said(credential: Credential) -> dict[str, Any]:
    from tanpuhui.consent.policy import policy
    from tanpuhui.transparency.credential import state_of
    from tanpuhui.transparency.issuer import list_uri

    return {
        "credential": credential.pk,
        "kind": credential.kind,
        "subject": credential.subject,
        "status": state_of(credential),
        "status_list": list_uri(policy().origin, credential.status_list),
        "status_index": credential.status_index,
        "issued_at": credential.issued_at.isoformat(),
        "expires_at": credential.expires_at.isoformat() if credential.expires_at else None,
        "steps": [
            {"state": one.state, "reason": one.reason, "by": one.by, "at": one.at.isoformat()}
            for one in credential.steps.order_by("sequence")
        ],
    }


def _show(credential: Credential, out: Path | None, *, as_json: bool) -> int:
    from tanpuhui.copies.credential import credential_file

    if out is not None:
        _write(out, credential_file(credential).text())
    said = _said(credential)
    if as_json:
        print_json(said)
        return 0
    _print(said)
    if out is not None:
        console.print(f"Written to {out}.", highlight=False, markup=False)
    return 0


def _print(said: dict[str, Any]) -> None:
    console.print(
        f"Credential [bold]{said['credential']}[/]: {said['status']}, {said['kind']}, {said['subject']}",
        highlight=False,
        soft_wrap=True,
    )
    for one in said["steps"]:
        console.print(
            f"  {one['at']} {one['state']} by {one['by']}: {one['reason']}", highlight=False, markup=False
        )


def _key(path: Path) -> ECKey:
    from tanpuhui.transparency.credentials.key import read_key
    from tanpuhui.transparency.credentials.plain import read_json

    return read_key(read_json(_text(path)))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise CannotRead(path=path) from None


def _write(path: Path, text: str) -> None:
    from tanpuhui.kit.files import write_bytes

    write_bytes(path, text.encode())


def _write_secret(path: Path, text: str) -> None:
    """A file of mode 0600 that is not there yet."""
    import os

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        raise CannotWrite(path=path) from None
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)


class CannotWrite(Refusal):
    code = "credential.cannot_write"
    message = "{path} cannot be written, or is there already. Name a file that is not there yet."
