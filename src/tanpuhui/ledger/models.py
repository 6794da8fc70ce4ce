"""Django's view of the ledger's tables, for reading. The tables, their rules and their rows are SQL's affair."""

from __future__ import annotations

from django.db import models


class Asset(models.Model):
    code = models.TextField(unique=True)
    unit = models.TextField()

    class Meta:
        managed = False
        db_table = "ledger_asset"


class Batch(models.Model):
    key = models.TextField(unique=True)
    content_digest = models.TextField()
    manifest = models.TextField(null=True)
    reason = models.TextField()
    effective_on = models.DateField()
    posted_at = models.DateTimeField()
    legs = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "ledger_batch"


class Transaction(models.Model):
    key = models.TextField(unique=True)
    content_digest = models.TextField()
    reason = models.TextField()
    state = models.TextField()
    refusal = models.JSONField(null=True)
    effective_on = models.DateField()
    posted_at = models.DateTimeField()
    posted_on = models.DateField()
    reverses = models.OneToOneField("self", models.DO_NOTHING, null=True, db_column="reverses")
    batch = models.ForeignKey(Batch, models.DO_NOTHING, null=True)
    manifest = models.TextField(null=True)

    class Meta:
        managed = False
        db_table = "ledger_transaction"


class Balance(models.Model):
    pk = models.CompositePrimaryKey("account_id", "asset")
    account_id = models.BigIntegerField()
    asset = models.ForeignKey(Asset, models.DO_NOTHING)
    available = models.BigIntegerField()
    held = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "ledger_balance"


class Hold(models.Model):
    key = models.TextField(unique=True)
    reason = models.TextField()
    state = models.TextField()
    refusal = models.JSONField(null=True)
    opened_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    capture_tx = models.OneToOneField(Transaction, models.DO_NOTHING, null=True, db_column="capture_tx")

    class Meta:
        managed = False
        db_table = "ledger_hold"


class DetachedMonth(models.Model):
    month = models.DateField(unique=True)
    legs = models.BigIntegerField()
    amount_mg = models.BigIntegerField()
    bytes = models.BigIntegerField()
    digest = models.TextField()
    detached_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "ledger_detached_month"
