"""Tables of the market."""

import django.db.models.deletion
import django.db.models.expressions
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("access", "0005_session"),
        ("money", "0002_rules"),
        ("registry", "0006_certified"),
    ]

    operations = [
        migrations.CreateModel(
            name="Auction",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("tonnes", models.BigIntegerField()),
                ("price_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("rule", models.TextField()),
                ("expires_at", models.DateTimeField()),
                ("at", models.DateTimeField()),
                (
                    "lot",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to="registry.lot",
                    ),
                ),
                (
                    "seller",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to="access.organisation",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Bid",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("price_minor", models.BigIntegerField()),
                ("tonnes", models.BigIntegerField()),
                ("hold_id", models.BigIntegerField(unique=True)),
                ("at", models.DateTimeField()),
                (
                    "auction",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="bids", to="market.auction"
                    ),
                ),
                (
                    "buyer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bids",
                        to="access.organisation",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Listing",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("tonnes", models.BigIntegerField()),
                ("price_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("rule", models.TextField()),
                ("expires_at", models.DateTimeField()),
                ("at", models.DateTimeField()),
                (
                    "lot",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to="registry.lot",
                    ),
                ),
                (
                    "seller",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to="access.organisation",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Proposal",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("tonnes", models.BigIntegerField()),
                ("price_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("rule", models.TextField()),
                ("expires_at", models.DateTimeField()),
                ("at", models.DateTimeField()),
                (
                    "buyer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals_for",
                        to="access.organisation",
                    ),
                ),
                (
                    "lot",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to="registry.lot",
                    ),
                ),
                (
                    "seller",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to="access.organisation",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Trade",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("way", models.CharField(max_length=10)),
                ("product", models.TextField()),
                ("tonnes", models.BigIntegerField()),
                ("price_minor", models.BigIntegerField()),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("pay_by", models.DateTimeField(null=True)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="UnitLock",
            fields=[
                ("hold_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("tonnes", models.BigIntegerField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "market_unit_lock",
            },
        ),
        migrations.CreateModel(
            name="AuctionEnding",
            fields=[
                ("outcome", models.CharField(max_length=10)),
                ("reason", models.TextField()),
                ("at", models.DateTimeField()),
                (
                    "auction",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="ending",
                        serialize=False,
                        to="market.auction",
                    ),
                ),
                ("price_minor", models.BigIntegerField(null=True)),
                ("sold_t", models.BigIntegerField()),
                ("above_t", models.BigIntegerField()),
                ("at_price_t", models.BigIntegerField()),
            ],
            options={
                "db_table": "market_auction_ending",
            },
        ),
        migrations.CreateModel(
            name="BidEnding",
            fields=[
                (
                    "bid",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="ending",
                        serialize=False,
                        to="market.bid",
                    ),
                ),
                ("tonnes", models.BigIntegerField()),
                ("why", models.JSONField()),
            ],
            options={
                "db_table": "market_bid_ending",
            },
        ),
        migrations.CreateModel(
            name="ListingEnding",
            fields=[
                ("outcome", models.CharField(max_length=10)),
                ("reason", models.TextField()),
                ("at", models.DateTimeField()),
                (
                    "listing",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="ending",
                        serialize=False,
                        to="market.listing",
                    ),
                ),
            ],
            options={
                "db_table": "market_listing_ending",
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("state", models.CharField(max_length=10)),
                ("group", models.CharField(max_length=60)),
                ("reason", models.TextField()),
                ("at", models.DateTimeField()),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="market_memberships",
                        to="access.organisation",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ProposalEnding",
            fields=[
                ("outcome", models.CharField(max_length=10)),
                ("reason", models.TextField()),
                ("at", models.DateTimeField()),
                (
                    "proposal",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="ending",
                        serialize=False,
                        to="market.proposal",
                    ),
                ),
            ],
            options={
                "db_table": "market_proposal_ending",
            },
        ),
        migrations.CreateModel(
            name="StoredAnswer",
            fields=[
                ("key", models.TextField(primary_key=True, serialize=False)),
                ("verb", models.TextField()),
                ("content_digest", models.TextField()),
                ("result", models.JSONField(null=True)),
                ("refusal", models.JSONField(null=True)),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "market_answer",
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("refusal__isnull", False), ("result__isnull", True)),
                            models.Q(("refusal__isnull", True), ("result__isnull", False)),
                            _connector="OR",
                        ),
                        name="market_answer_is_one_of_two",
                    )
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="storedanswer",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="b215bbe0f5702a194e7cd0c7d4d4240a808684e1",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_ff24f",
                    table="market_answer",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="storedanswer",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="fd21c36bea946c15465a0fa7f3cb0fab692b07c2",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_ea30f",
                    table="market_answer",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.CreateModel(
            name="TradeEnding",
            fields=[
                (
                    "trade",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="ending",
                        serialize=False,
                        to="market.trade",
                    ),
                ),
                ("outcome", models.CharField(max_length=10)),
                ("day", models.DateField(db_index=True)),
                ("units_tx", models.BigIntegerField(null=True)),
                ("money_tx", models.BigIntegerField(null=True)),
                ("ranges", models.JSONField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "market_trade_ending",
            },
        ),
        migrations.AddField(
            model_name="trade",
            name="auction",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="trades",
                to="market.auction",
            ),
        ),
        migrations.AddField(
            model_name="trade",
            name="bid",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="trade", to="market.bid"
            ),
        ),
        migrations.AddField(
            model_name="trade",
            name="buyer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="purchases",
                to="access.organisation",
            ),
        ),
        migrations.AddField(
            model_name="trade",
            name="listing",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="trades",
                to="market.listing",
            ),
        ),
        migrations.AddField(
            model_name="trade",
            name="lot",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="trades", to="registry.lot"
            ),
        ),
        migrations.AddField(
            model_name="trade",
            name="proposal",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="trade",
                to="market.proposal",
            ),
        ),
        migrations.AddField(
            model_name="trade",
            name="seller",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="sales", to="access.organisation"
            ),
        ),
        migrations.AddField(
            model_name="unitlock",
            name="auction",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="locks",
                to="market.auction",
            ),
        ),
        migrations.AddField(
            model_name="unitlock",
            name="listing",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="locks",
                to="market.listing",
            ),
        ),
        migrations.AddField(
            model_name="unitlock",
            name="lot",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="unit_locks", to="registry.lot"
            ),
        ),
        migrations.AddField(
            model_name="unitlock",
            name="proposal",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="locks",
                to="market.proposal",
            ),
        ),
        migrations.AddField(
            model_name="unitlock",
            name="seller",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="unit_locks",
                to="access.organisation",
            ),
        ),
        migrations.AddField(
            model_name="unitlock",
            name="trade",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="lock", to="market.trade"
            ),
        ),
        migrations.AddConstraint(
            model_name="auctionending",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("outcome", "cleared"), ("price_minor__isnull", False)),
                    models.Q(
                        models.Q(("outcome", "cleared"), _negated=True),
                        ("price_minor__isnull", True),
                        ("sold_t", 0),
                    ),
                    _connector="OR",
                ),
                name="market_auction_cleared_has_a_price",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auctionending",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="3e31cc66f9a12a76bb7f1fbe3b8e0e174c861a6a",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_bce9d",
                    table="market_auction_ending",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auctionending",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="24f0842110e6d07d155d07404149dac4e4ffa28f",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_e9c95",
                    table="market_auction_ending",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="auction",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("expires_at__gt", models.F("at")), ("price_minor__gte", 1), ("tonnes__gte", 1)
                ),
                name="market_auction_sound",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auction",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="646d32d895cad2631ab7b4141b6facd067e12741",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_f76d6",
                    table="market_auction",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auction",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="f33dec1f2a6523ca669e9aa7fb31164110c2950b",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_d6956",
                    table="market_auction",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="bidending",
            constraint=models.CheckConstraint(
                condition=models.Q(("tonnes__gte", 0)), name="market_bid_ending_sound"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="bidending",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="af281526275971195dc7c2befc4a48e22f53f3eb",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_d134f",
                    table="market_bid_ending",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="bidending",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="fbe578472d19ba9c47a170d994d7c75211403937",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_da308",
                    table="market_bid_ending",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="bid",
            constraint=models.CheckConstraint(
                condition=models.Q(("price_minor__gte", 1), ("tonnes__gte", 1)), name="market_bid_sound"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="bid",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="43e63ec0c4512cdf71cc0d7ed1e1e106a0a0dbe1",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_b3740",
                    table="market_bid",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="bid",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="2e44d7bbd286db1ab5e8f40aabe690f53319e131",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_78f3b",
                    table="market_bid",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="listingending",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="f594db6e6bd2d31b081081447bc9e2146154bcd5",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_62aa1",
                    table="market_listing_ending",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="listingending",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="d8e781e8046d79426bfb5f4358907af6e93949e3",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_1ab10",
                    table="market_listing_ending",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="listing",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("expires_at__gt", models.F("at")), ("price_minor__gte", 1), ("tonnes__gte", 1)
                ),
                name="market_listing_sound",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="listing",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="6ab6c71a4b760fcce3224d766955ceaeb0a83003",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_33096",
                    table="market_listing",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="listing",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="5256a8e2af418dace82989f29d1a5679651e0a8f",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_d0be3",
                    table="market_listing",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["admitted", "suspended"])), name="market_membership_state"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="membership",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="03cf35537f749c5da30989f5b13e22852be25fbe",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_fe865",
                    table="market_membership",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="membership",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="149c3b17aff28658945fc55dd2430d0b9ba497b7",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_d2275",
                    table="market_membership",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="proposalending",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="351bd8e52982c262a60f1aab5219938fff11f667",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_1f695",
                    table="market_proposal_ending",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="proposalending",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="6fea1bd0709a67313bc7c36095f8270e55da69a8",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_e239a",
                    table="market_proposal_ending",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("expires_at__gt", models.F("at")), ("price_minor__gte", 1), ("tonnes__gte", 1)
                ),
                name="market_proposal_sound",
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(("buyer", models.F("seller")), _negated=True),
                name="market_proposal_two_sides",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="proposal",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="631ebfad06548ed8f35a194cd2c7ae7092f6ffd7",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_edfa5",
                    table="market_proposal",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="proposal",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="a32dd1ae2573f05d2e2c7c4d2b1d1510f9bd661c",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_dfed6",
                    table="market_proposal",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="tradeending",
            name="line",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="trade_ending",
                to="money.bankline",
            ),
        ),
        migrations.AddConstraint(
            model_name="trade",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "amount_minor",
                        django.db.models.expressions.CombinedExpression(
                            models.F("price_minor"), "*", models.F("tonnes")
                        ),
                    ),
                    ("price_minor__gte", 1),
                    ("tonnes__gte", 1),
                    models.Q(("buyer", models.F("seller")), _negated=True),
                ),
                name="market_trade_sound",
            ),
        ),
        migrations.AddConstraint(
            model_name="trade",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("auction__isnull", True),
                        ("listing__isnull", False),
                        ("proposal__isnull", True),
                        ("way", "listing"),
                    ),
                    models.Q(
                        ("auction__isnull", True),
                        ("listing__isnull", True),
                        ("proposal__isnull", False),
                        ("way", "negotiated"),
                    ),
                    models.Q(
                        ("auction__isnull", False),
                        ("bid__isnull", False),
                        ("listing__isnull", True),
                        ("proposal__isnull", True),
                        ("way", "auction"),
                    ),
                    _connector="OR",
                ),
                name="market_trade_way",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="trade",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="092d5be672f759884ad2f063984980eddcc50f2b",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_ca8e6",
                    table="market_trade",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="trade",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="f42a79e936323e9562cf042ebac0e76adda6ac02",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_9df97",
                    table="market_trade",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="unitlock",
            constraint=models.CheckConstraint(
                condition=models.Q(("tonnes__gte", 1)), name="market_unit_lock_tonnes"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="unitlock",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="f39dd2f3ce889310c0b178f0b0bdda3bbf6a0934",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_c836b",
                    table="market_unit_lock",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="unitlock",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="a716daeb7c3141a5801cec639a0f7c40eea81f1b",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_feddc",
                    table="market_unit_lock",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="tradeending",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("money_tx__isnull", False), ("outcome", "settled"), ("units_tx__isnull", False)
                    ),
                    models.Q(
                        ("money_tx__isnull", True),
                        ("outcome__in", ["expired", "lost"]),
                        ("units_tx__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="market_trade_settled_moved_both",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="tradeending",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="9cd5cb23edaae5c4dd213ff68ab6526452926bd9",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_55402",
                    table="market_trade_ending",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="tradeending",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
                    hash="75c84a62b6ad6d23d7e4fe009e31816fbe500311",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_f1833",
                    table="market_trade_ending",
                    when="BEFORE",
                ),
            ),
        ),
    ]
