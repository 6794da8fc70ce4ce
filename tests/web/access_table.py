"""Who may GET which address: one line for each route. A route without a line, or a line without a route, fails.

Answers: 200 a page, 302 to signing in or to one's own place, 403 wrong role, 404 no such thing, 405 not by GET.
``else`` is everybody who is not named.
"""

from __future__ import annotations

from tanpuhui.kit.home import content
from tanpuhui.methodology.seal import content_digest
from tanpuhui.web.shared.formula import short

METRO = short(content_digest(content("methodologies") / "shenzhen" / "metro" / "v1"))
Row = dict[str, int]


def only(*roles: str, otherwise: int = 403) -> Row:
    """A page for these roles; somebody who is not signed in is asked to."""
    return {"anonymous": 302, "else": otherwise, **dict.fromkeys(roles, 200)}


def only_staff(status: int) -> Row:
    """A page of the console that answers this to the operator's staff and is nobody else's."""
    return {"anonymous": 302, "else": 403, "operator": status}


def all_signed_in(status: int = 200) -> Row:
    return {"anonymous": 302, "else": status}


def only_own(role: str, status: int) -> Row:
    """A page for one role about an object that it has none of here, or that is not to be had by GET."""
    return {"anonymous": 302, "else": 403, role: status}


def of_members(kind: str) -> dict[str, Row]:
    """The pages about an organisation's members; no member has the number of these tests."""
    return {
        f"{kind}:members": only(kind),
        f"{kind}:invite": only(kind),
        f"{kind}:role": only_own(kind, 404),
        f"{kind}:end_membership": only_own(kind, 405),
        f"{kind}:end_invitation": only_own(kind, 405),
    }


def of_offers(kind: str) -> dict[str, Row]:
    """The pages about an organisation's offers; there is no offer of the name in these tests."""
    return {
        f"{kind}:offers": only(kind),
        f"{kind}:new_offer": only(kind),
        f"{kind}:offer": only_own(kind, 404),
        f"{kind}:stop_offer": only_own(kind, 405),
    }


EVERYBODY: Row = {"else": 200}
#: Public, and not there in an empty installation.
NOT_THERE: Row = {"else": 404}
#: Steps of signing in that nobody is in the middle of: back to the beginning.
MIDWAY: Row = {"else": 302}
#: Signing in, for whoever is signed in already: to their own place.
SIGNING_IN: Row = {"anonymous": 200, "else": 302}

#: A page of one's own account; whoever has none is led to opening one.
RESIDENTS: Row = {**all_signed_in(302), "resident": 200}

TABLE: dict[str, Row] = {
    "home": EVERYBODY,
    "healthz": EVERYBODY,
    "metrics": NOT_THERE,
    "about": EVERYBODY,
    "privacy": EVERYBODY,
    "accessibility": EVERYBODY,
    "glossary": EVERYBODY,
    "statistics": EVERYBODY,
    "statistics_month": NOT_THERE,
    "districts": EVERYBODY,
    "districts_month": NOT_THERE,
    "statistics_chart": NOT_THERE,
    "methodologies": EVERYBODY,
    "methodology_newest": {"else": 302},
    "methodology": EVERYBODY,
    "methodology_json": EVERYBODY,
    "methodology_file": EVERYBODY,
    "market": EVERYBODY,
    "market_prices": EVERYBODY,
    # Nothing was traded here.
    "market_chart": NOT_THERE,
    "lots": EVERYBODY,
    "look_up": EVERYBODY,
    "lot": NOT_THERE,
    "serial": NOT_THERE,
    "serial_json": NOT_THERE,
    "certificates": EVERYBODY,
    "certificate": NOT_THERE,
    "certificate_json": NOT_THERE,
    "certificate_pdf": NOT_THERE,
    "certificate_credential": NOT_THERE,
    "credentials": EVERYBODY,
    "credential_issuer": EVERYBODY,
    # None was published here.
    "status_list": NOT_THERE,
    "rules": EVERYBODY,
    "jurisdiction": EVERYBODY,
    "jurisdiction_file": EVERYBODY,
    "rule_changes": EVERYBODY,
    "open_data": EVERYBODY,
    "open_data_package": EVERYBODY,
    "open_data_file": EVERYBODY,
    "log": EVERYBODY,
    "log_checkpoint": NOT_THERE,
    "log_policy": EVERYBODY,
    "log_verifier": EVERYBODY,
    "log_tile": NOT_THERE,
    "robots": EVERYBODY,
    "sitemap": EVERYBODY,
    "security": NOT_THERE,
    "invitation": all_signed_in(404),
    "choose_language": {"else": 405},
    "home_of_user": {"else": 302},
    "account_login": SIGNING_IN,
    "account_request_login_code": SIGNING_IN,
    "account_signup": SIGNING_IN,
    "account_signup_by_passkey": SIGNING_IN,
    "account_confirm_login_code": MIDWAY,
    "account_email_verification_sent": {"anonymous": 302, "else": 302},
    "mfa_authenticate": MIDWAY,
    "mfa_signup_webauthn": MIDWAY,
    "mfa_login_webauthn": MIDWAY,
    "account_logout": {"anonymous": 302, "else": 200},
    "account_inactive": EVERYBODY,
    "open_account": {**all_signed_in(200), "resident": 302},
    "guardian_code": {**all_signed_in(302), "resident": 200},
    "sign_in_settings": all_signed_in(),
    "account_email": all_signed_in(),
    "account_reauthenticate": all_signed_in(302),
    "mfa_reauthenticate": all_signed_in(302),
    "mfa_reauthenticate_webauthn": all_signed_in(302),
    "show_again": all_signed_in(),
    "signed_in_browsers": all_signed_in(),
    "mfa_index": all_signed_in(),
    "mfa_activate_totp": all_signed_in(),
    "mfa_deactivate_totp": all_signed_in(404),
    "mfa_view_recovery_codes": all_signed_in(404),
    "mfa_generate_recovery_codes": all_signed_in(),
    "mfa_list_webauthn": all_signed_in(),
    "mfa_add_webauthn": all_signed_in(),
    "mfa_remove_webauthn": all_signed_in(404),
    "mfa_edit_webauthn": all_signed_in(404),
    "socialaccount_login_cancelled": EVERYBODY,
    "socialaccount_login_error": {"else": 401},
    "socialaccount_signup": MIDWAY,
    "socialaccount_connections": all_signed_in(),
    "openid_connect_login": {"else": 404},
    "openid_connect_callback": {"else": 404},
    "resident:home": {**all_signed_in(302), "resident": 200},
    "resident:statements": {**all_signed_in(302), "resident": 200},
    "resident:statement_code": {"else": 405},
    "resident:statement_credential": {"else": 405},
    # Somebody else's grants, children, groups and requests are not there; a resident's own are tried in test_sources.
    **{
        f"resident:{name}": {**all_signed_in(302), "resident": 200}
        for name in (
            *("paper_statement", "sources", "recipient", "privacy", "readable", "new_request", "close"),
            *("together", "goal", "new_group", "join_group", "board"),
            *("points", "convert_points", "points_history", "points_offers"),
        )
    },
    **{
        f"resident:{name}": {**all_signed_in(302), "resident": 404}
        for name in (
            *("source", "identifier", "receipt", "receipt_file", "request", "group", "challenge"),
            *(f"child:{page}" for page in ("sources", "recipient", "source", "identifier")),
            *(f"child:{page}" for page in ("receipt", "receipt_file")),
            *("points_offer", "redemption", "redemption_state"),
        )
    },
    "resident:export": {"else": 405},
    "resident:district": {"else": 405},
    "resident:release_redemption": {"else": 405},
    "grants": MIDWAY,
    "rights": MIDWAY,
    "letter_sign_in": SIGNING_IN,
    "counter:home": only("operator"),
    "counter:open": only("operator"),
    # A visit that is not one's own, or over, leads back to the counter.
    **{f"counter:{name}": {**only(), "operator": 302} for name in ("visit", "source", "paper", "statement")},
    "counter:letter": {"else": 405},
    "counter:end": {"else": 405},
    "resident:activities": RESIDENTS,
    "resident:appeals": RESIDENTS,
    "resident:certificates": RESIDENTS,
    "resident:statement_pdf": RESIDENTS,
    # The resident of the table has no share of the lot.
    "resident:share_proof": {**all_signed_in(302), "resident": 404},
    "resident:pools": RESIDENTS,
    "resident:pool": {**all_signed_in(302), "resident": 404},
    "resident:money": RESIDENTS,
    "resident:tokens": RESIDENTS,
    "resident:links": RESIDENTS,
    # Nobody came from another platform.
    "resident:link_authorize": {**RESIDENTS, "resident": 422},
    "resident:link_return": {**RESIDENTS, "resident": 422},
    "resident:link_begin": {"else": 405},
    "resident:link_end": {"else": 405},
    # Nobody has an act 5 here, nor anything to draw: whose act it is, is tested in test_resident.py.
    "resident:activity": {**RESIDENTS, "resident": 404},
    "resident:appeal": {**RESIDENTS, "resident": 404},
    "resident:chart": {**RESIDENTS, "resident": 404},
    "resident:revoke_token": {"else": 405},
    "formula": EVERYBODY,
    "api_resident:openapi-json": EVERYBODY,
    "api_resident:api-root": {"else": 404},
    **{
        f"api_resident:{name}": {"else": 401}
        for name in ("summary", "balance", "acts", "act", "trace", "statement", "grants", "appeals", "pools")
    },
    "provider:homes": {**only(), "provider": 302},
    "provider:home": only("provider"),
    "provider:send": only("provider"),
    "provider:batches": only("provider"),
    "provider:batch": only_own("provider", 404),
    "provider:receipt": only_own("provider", 404),
    "provider:quarantine": only("provider"),
    "provider:row": only_own("provider", 404),
    "provider:retract": only_own("provider", 404),
    "provider:keys": only("provider"),
    "provider:revoke_key": only_own("provider", 404),
    # Nobody funds points here.
    "provider:sponsor": only_own("provider", 404),
    **of_members("provider"),
    "operator:homes": {**only(), "operator": 302},
    "operator:home": {**only(), "operator": 302},
    "company:homes": {**only(), "company": 302},
    "company:home": only("company"),
    "company:history": only("company"),
    "company:offsets": only("company"),
    "company:year": only("company"),
    "company:declare": only("company"),
    # Nothing was reserved here: another company's reservation is tried in tests/security.
    **{f"company:{name}": only_own("company", 404) for name in ("surrender", "release", "replace")},
    "company:retire": only("company"),
    "company:certificates": only("company"),
    **{
        f"company:{name}": only("company")
        for name in (
            "trade",
            "buy",
            "trade_offers",
            "list_units",
            "propose",
            "trade_auctions",
            "trades",
            "money",
            "withdraw_money",
        )
    },
    # Nothing is on the market here: others' orders are tried in tests/security.
    **{
        f"company:{name}": only_own("company", 404)
        for name in (
            "take",
            "bought",
            "cancel_listing",
            "cancel_proposal",
            "accept_proposal",
            "decline_proposal",
            "trade_auction",
            "bid",
            "trade_one",
            "cancel_payment",
        )
    },
    "company:disclosed": only("company"),
    **{
        f"company:{name}": only_own("company", 404)
        for name in ("statement", "statement_json", "statement_pdf")
    },
    # Nobody funds points here.
    "company:sponsor": only_own("company", 404),
    **of_members("company"),
    "merchant:homes": {**only(), "merchant": 302},
    "merchant:home": only("merchant"),
    "merchant:till": only("merchant"),
    "merchant:offline_till": only("merchant"),
    "merchant:offline_worker": only("merchant"),
    "merchant:offline_key": only("merchant"),
    "merchant:offline_upload": only_own("merchant", 405),
    "merchant:redemptions": only("merchant"),
    "merchant:refund": only_own("merchant", 404),
    "merchant:settlements": only("merchant"),
    "merchant:settle": only_own("merchant", 405),
    "merchant:settlement_file": only_own("merchant", 404),
    **of_offers("merchant"),
    # Nobody funds points here.
    "merchant:sponsor": only_own("merchant", 404),
    **of_members("merchant"),
    "bank:homes": {**only(), "bank": 302},
    "bank:home": only("bank"),
    "bank:applications": only("bank"),
    "bank:grant": only_own("bank", 405),
    "bank:decline": only_own("bank", 405),
    "bank:ended_consents": only("bank"),
    "bank:take_note": only_own("bank", 405),
    **of_offers("bank"),
    "bank:statement": only_own("bank", 404),
    "bank:statement_json": only_own("bank", 404),
    "bank:statement_pdf": only_own("bank", 404),
    # Nobody funds points here.
    "bank:sponsor": only_own("bank", 404),
    **of_members("bank"),
    "verifier:homes": {**only(), "verifier": 302},
    "verifier:home": only("verifier"),
    "verifier:lot": only_own("verifier", 404),
    "verifier:manifest": only_own("verifier", 404),
    "verifier:manifest_json": only_own("verifier", 404),
    "verifier:replay": only_own("verifier", 405),
    "verifier:programmes": only("verifier"),
    "verifier:programme": only_own("verifier", 404),
    "verifier:programme_json": only_own("verifier", 404),
    "verifier:programme_shares": only_own("verifier", 404),
    "verifier:verify_programme": only_own("verifier", 405),
    "verifier:engagements": only("verifier"),
    **{
        f"verifier:{name}": only_own("verifier", 404)
        for name in (
            *("engagement", "declaration", "plan", "sample", "act", "findings", "finding", "conclusion"),
            *("statement_json", "statement_pdf"),
        )
    },
    "verifier:recalculate": only_own("verifier", 405),
    "verifier:complete": only_own("verifier", 405),
    **of_members("verifier"),
    "console:index": only("operator"),
    "console:providers": only("operator"),
    "console:provider": only_staff(404),
    "console:provider_disable": only_staff(404),
    "console:row_open": only_staff(404),
    "console:scenes": only("operator"),
    "console:methodologies": only("operator"),
    "console:methodology": only("operator"),
    "console:methodology_compare": only("operator"),
    "console:methodology_effect": only("operator"),
    "console:grants": only("operator"),
    "console:due": only("operator"),
    "console:close_json": only_staff(404),
    "console:close_day": only("operator"),
    "console:close_reopen": only("operator"),
    "console:close_replay": only_staff(404),
    "console:programme_programme_changelist": only("operator"),
    "console:programme_programme_export": only_staff(405),
    "console:programme_programme_change": only_staff(404),
    "console:verification_engagement_changelist": only("operator"),
    "console:verification_engagement_export": only_staff(405),
    "console:verification_engagement_change": only_staff(404),
    "console:verification_open": only("operator"),
    "console:finding_answer": only_staff(404),
    "console:lot_certify": only("operator"),
    "console:account_find": only("operator"),
    "console:account_freeze": only_staff(404),
    "console:account_unfreeze": only_staff(404),
    "console:account_claw_back": only_staff(404),
    "console:account_identity": only_staff(404),
    "console:account_identity_open": only_staff(404),
    "console:appeal_answer": only_staff(404),
    "console:request_in_hand": only_staff(404),
    "console:request_done": only_staff(404),
    "console:request_refuse": only_staff(404),
    "console:request_erase": only_staff(404),
    "console:challenge_announce": only("operator"),
    "console:challenge_count": only_staff(404),
    "console:approval_agree": only_staff(404),
    "console:approval_deny": only_staff(404),
    "console:ledger_check": only("operator"),
    "console:access_approval_changelist": only("operator"),
    "console:access_approval_export": only_staff(405),
    "console:access_approval_change": only_staff(404),
    "console:evidence_batch_changelist": only("operator"),
    "console:evidence_batch_export": only_staff(405),
    "console:evidence_batch_change": only_staff(404),
    "console:evidence_quarantinedrow_changelist": only("operator"),
    "console:evidence_quarantinedrow_export": only_staff(405),
    "console:evidence_quarantinedrow_change": only_staff(404),
    "console:consent_resident_changelist": only("operator"),
    "console:consent_resident_export": only_staff(405),
    "console:consent_resident_change": only_staff(404),
    "console:act_release": only_staff(404),
    "console:act_confirm": only_staff(404),
    "console:integrity_flag_changelist": only("operator"),
    "console:integrity_flag_export": only_staff(405),
    "console:integrity_flag_change": only_staff(404),
    "console:integrity_appeal_changelist": only("operator"),
    "console:integrity_appeal_export": only_staff(405),
    "console:integrity_appeal_change": only_staff(404),
    "console:rights_request_changelist": only("operator"),
    "console:rights_request_export": only_staff(405),
    "console:rights_request_change": only_staff(404),
    "console:community_challenge_changelist": only("operator"),
    "console:community_challenge_export": only_staff(405),
    "console:community_challenge_change": only_staff(404),
    "console:close_manifest_changelist": only("operator"),
    "console:close_manifest_export": only_staff(405),
    "console:close_manifest_change": only_staff(404),
    **{
        f"console:{name}_{page}": row
        for page, row in (
            ("changelist", only("operator")),
            ("export", only_staff(405)),
            ("change", only_staff(404)),
        )
        for name in (
            "registry_block",
            "registry_movement",
            "registry_annulment",
            "offsetting_obligation",
            "offsetting_reservation",
            "offsetting_certificate",
            "transparency_credential",
            "registry_exclusion",
            "registry_foreignunit",
            *(f"federation_{name}" for name in ("peer", "outgoing", "incoming", "evidence", "finding")),
        )
    },
    **{
        f"console:lot_{verb}": only_staff(404)
        for verb in ("transfer", "cancel", "fill_buffer", "pay_from_buffer", "annul")
    },
    **{f"console:credential_{verb}": only_staff(404) for verb in ("suspend", "restore", "revoke")},
    "console:conflicts": only("operator"),
    "console:conflict_review": only("operator"),
    "console:registry_lot_changelist": only("operator"),
    "console:registry_lot_export": only_staff(405),
    "console:registry_lot_change": only_staff(404),
    "console:sponsor_open": only("operator"),
    "console:sponsor_fund": only_staff(404),
    "console:settle": only("operator"),
    "console:bank_import": only("operator"),
    "console:points_sponsor_changelist": only("operator"),
    "console:points_sponsor_export": only_staff(405),
    "console:points_sponsor_change": only_staff(404),
    "console:points_offer_changelist": only("operator"),
    "console:points_offer_export": only_staff(405),
    "console:points_offer_change": only_staff(404),
    "console:points_redemption_changelist": only("operator"),
    "console:points_redemption_export": only_staff(405),
    "console:points_redemption_change": only_staff(404),
    "console:points_settlement_changelist": only("operator"),
    "console:points_settlement_export": only_staff(405),
    "console:points_settlement_change": only_staff(404),
    "console:money_bankline_changelist": only("operator"),
    "console:money_bankline_export": only_staff(405),
    "console:money_bankline_change": only_staff(404),
    **{
        f"console:{name}_{page}": row
        for page, row in (
            ("changelist", only("operator")),
            ("export", only_staff(405)),
            ("change", only_staff(404)),
        )
        for name in (
            "market_membership",
            "market_listing",
            "market_auction",
            "market_trade",
            "pooling_round",
            "pooling_withdrawal",
            "money_withdrawal",
        )
    },
    **{
        f"console:{name}": only("operator")
        for name in (
            "market_admit",
            "market_suspend",
            "market_open_auction",
            "pool_open_round",
            "pool_pay_list",
        )
    },
    **{
        f"console:{name}": only_staff(404)
        for name in (
            "market_cancel_listing",
            "market_clear",
            "market_cancel_auction",
            "pool_sell",
            "pool_offer",
            "pool_settle",
            "pool_take_back",
            "pool_close_round",
            "pool_pay_out",
        )
    },
    "console:console_job_changelist": only("operator"),
    "console:console_job_export": only_staff(405),
    "console:console_job_change": only_staff(404),
    "console:access_auditentry_changelist": only("operator"),
    "console:access_auditentry_export": only_staff(405),
    "console:access_auditentry_change": only_staff(404),
}
#: Values for what addresses hold; an organisation's code is the reader's own one, see the test.
NOBODYS = "00000000-0000-4000-8000-000000000000"
VALUES: dict[str, object] = {
    "peer": "nowhere",
    "link": 999,
    "pool": "nowhere",
    "purpose": "disclosure",
    "recipient": "bank",
    "grant": 999,
    "child": 999,
    "kind": "correction",
    "request_id": NOBODYS,
    "group": NOBODYS,
    "challenge": "none",
    "visit": NOBODYS,
    "pk": 1,
    "provider_id": "city",
    "provider": "nobody",
    "number": 1,
    "place": "shenzhen",
    "name": "metro",
    "version": 1,
    "day": "2026-03-02",
    "digest": "sha256:00",
    "account": 0,
    "approval": NOBODYS,
    "appeal": 999,
    "flag": 999,
    "finding": 1,
    "position": 1,
    "object_id": "none",
    "record": 5,
    "offer": "nothing",
    "redemption": 999,
    "sponsor": "nobody",
    "listing": 999,
    "proposal": 999,
    "auction": 999,
    "withdrawal": 999,
    "sale": 999,
    "round": 999,
    "reference": "TPS-000000000",
    "theme": "light",
    "token": NOBODYS,
    "step": "avoided",
    "file": "README.md",
    "language": "en",
    "width": "wide",
    "form": "csv",
    "secret": "x",
    "member": 9_999,
    "invitation": NOBODYS,
    "statement": NOBODYS,
    "lot": "DEMO-000001",
    "batch": 9_999,
    "row": 9_999,
    "key": "0" * 32,
}
#: The same, where addresses of one audience, or one public address, need another value.
VALUES_OF: dict[str, dict[str, object]] = {
    "console": {"lot": "DEMO-000001", "conflict": "0" * 16},
    "company": {
        "place": "demo",
        "year": 2025,
        "reservation": 999,
        "lot": "DEMO-000001",
        "reference": "TPM-000000999",
        "key": NOBODYS,
    },
    "districts_month": {"month": "2026-02"},
    "statistics_month": {"month": "2026-02"},
    "serial": {"serial": "7"},
    "serial_json": {"serial": "7"},
    **{f"certificate{form}": {"number": "C000001-95"} for form in ("", "_json", "_pdf", "_credential")},
    "resident": {"provider": "szt"},
    "formula": {"digest": METRO, "key": "shenzhen/metro@1"},
    "verifier": {"digest": "0" * 64, "programme": "none", "period": 1},
    "statistics_chart": {"name": "kinds", "month": "2026-02"},
    "open_data_file": {"name": "lots"},
    "lot": {"code": "DEMO-000001"},
    "log_tile": {"name": "0/000"},
    "jurisdiction": {"code": "demo"},
    "jurisdiction_file": {"code": "demo"},
    "rule_changes": {"code": "demo"},
}
