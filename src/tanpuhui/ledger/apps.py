"""The Django app of this stage."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "tanpuhui.ledger"
    #: Tables whose rows the application role may change; every other table is append-only for it.
    mutable_tables: tuple[str, ...] = ()
    #: Tables that the application role may only read; functions of the database write them. Postings are not
    #: among them: the role inserts them itself, and the triggers of ``sql/apply.sql`` judge what it inserts.
    guarded_tables: tuple[str, ...] = (
        "ledger_account_kind",
        "ledger_asset",
        "ledger_batch",
        "ledger_transaction",
        "ledger_applied",
        "ledger_counter_total",
        "ledger_balance",
        "ledger_hold",
        "ledger_hold_line",
        "ledger_single_hold",
        "ledger_single_hold_end",
        "ledger_detached_month",
    )
