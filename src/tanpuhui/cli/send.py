"""``tanpuhui send``: what a provider runs: make a key, send files, see what became of them. No database is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from tanpuhui.cli.output import console, print_json

app = App(name="send", help="Send a provider's file to a platform, signed; make the key with 'send keygen'.")
AsJson = Annotated[bool, Parameter(name="--json", negative=())]
Flag = Annotated[bool, Parameter(negative=())]


@app.default
def send(
    file: Path,
    /,
    *,
    url: str,
    provider: str,
    key_file: Path,
    idempotency_key: str | None = None,
    wait: Flag = False,
    follow: Flag = False,
    sandbox: Flag = False,
    language: str = "en",
    as_json: AsJson = False,
) -> int:
    """Send a file: CSV, NDJSON or Parquet. It may be repeated: the same file counts once.

    The answer is a signed inbox receipt: the batch is durable and is taken soon. The exit status is 2 when the platform
    refuses the batch.

    Example: tanpuhui send monday.csv --url https://carbon.example --provider blue-bikes --key-file blue-bikes.pem

    Parameters
    ----------
    file
        The file; its ending says what it is.
    url
        The platform's address.
    provider
        The provider's code, as in its contract.
    key_file
        The private key, as 'send keygen' made it.
    idempotency_key
        The batch's own key; the file's digest where none is given.
    wait
        Ask for the full receipt at once.
    follow
        Wait until the batch was taken, and show its full receipt.
    sandbox
        Only check it: every row is answered and nothing is kept.
    language
        en or zh: the language of refusals.
    as_json
        Print the answer as JSON.
    """
    from tanpuhui.client import Client, read_key

    with Client(url, read_key(provider, key_file), language=language) as client:
        answer = client.send(file, idempotency_key=idempotency_key, wait=wait, sandbox=sandbox)
        if follow and answer["state"] == "waiting":
            answer = client.follow(answer["batch"])
    if as_json:
        print_json(answer)
    else:
        _show(answer)
    return 2 if answer["state"] == "refused" else 0


@app.command
def keygen(key_file: Path, /, *, provider: str, as_json: AsJson = False) -> int:
    """Make an Ed25519 key pair: the private key into a new file of mode 0600, the public one is shown.

    The operator registers the public key: tanpuhui evidence key add PROVIDER PUBLIC_KEY

    Example: tanpuhui send keygen blue-bikes.pem --provider blue-bikes

    Parameters
    ----------
    key_file
        Where the private key goes; a file that is there is never overwritten.
    provider
        The provider's code, as in its contract.
    as_json
        Print the public key as JSON.
    """
    from tanpuhui.client.key import generate_key, write_key

    key = generate_key(provider)
    write_key(key, key_file)
    if as_json:
        print_json({"key_id": key.key_id, "public_key": key.public_key})
    else:
        console.print(f"key id      {key.key_id}", highlight=False)
        console.print(f"public key  {key.public_key}", highlight=False)
    return 0


def _show(answer: dict[str, Any]) -> None:
    names = (
        "state",
        "batch",
        "provider",
        "key",
        "rows",
        "accepted",
        "duplicate",
        "refused",
        "reasons",
        "received_at",
    )
    for name in names:
        if answer.get(name) not in (None, {}):
            console.print(f"{name:12}{answer[name]}", highlight=False, markup=False)
    for row in answer.get("refusals", []):
        console.print(f"row {row['row']}: {row['field']} {row['detail']}", highlight=False, markup=False)
    if answer.get("refusal"):
        console.print(answer["refusal"]["detail"], highlight=False, markup=False)
