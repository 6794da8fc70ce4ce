"""Tables of disclosure: reference codes that residents hand over, and statements as they were shown. Append-only."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q

from tanpuhui.sealing.field import SealedJson

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
_NO_TRUNCATE = pgtrigger.Trigger(
    name="no_truncate",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
)


class ReferenceCode(models.Model):
    """A code that leads a grant's recipient to it until it expires. Only its keyed digest is kept."""

    id = models.BigAutoField(primary_key=True)
    grant = models.ForeignKey("consent.Grant", models.PROTECT, related_name="reference_codes")
    digest = models.BinaryField(max_length=32, unique=True)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "disclosure_reference_code"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="disclosure_code_ends_after_it_begins", condition=Q(expires_at__gt=F("made_at"))
            ),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"reference code of grant {self.grant_id}"


class Statement(models.Model):
    """A statement as it was shown to a grant's recipient, signed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    grant = models.ForeignKey("consent.Grant", models.PROTECT, related_name="statements")
    #: The organisation that looked; the grant's recipient.
    recipient = models.TextField()
    content: Any = SealedJson(whose=lambda one: one.grant.resident_id)
    #: What statements had before credentials: a detached JWS over the content's canonical JSON. None is made any more.
    jws = models.TextField(null=True)
    made_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["recipient", "-made_at"], name="disclosure_statement_latest"),
            models.Index(fields=["grant", "-made_at"], name="disclosure_statement_of_grant"),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"statement {self.pk}"


class StatementCredential(models.Model):
    """A credential that says what a consent lets be said: its status follows that consent."""

    credential = models.OneToOneField(
        "transparency.Credential", models.PROTECT, primary_key=True, related_name="statement"
    )
    grant = models.ForeignKey("consent.Grant", models.PROTECT, related_name="statement_credentials")

    class Meta:
        db_table = "disclosure_statement_credential"
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"credential {self.credential_id} under grant {self.grant_id}"
