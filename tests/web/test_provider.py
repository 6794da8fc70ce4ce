"""A provider's pages: a file is sent or tried, its bad rows are corrected, and nobody sees another one's."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tanpuhui.access.membership import join
from tanpuhui.access.models import AuditEntry, Membership, User
from tanpuhui.access.organise import get_organisation
from tanpuhui.evidence import receipt
from tanpuhui.evidence.models import Batch, QuarantinedRow
from tanpuhui.evidence.provider_key import keys_of
from tanpuhui.evidence.quarantine import FILE, content
from tanpuhui.kit.home import inbox
from web.provider_site import AT, HOME, contract_of, csv_of, row
from web.site import client_of, make_site, other_code, own_code

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
EN, ZH = {"HTTP_ACCEPT_LANGUAGE": "en"}, {"HTTP_ACCEPT_LANGUAGE": "zh-CN"}
GOOD = csv_of(row("1"), row("2", hour=12))
BAD = csv_of(row("1"), row("2", distance_m="far", hour=12))


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False


@pytest.fixture()
def client_() -> Client:
    people = make_site()
    for code in (own_code("provider"), other_code("provider")):
        contract_of(code)
    return client_of(people["provider"])


def post(
    client: Client, content: bytes, *, name: str = "monday.csv", check: bool = False, key: str = ""
) -> Any:
    button = {"check": ""} if check else {"send": ""}
    return client.post(
        f"{HOME}/send/", {"file": SimpleUploadedFile(name, content), "key": key, **button}, **EN
    )


def kept_files() -> list[Path]:
    """What lies in the inbox, where uploads are while they are looked at."""
    return [path for path in inbox().rglob("*") if path.is_file()]


def test_a_file_is_sent_and_its_signed_receipt_is_there(client_: Client) -> None:
    answer = post(client_, GOOD)
    page = client_.get(answer.headers["Location"], **EN).content.decode()
    body = json.loads(client_.get(f"{answer.headers['Location']}receipt.json").content)

    batch = Batch.objects.get()
    assert (batch.provider, batch.rows, batch.accepted) == ("own-provider", 2, 2)
    assert answer.headers["Location"] == f"{HOME}/batches/{batch.pk}/"
    assert batch.digest in page
    assert receipt.verify(body["receipt"])["accepted"] == 2
    assert kept_files() == []


def test_the_same_file_again_is_the_same_batch_and_counts_once(client_: Client) -> None:
    first, again = post(client_, GOOD), post(client_, GOOD, name="other.csv")

    assert first.headers["Location"] == again.headers["Location"]
    assert "sent before" in client_.get(again.headers["Location"], **EN).content.decode()
    assert Batch.objects.count() == 1
    used = post(client_, BAD, key="monday"), post(client_, GOOD, key="monday")
    assert [answer.status_code for answer in used] == [302, 409]
    assert 'value="monday"' in used[1].content.decode()


def test_a_file_is_checked_without_being_sent(client_: Client) -> None:
    answer = post(client_, BAD, check=True)
    page = answer.content.decode()

    assert answer.status_code == 200
    assert "nothing was kept" in page
    assert "not a plain whole number or decimal" in page
    assert not Batch.objects.exists()
    assert not QuarantinedRow.objects.exists()
    assert kept_files() == []


def test_a_bad_row_is_corrected_column_by_column_and_sent_again(client_: Client) -> None:
    post(client_, BAD)
    refused = QuarantinedRow.objects.get()
    address = f"{HOME}/quarantine/{refused.pk}/"
    page = client_.get(address, **EN).content.decode()
    fields = {field.html_name: field.value() for field in client_.get(address).context["form"]}
    wrong = next(name for name, value in fields.items() if value == "far")

    answer = client_.post(address, {**fields, wrong: "5000"})

    assert 'value="far"' in page
    assert "This was refused." in page
    assert wrong == "column_0"
    assert Batch.objects.latest("id").accepted == 1
    assert answer.headers["Location"] == f"{HOME}/batches/{Batch.objects.latest('id').pk}/"
    assert "sent again in batch" in client_.get(address, **EN).content.decode()
    assert client_.post(address, {**fields, wrong: "6000"}).status_code == 422
    assert "No row waits to be corrected." in client_.get(f"{HOME}/quarantine/", **EN).content.decode()


def test_a_row_that_is_still_wrong_is_refused_once_more_in_a_batch_of_its_own(client_: Client) -> None:
    post(client_, BAD)
    address = f"{HOME}/quarantine/{QuarantinedRow.objects.get().pk}/"
    fields = {field.html_name: field.value() for field in client_.get(address).context["form"]}

    answer = client_.post(address, {**fields, "column_0": "-5"}, **EN)

    assert "refused once more" in client_.get(answer.headers["Location"], **EN).content.decode()
    assert QuarantinedRow.objects.count() == 2


@pytest.mark.parametrize(
    ("sent", "english", "chinese"),
    [
        (b"", "empty", "空"),
        (b"source_id,person\n\xff\xfe", "not UTF-8", "不是 UTF-8"),
        (b"source_id\n1\0\n", "not UTF-8", "不是 UTF-8"),
        (b"a,b\n1,2\n", "columns", "列"),
        (b"PAR1 no", "not a whole Parquet file", "不是完整的 Parquet"),
    ],
)
def test_a_file_that_is_none_is_refused_in_the_readers_language_and_nothing_is_kept(
    client_: Client, sent: bytes, english: str, chinese: str
) -> None:
    for language, said in ((EN, english), (ZH, chinese)):
        file = SimpleUploadedFile("x.csv", sent)
        answer = client_.post(f"{HOME}/send/", {"file": file, "key": "kept", "send": ""}, **language)
        text = answer.content.decode()

        assert answer.status_code == 422
        assert said in text
        assert 'value="kept"' in text
    assert not Batch.objects.exists()
    assert kept_files() == []


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd.csv", "/etc/cron.d/x.csv", "..\\..\\x.csv", "a\0b.csv", "x" * 300 + ".csv", ".csv"],
)
def test_a_files_name_is_never_a_path_here(client_: Client, name: str, tmp_path: Path) -> None:
    before = {path for path in Path(os.environ["TANPUHUI_HOME"]).rglob("*") if path.name.endswith("passwd")}
    body = (
        b'--x\r\nContent-Disposition: form-data; name="send"\r\n\r\n\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="' + name.encode() + b'"\r\n\r\n'
        + BAD + b"\r\n--x--\r\n"
    )  # fmt: skip

    answer = client_.post(f"{HOME}/send/", body, content_type="multipart/form-data; boundary=x", **EN)

    assert answer.status_code in (302, 400, 422)
    for refused in QuarantinedRow.objects.all():
        assert not set(content(refused)[FILE] or "") & set("/\\\0")
    assert {
        path for path in Path(os.environ["TANPUHUI_HOME"]).rglob("*") if path.name.endswith("passwd")
    } == before


def test_a_file_above_the_limit_is_stopped_on_its_way_and_the_page_says_so(
    client_: Client, settings: Any
) -> None:
    settings.PAGE_UPLOAD_MAX_SIZE = 100_000

    answer = post(client_, b"x" * 150_000, key="kept")
    far = post(client_, b"x" * 2_000_000)

    assert (answer.status_code, far.status_code) == (413, 413)
    assert "larger than 0 MB" in answer.content.decode()
    assert not Batch.objects.exists()
    assert kept_files() == []


def test_batches_rows_keys_and_receipts_of_another_provider_are_not_there(client_: Client) -> None:
    stranger = User.objects.create_user("stranger@example.org")
    join(stranger, get_organisation(other_code("provider")), Membership.ADMIN, at=AT)
    other = client_of(stranger)
    post(client_, BAD)
    batch, refused = Batch.objects.get(), QuarantinedRow.objects.get()
    theirs = f"/provider/{other_code('provider')}"

    for address in (
        f"{theirs}/batches/{batch.pk}/",
        f"{theirs}/batches/{batch.pk}/receipt.json",
        f"{theirs}/quarantine/{refused.pk}/",
        f"{HOME}/batches/{batch.pk}/",
    ):
        assert other.get(address).status_code == 404
    assert other.post(f"{theirs}/quarantine/{refused.pk}/", {"column_0": "1"}).status_code == 404
    assert "No row waits" in other.get(f"{theirs}/quarantine/", **EN).content.decode()
    assert not hasattr(QuarantinedRow.objects.get(), "resolution")


def test_an_auditor_looks_and_sends_nothing(client_: Client) -> None:
    post(client_, BAD)
    user = User.objects.create_user("auditor@example.org")
    join(user, get_organisation("own-provider"), Membership.AUDITOR, at=AT)
    auditor = client_of(user)

    assert auditor.get(f"{HOME}/batches/{Batch.objects.get().pk}/").status_code == 200
    assert post(auditor, GOOD).status_code == 403
    assert auditor.post(f"{HOME}/keys/", {"public_key": public_key()}).status_code == 403
    assert auditor.get(f"{HOME}/quarantine/{QuarantinedRow.objects.get().pk}/").status_code == 403
    assert Batch.objects.count() == 1


def test_an_act_is_taken_back_and_what_is_no_act_of_the_contract_is_refused(client_: Client) -> None:
    post(client_, GOOD)
    page = client_.get(f"{HOME}/retract/", **EN).content.decode()
    act = {
        "source_id": "1", "person": "a", "kind": "metro_trip", "started_at": "2026-03-02T08:00:00+08:00",
        "ended_at": "2026-03-02T08:30:00+08:00", "revision": "1",
    }  # fmt: skip

    answer = client_.post(f"{HOME}/retract/", act)
    again = client_.post(f"{HOME}/retract/", act)

    assert "Say of an act that it never was" in page
    assert answer.headers["Location"] == again.headers["Location"]
    assert Batch.objects.latest("id").accepted == 1
    assert client_.post(f"{HOME}/retract/", {**act, "kind": "top_up"}).status_code == 422
    assert client_.post(f"{HOME}/retract/", {**act, "revision": "0"}).status_code == 422


def public_key() -> str:
    made = Ed25519PrivateKey.generate().public_key()
    return base64.b64encode(made.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def test_keys_are_registered_and_revoked_with_a_record_and_the_last_one_stays(client_: Client) -> None:
    for _ in range(2):
        assert client_.post(f"{HOME}/keys/", {"public_key": public_key()}).status_code == 302
    first, second = (key.key_id.rpartition(":")[2] for key in keys_of("own-provider"))

    revoked = client_.post(f"{HOME}/keys/{first}/revoke/", {"reason": "lost"})
    last = client_.post(f"{HOME}/keys/{second}/revoke/", {"reason": "lost"}, **EN)

    assert revoked.status_code == 302
    assert last.status_code == 422
    assert "only key" in last.content.decode()
    assert [key.revoked_at is not None for key in keys_of("own-provider")] == [True, False]
    assert list(AuditEntry.objects.order_by("id").values_list("verb", "reason")) == [
        ("add_provider_key", ""),
        ("add_provider_key", ""),
        ("revoke_provider_key", "lost"),
    ]
    wrong = client_.post(f"{HOME}/keys/", {"public_key": "no key"}, **EN)
    assert (wrong.status_code, "no key" in wrong.content.decode()) == (422, True)


def test_the_first_page_says_what_there_is_and_is_read_with_the_servers_rights(
    client_: Client, as_the_application: None
) -> None:
    assert "No file was sent yet." in client_.get(f"{HOME}/", **EN).content.decode()
    post(client_, BAD)

    page = client_.get(f"{HOME}/", **EN).content.decode()

    assert "1 accepted, 0 said before, 1 refused" in page
    assert "1 row to correct" in page
