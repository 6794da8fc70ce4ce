"""Addresses of signing in. allauth's views are named one by one: nobody has a password, so none is ever asked for.

allauth asks those who have a second factor to show it again; ``shown_recently`` asks everybody.
"""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.socialaccount import views as social
from django.urls import path

from tanpuhui.web.shared.access import shown_recently
from tanpuhui.web.sign_in import again, identity_service_views, letter, views

#: Looking at these needs no second proof; changing something does.
_CHANGING = frozenset({"POST"})

urlpatterns = [
    path("", account.login, name="account_login"),
    path("code/", account.request_login_code, name="account_request_login_code"),
    path("code/confirm/", account.confirm_login_code, name="account_confirm_login_code"),
    path("letter/", letter.letter, name="letter_sign_in"),
    path("sign-out/", account.logout, name="account_logout"),
    path("blocked/", account.account_inactive, name="account_inactive"),
    path("new/", account.signup, name="account_signup"),
    path("new/passkey/", account.signup_by_passkey, name="account_signup_by_passkey"),
    path("new/confirm/", account.email_verification_sent, name="account_email_verification_sent"),
    path("new/account/", views.open_account, name="open_account"),
    path("new/child/", views.guardian_code, name="guardian_code"),
    path("settings/", views.settings, name="sign_in_settings"),
    path("settings/address/", shown_recently(account.email, methods=_CHANGING), name="account_email"),
    path("again/", mfa.reauthenticate, name="account_reauthenticate"),
    path("second/", mfa.authenticate, name="mfa_authenticate"),
    path("again/code/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("again/passkey/", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("again/mail/", again.show_again, name="show_again"),
    path("settings/browsers/", views.browsers, name="signed_in_browsers"),
    path("settings/second/", mfa.index, name="mfa_index"),
    path("settings/app/add/", shown_recently(totp.activate_totp), name="mfa_activate_totp"),
    path("settings/app/remove/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("settings/recovery-codes/", recovery_codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "settings/recovery-codes/new/",
        recovery_codes.generate_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
    path("settings/passkeys/", webauthn.list_webauthn, name="mfa_list_webauthn"),
    path("settings/passkeys/add/", shown_recently(webauthn.add_webauthn), name="mfa_add_webauthn"),
    path("settings/passkeys/<int:pk>/remove/", webauthn.remove_webauthn, name="mfa_remove_webauthn"),
    path("settings/passkeys/<int:pk>/name/", webauthn.edit_webauthn, name="mfa_edit_webauthn"),
    path("passkey/", webauthn.login_webauthn, name="mfa_login_webauthn"),
    path("new/passkey/add/", webauthn.signup_webauthn, name="mfa_signup_webauthn"),
    path("service/cancelled/", social.login_cancelled, name="socialaccount_login_cancelled"),
    path("service/error/", social.login_error, name="socialaccount_login_error"),
    path("service/new/", social.signup, name="socialaccount_signup"),
    path(
        "service/connections/",
        shown_recently(social.connections, methods=_CHANGING),
        name="socialaccount_connections",
    ),
    path("service/<slug:provider_id>/", identity_service_views.login, name="openid_connect_login"),
    path(
        "service/<slug:provider_id>/callback/",
        identity_service_views.callback,
        name="openid_connect_callback",
    ),
]
