"""Who may GET which address: one line for each route. A route without a line, or a line without a route, fails.

Answers: 200 a page, 302 to signing in or to one's own place, 403 wrong role, 404 no such thing, 405 not by GET.
``else`` is everybody who is not named.
"""

from __future__ import annotations

Row = dict[str, int]


def only(*roles: str, otherwise: int = 403) -> Row:
    """A page for these roles; somebody who is not signed in is asked to."""
    return {"anonymous": 302, "else": otherwise, **dict.fromkeys(roles, 200)}


def all_signed_in(status: int = 200) -> Row:
    return {"anonymous": 302, "else": status}


EVERYBODY: Row = {"else": 200}
#: Steps of signing in that nobody is in the middle of: back to the beginning.
MIDWAY: Row = {"else": 302}
#: Signing in, for whoever is signed in already: to their own place.
SIGNING_IN: Row = {"anonymous": 200, "else": 302}

TABLE: dict[str, Row] = {
    "home": EVERYBODY,
    "healthz": EVERYBODY,
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
    "provider:homes": {**only(), "provider": 302},
    "provider:home": only("provider"),
    "operator:homes": {**only(), "operator": 302},
    "operator:home": only("operator"),
    "company:homes": {**only(), "company": 302},
    "company:home": only("company"),
    "merchant:homes": {**only(), "merchant": 302},
    "merchant:home": only("merchant"),
    "bank:homes": {**only(), "bank": 302},
    "bank:home": only("bank"),
    "verifier:homes": {**only(), "verifier": 302},
    "verifier:home": only("verifier"),
}
#: Values for what addresses hold; an organisation's code is the reader's own one, see the test.
VALUES: dict[str, object] = {"pk": 1, "provider_id": "city"}
