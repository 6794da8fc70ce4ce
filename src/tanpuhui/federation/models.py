"""Tables of federation: peers and their keys, what was sent and taken, evidence of what was refused, links of accounts.

Rows are only added. What changes (a peer that is stopped, a key or a link that ends) is a row that says so.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from tanpuhui.access.models import Organisation
from tanpuhui.money.models import KEPT


class Peer(models.Model):
    """Another installation that we speak with, under a contract. ``role`` is what it is to us."""

    DISTRICT, CITY = "district", "city"
    #: A city beside ours, whose tonnes we may recognise and which may recognise ours.
    NEIGHBOUR = "neighbour"
    ROLES: ClassVar = (DISTRICT, CITY, NEIGHBOUR)

    id = models.BigAutoField(primary_key=True)
    code = models.CharField(max_length=40, unique=True)
    role = models.CharField(max_length=10)
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80)
    url = models.TextField()
    #: Where the agreement between the two can be read.
    contract = models.TextField()
    #: Versions of the protocol that we speak with it, such as [1, 2].
    versions: Any = models.JSONField()
    #: The company that holds its whole tonnes in our registry.
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="federation_peer_role", condition=Q(role__in=["district", "city", "neighbour"])
            ),
            models.CheckConstraint(name="federation_peer_contract", condition=~Q(contract="")),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.role} {self.code}"

    @property
    def address(self) -> str:
        """Where it is now: it may have moved."""
        moved = self.states.exclude(url="").order_by("-id").first()
        return moved.url if moved else self.url


class PeerState(models.Model):
    """That a peer was enabled, stopped or moved, and why; the newest row counts."""

    id = models.BigAutoField(primary_key=True)
    peer = models.ForeignKey(Peer, models.PROTECT, related_name="states")
    enabled = models.BooleanField()
    #: Where it moved to; empty where it stayed.
    url = models.TextField(blank=True, default="")
    reason = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "federation_peer_state"
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.peer_id} {'enabled' if self.enabled else 'stopped'}"


class PeerKey(models.Model):
    """A public key (Ed25519) with which a peer signs; several may be in force, so that one can follow another."""

    id = models.BigAutoField(primary_key=True)
    #: Empty for a key of our own.
    peer = models.ForeignKey(Peer, models.PROTECT, null=True, related_name="keys")
    key_id = models.CharField(max_length=90, unique=True)
    public_key = models.BinaryField(max_length=32)
    valid_from = models.DateTimeField()

    class Meta:
        db_table = "federation_peer_key"
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return self.key_id


class KeyEnd(models.Model):
    """That a key is not trusted any more, from a moment on."""

    key = models.OneToOneField(PeerKey, models.PROTECT, primary_key=True, related_name="end")
    ended_at = models.DateTimeField()

    class Meta:
        db_table = "federation_key_end"
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"end of {self.key_id}"


class Draft(models.Model):
    """Something to say to a peer, once; it gets its number when it is sent, after both have compared their counts."""

    id = models.BigAutoField(primary_key=True)
    peer = models.ForeignKey(Peer, models.PROTECT, related_name="drafts")
    kind = models.CharField(max_length=30)
    subject = models.CharField(max_length=200)
    day = models.DateField()
    body: Any = models.JSONField()
    made_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["peer", "kind", "subject"], name="federation_draft_once"),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class Outgoing(models.Model):
    """A message to a peer, kept for good; ``id`` is the digest of ``content``, and sequences have no gap."""

    id = models.CharField(max_length=71, primary_key=True)
    peer = models.ForeignKey(Peer, models.PROTECT, related_name="outgoing")
    sequence = models.BigIntegerField()
    kind = models.CharField(max_length=30)
    #: What the message is about: said once to a peer.
    subject = models.CharField(max_length=200)
    day = models.DateField()
    content = models.BinaryField()
    made_at = models.DateTimeField()
    #: That the peer gave it back to us after we had lost it.
    recovered = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["peer", "sequence"], name="federation_outgoing_sequence"),
            models.UniqueConstraint(fields=["peer", "kind", "subject"], name="federation_outgoing_subject"),
            models.CheckConstraint(name="federation_outgoing_from_one", condition=Q(sequence__gte=1)),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.sequence} to {self.peer_id}: {self.kind}"


class Attempt(models.Model):
    """One try to send, and what came of it; a status of 0 is no answer."""

    id = models.BigAutoField(primary_key=True)
    message = models.ForeignKey(Outgoing, models.PROTECT, related_name="attempts")
    status = models.IntegerField()
    why_not = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.status} of {self.message_id}"


class Receipt(models.Model):
    """A peer's signed answer to a message: what it did with it, in its own words."""

    id = models.BigAutoField(primary_key=True)
    message = models.ForeignKey(Outgoing, models.PROTECT, related_name="receipts")
    #: ``done``, or ``refused`` with the code of the refusal.
    outcome = models.CharField(max_length=10)
    code = models.CharField(max_length=80, blank=True)
    content = models.BinaryField()
    #: The signature's fields, so that the answer can be shown to others.
    signed: Any = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="federation_receipt_outcome", condition=Q(outcome__in=["done", "refused"])
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.outcome} {self.message_id}"


class Incoming(models.Model):
    """A message that we took, with its signature and our answer: asked again, we answer the same."""

    id = models.CharField(max_length=71, primary_key=True)
    peer = models.ForeignKey(Peer, models.PROTECT, related_name="incoming")
    sequence = models.BigIntegerField()
    kind = models.CharField(max_length=30)
    subject = models.CharField(max_length=200)
    day = models.DateField()
    content = models.BinaryField()
    signed: Any = models.JSONField()
    outcome = models.CharField(max_length=10)
    code = models.CharField(max_length=80, blank=True)
    answer: Any = models.JSONField()
    taken_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["peer", "sequence"], name="federation_incoming_sequence"),
            models.CheckConstraint(
                name="federation_incoming_outcome", condition=Q(outcome__in=["done", "refused"])
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.sequence} of {self.peer_id}: {self.kind}"


class Evidence(models.Model):
    """What a peer signed and must not have: two messages under one number, or a chain that does not join."""

    id = models.BigAutoField(primary_key=True)
    peer = models.ForeignKey(Peer, models.PROTECT, related_name="evidence")
    code = models.CharField(max_length=80)
    sequence = models.BigIntegerField()
    message = models.CharField(max_length=71)
    content = models.BinaryField()
    signed: Any = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["peer", "code", "message"], name="federation_evidence_once"),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.code} {self.peer_id} {self.sequence}"


class Finding(models.Model):
    """What was noticed of a peer or of ourselves: a roll-back, a gap, a fork; and what was done."""

    PEER_ROLLED_BACK, WE_ROLLED_BACK, FORKED = "peer_rolled_back", "we_rolled_back", "forked"

    id = models.BigAutoField(primary_key=True)
    peer = models.ForeignKey(Peer, models.PROTECT, related_name="findings")
    what = models.CharField(max_length=20)
    facts: Any = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.what} {self.peer_id}"


class Redone(models.Model):
    """That the effect of a message which a peer gave back to us is in our books again."""

    message = models.OneToOneField(Outgoing, models.PROTECT, primary_key=True, related_name="redone")
    at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"redone {self.message_id}"


class Ask(models.Model):
    """That we asked a city for a lot: whose milligrams it would have are set aside in the ledger until it answers."""

    id = models.BigAutoField(primary_key=True)
    peer = models.ForeignKey(Peer, models.PROTECT, related_name="asks")
    subject = models.CharField(max_length=200, unique=True)
    methodology = models.TextField()
    vintage = models.IntegerField()
    through = models.DateField()
    tonnes = models.BigIntegerField()
    status = models.TextField()
    manifests: Any = models.JSONField()
    #: The ledger's hold with a line for each resident.
    hold = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="federation_ask_tonnes", condition=Q(tonnes__gte=1))
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"ask for {self.tonnes} t of {self.methodology}"


class Recognition(models.Model):
    """Tonnes of a neighbour that we recognised by a dated rule, once, and the lot they became here."""

    id = models.BigAutoField(primary_key=True)
    peer = models.ForeignKey(Peer, models.PROTECT, related_name="recognitions")
    message = models.CharField(max_length=71, unique=True)
    #: At home: the lot and its serial numbers.
    lot = models.TextField()
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    year = models.IntegerField()
    #: Here: the lot, and its tonnes after conversion.
    here = models.TextField(unique=True)
    tonnes = models.BigIntegerField()
    rule: Any = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="federation_recognition_range", condition=Q(last__gte=models.F("first"), tonnes__gte=1)
            ),
        ]
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"{self.lot} {self.first}-{self.last} is {self.here}"


class LinkRequest(models.Model):
    """A city's resident who wants to link a district's account: what we keep of it until they come back."""

    id = models.BigAutoField(primary_key=True)
    peer = models.ForeignKey(Peer, models.PROTECT, related_name="+")
    account = models.BigIntegerField()
    #: The digest of the state, which only their browser has; and the verifier of PKCE.
    state_digest = models.CharField(max_length=71, unique=True)
    verifier = models.CharField(max_length=128)
    at = models.DateTimeField()

    class Meta:
        db_table = 'vault"."federation_link_request'
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"link request {self.pk}"


class LinkCode(models.Model):
    """A code that a district gave for a resident's consent; good once, for minutes, with its challenge and address."""

    id = models.BigAutoField(primary_key=True)
    peer = models.ForeignKey(Peer, models.PROTECT, related_name="+")
    account = models.BigIntegerField()
    code_digest = models.CharField(max_length=71, unique=True)
    challenge = models.CharField(max_length=43)
    redirect_uri = models.TextField()
    #: The words that the resident agreed with.
    notice: Any = models.JSONField()
    expires_at = models.DateTimeField()
    at = models.DateTimeField()

    class Meta:
        db_table = 'vault"."federation_link_code'
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"link code {self.pk}"


class CodeUse(models.Model):
    """That a code was presented: the first time counts, and a second one ends what the first one made."""

    code = models.OneToOneField(LinkCode, models.PROTECT, primary_key=True, related_name="use")
    at = models.DateTimeField()

    class Meta:
        db_table = 'vault"."federation_code_use'
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"use of {self.code_id}"


class Link(models.Model):
    """That an account here belongs to somebody there, under a pseudonym which only these two platforms have."""

    id = models.BigAutoField(primary_key=True)
    peer = models.ForeignKey(Peer, models.PROTECT, related_name="links")
    account = models.BigIntegerField(db_index=True)
    pseudonym = models.CharField(max_length=43, unique=True)
    at = models.DateTimeField()

    class Meta:
        db_table = 'vault"."federation_link'
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"link {self.pk} with {self.peer_id}"


class LinkEnd(models.Model):
    """That a link was revoked, here or there."""

    link = models.OneToOneField(Link, models.PROTECT, primary_key=True, related_name="end")
    by_peer = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        db_table = 'vault"."federation_link_end'
        triggers: ClassVar = KEPT

    def __str__(self) -> str:
        return f"end of link {self.link_id}"
