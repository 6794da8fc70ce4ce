"""Archive: the record of an account as one zip: for programs with its schema, and each consent with its receipt."""

from __future__ import annotations

import zipfile
from datetime import datetime
from io import BytesIO
from pathlib import Path

from tanpuhui.consent.artefact import public_key
from tanpuhui.consent.receipt import receipt
from tanpuhui.copies.portability import take_along, written
from tanpuhui.transparency.credential import whole

SCHEMA_FILE = Path(__file__).with_name("record.schema.json")
EXPLAINED = """碳普惠个人账户副本 / Copy of a personal carbon account

record.json            全部记录，结构见 record.schema.json / everything, as record.schema.json says
account-portability.sd-jwt.json
                       平台签名的凭证，含 record.json 的摘要，供另一平台接收
                       signed by the platform, with the digest of record.json, for another platform to take in
receipts/grant-N.json  每项授权的回执，附签名 / the receipt of each grant, signed
public-key.json        验证授权与回执所用的公钥 / the public key with which artefacts and receipts are checked

金额单位为毫克二氧化碳当量；时间为带时区的 ISO 8601。
Amounts are milligrams of CO2 equivalent; moments are ISO 8601 with their offset.
"""


def archive(account: int, *, at: datetime) -> bytes:
    """The zip of one account as of a moment, in the caller's transaction; about nobody else."""
    taken = take_along(account, at=at)
    kept = taken.values
    files: dict[str, str] = {
        "README.txt": EXPLAINED,
        "record.json": taken.record,
        "record.schema.json": SCHEMA_FILE.read_text(encoding="utf-8"),
        "account-portability.sd-jwt.json": whole(taken.credential).text(),
        "public-key.json": written(public_key()),
    }
    for grant in kept["grants"]:
        number = grant["number"]
        files[f"receipts/grant-{number}.json"] = written(receipt(number, at=at))
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in files.items():
            target.writestr(zipfile.ZipInfo(name, at.timetuple()[:6]), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()
