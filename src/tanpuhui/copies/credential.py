"""Credential as a file: with everything to show and, for a certificate, the log's proof of its serial numbers."""

from __future__ import annotations

from tanpuhui.notary.documents import receipts_of_certificate
from tanpuhui.notary.installation import log
from tanpuhui.offsetting.certificate import signed
from tanpuhui.offsetting.models import Certificate
from tanpuhui.transparency import credential as credentials
from tanpuhui.transparency.credentials.form import SdJwt
from tanpuhui.transparency.models import Credential

MEDIA_TYPE = "application/sd-jwt+json"


def certificate_credential(certificate: Certificate) -> SdJwt:
    """A certificate's credential with its receipts; without any until the log has all of them, a few seconds."""
    return signed(certificate).with_receipts(*receipts_of_certificate(log(), certificate))


def credential_file(credential: Credential) -> SdJwt:
    """Any credential of this installation, as its holder takes it along."""
    kind, _, number = credential.subject.partition(":")
    whole = credentials.whole(credential)
    if kind != "certificate":
        return whole
    return whole.with_receipts(*receipts_of_certificate(log(), Certificate.objects.get(pk=number)))
