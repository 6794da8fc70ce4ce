"""Tables of access: users, their sessions and accounts, organisations and members, what was done and agreed."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tanpuhui.kit.moment import to_us
from tanpuhui.sealing.field import SealedText
from tanpuhui.sealing.keys import MOST_ACCOUNTS

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
_NO_DELETE = pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)
_NO_TRUNCATE = pgtrigger.Trigger(
    name="no_truncate",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME;",
)


def _only(fields: str, *, once: bool, what: str) -> pgtrigger.Trigger:
    """A row changes in these columns alone, and (``once``) in each of them only from nothing to something."""
    columns = [name.strip() for name in fields.split(",")]
    kept = f"(to_jsonb(NEW) - ARRAY{columns!r}) IS DISTINCT FROM (to_jsonb(OLD) - ARRAY{columns!r})"
    again = " OR ".join(
        f"(OLD.{name} IS NOT NULL AND NEW.{name} IS DISTINCT FROM OLD.{name})" for name in columns
    )
    return pgtrigger.Trigger(
        name="changes_once" if once else "keeps_what_it_is",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        func=f"IF {kept}{f' OR {again}' if once else ''} THEN RAISE EXCEPTION '{what}'; END IF; RETURN NEW;",
    )


class Users(BaseUserManager["User"]):
    """Users are found by their e-mail address, whatever its case."""

    def create_user(self, email: str | None = None, password: str | None = None, **fields: Any) -> User:
        """A user who signs in by code, passkey or identity service; a password is not needed."""
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """Somebody who can sign in. No name; the number of their account, if any, is in :class:`Holder`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("e-mail address"), null=True, unique=True)
    is_active = models.BooleanField(_("active"), default=True)
    #: May enter the operator's console; what they may do there depends on their membership.
    is_staff = models.BooleanField(_("staff"), default=False)
    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    joined_at = models.DateTimeField(_("joined at"), default=timezone.now, editable=False)

    objects: ClassVar[Users] = Users()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        db_table = 'vault"."user'
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="access_user_email_is_lower",
                condition=Q(email__isnull=True) | Q(email=Lower("email")) & ~Q(email=""),
            ),
        ]
        triggers: ClassVar = [
            _NO_DELETE,
            _NO_TRUNCATE,
            # Whoever blocks somebody, and however: no browser of theirs stays signed in.
            pgtrigger.Trigger(
                name="blocked_is_signed_out",
                when=pgtrigger.After,
                operation=pgtrigger.UpdateOf("is_active"),  # type: ignore[no-untyped-call]
                condition=pgtrigger.Q(old__is_active=True, new__is_active=False),
                func="DELETE FROM vault.session WHERE user_id = NEW.id; RETURN NULL;",
            ),
        ]

    def __str__(self) -> str:
        return f"user {self.pk}"

    def save(self, *arguments: Any, **options: Any) -> None:
        """Store the address in lower case, and no address as none, so that two users never share one."""
        self.email = (self.email or "").strip().lower() or None
        super().save(*arguments, **options)

    # What Django's admin asks. Rights come from memberships in operators, never from a list of permissions.
    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Whether somebody of the operator's staff may do this; an auditor looks at everything and changes nothing."""
        del obj
        roles = self._operator_roles()
        if perm.rpartition(".")[2].startswith("view_"):
            return bool(roles - Membership.ONLY_WHERE_NAMED)
        return bool(roles & {Membership.ADMIN, Membership.MEMBER})

    def has_perms(self, perm_list: list[str], obj: object = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        del app_label
        return bool(self._operator_roles() - Membership.ONLY_WHERE_NAMED)

    @property
    def is_superuser(self) -> bool:
        """Nobody is above the rules."""
        return False

    def _operator_roles(self) -> set[str]:
        if not (self.is_active and self.is_staff):
            return set()
        known = getattr(self, "_roles_as_operator", None)
        if known is None:
            known = set(
                self.memberships.filter(
                    ended_at__isnull=True, organisation__kind=Organisation.OPERATOR
                ).values_list("role", flat=True)
            )
            self._roles_as_operator = known
        return known


class Session(AbstractBaseSession):
    """What a browser is known by; ``session_key`` is the digest of it, so a copy of this table signs nobody in."""

    #: Nobody, while somebody is in the middle of signing in.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="sessions")
    began_at = models.DateTimeField(_("signed in at"), null=True)
    seen_at = models.DateTimeField(_("seen at"), null=True)
    #: The kind of browser and of machine, no more: what somebody needs to know it again.
    browser = models.CharField(_("browser"), max_length=60, blank=True)

    class Meta(AbstractBaseSession.Meta):
        db_table = 'vault"."session'

    @classmethod
    def get_session_store_class(cls) -> Any:
        from tanpuhui.access.session import SessionStore

        return SessionStore

    def __str__(self) -> str:
        return f"session of {self.user_id}"


class Holder(models.Model):
    """Whose account is whose: one user, one account; never changed."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, primary_key=True, related_name="holder"
    )
    account = models.BigIntegerField(unique=True)
    since = models.DateTimeField()

    class Meta:
        db_table = 'vault"."holder'
        verbose_name = _("account holder")
        verbose_name_plural = _("account holders")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(account__gte=1), name="access_holder_account"),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"holder of account {self.account}"


class Organisation(models.Model):
    """Somebody with a contract or a licence: they act through their members."""

    OPERATOR, PROVIDER, COMPANY = "operator", "provider", "company"
    MERCHANT, BANK, VERIFIER = "merchant", "bank", "verifier"
    KINDS: ClassVar = [
        (OPERATOR, _("operator")),
        (PROVIDER, _("data provider")),
        (COMPANY, _("company")),
        (MERCHANT, _("merchant")),
        (BANK, _("bank")),
        (VERIFIER, _("verifier")),
    ]

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(_("kind"), max_length=20, choices=KINDS)
    #: In addresses and files; a provider's is the code of its contract.
    code = models.CharField(_("code"), max_length=60, unique=True)
    name_zh = models.CharField(_("name in Chinese"), max_length=120)
    name_en = models.CharField(_("name in English"), max_length=120)
    made_at = models.DateTimeField(_("made at"))

    class Meta:
        verbose_name = _("organisation")
        verbose_name_plural = _("organisations")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="access_organisation_kind",
                condition=Q(kind__in=["operator", "provider", "company", "merchant", "bank", "verifier"]),
            ),
            models.CheckConstraint(
                name="access_organisation_code", condition=Q(code__regex=r"^[a-z0-9][a-z0-9_-]*$")
            ),
        ]
        triggers: ClassVar = [
            _NO_DELETE,
            _NO_TRUNCATE,
            _only("name_zh, name_en", once=False, what="an organisation keeps its kind and code"),
        ]

    def __str__(self) -> str:
        return self.code

    def name(self, language: str) -> str:
        """The organisation's name in a language: Chinese where it begins with zh, English otherwise."""
        return self.name_zh if language.startswith("zh") else self.name_en


class Membership(models.Model):
    """A user acts for an organisation in one role, from a moment until it ends."""

    ADMIN, MEMBER, AUDITOR, COUNTER = "admin", "member", "auditor", "counter"
    ROLES: ClassVar = [
        (ADMIN, _("administrator")),
        (MEMBER, _("member")),
        (AUDITOR, _("auditor")),
        (COUNTER, _("counter")),
    ]
    #: Roles that get to a page only where it names them: what they do at a counter, and nothing else.
    ONLY_WHERE_NAMED: ClassVar = frozenset({COUNTER})

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="memberships")
    role = models.CharField(_("role"), max_length=20, choices=ROLES)
    since = models.DateTimeField(_("since"))
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "organisation"],
                condition=Q(ended_at__isnull=True),
                name="access_one_membership_at_a_time",
            ),
            models.CheckConstraint(
                name="access_membership_role",
                condition=Q(role__in=["admin", "member", "auditor", "counter"]),
            ),
            models.CheckConstraint(
                name="access_membership_ends_after_it_begins",
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("since")),
            ),
        ]
        triggers: ClassVar = [
            _NO_DELETE,
            _NO_TRUNCATE,
            _only("ended_at", once=True, what="a membership changes once: when it ends"),
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.organisation_id}"


class AuditEntry(models.Model):
    """Something that somebody did, why, and to what; only added."""

    id = models.BigAutoField(primary_key=True)
    #: Nobody: the program itself did it.
    who = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="audit_entries")
    organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="audit_entries")
    verb = models.CharField(_("verb"), max_length=80)
    #: What it was done to: a kind and a key, such as ``lot`` and ``DEMO-000001``.
    object_kind = models.CharField(_("kind of object"), max_length=60, blank=True)
    object_key = models.CharField(_("object"), max_length=200, blank=True)
    #: About an account it is sealed by that account's key; about anything else it names nobody.
    reason = SealedText(
        _("reason"), blank=True, whose=lambda one: one.about_account, row=lambda one: one.named
    )
    facts: Any = models.JSONField(_("facts"), default=dict)
    request_id = models.CharField(_("request"), max_length=64, blank=True)
    at = models.DateTimeField(_("at"))

    class Meta:
        db_table = "access_audit_entry"
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        indexes: ClassVar = [
            models.Index(fields=["object_kind", "object_key", "at"], name="access_audit_object"),
            models.Index(fields=["who", "at"], name="access_audit_who"),
            models.Index(fields=["at"], name="access_audit_at"),
        ]
        triggers: ClassVar = [_APPEND_ONLY, _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.verb} {self.object_kind} {self.object_key}"

    @property
    def about_account(self) -> int | None:
        """The account that this is about, if it is about one."""
        is_account = self.object_kind == "account" and self.object_key.isdecimal()
        return int(self.object_key) if is_account and 0 < int(self.object_key) < MOST_ACCOUNTS else None

    @property
    def named(self) -> str:
        """What names an entry before it has a number."""
        return f"{self.verb}|{to_us(self.at)}"


def account_in(arguments: Any) -> int | None:
    """The account that a verb's arguments name, if they name one."""
    account = arguments.get("account") if isinstance(arguments, dict) else None
    return account if type(account) is int and 0 < account < MOST_ACCOUNTS else None


class Approval(models.Model):
    """Four eyes: one person asks for exactly this, another decides, and it is done once."""

    YES, NO = "yes", "no"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    verb = models.CharField(_("verb"), max_length=80)
    arguments: Any = models.JSONField(_("arguments"))
    #: Of the verb and its arguments: what is done later is what was agreed to.
    digest = models.CharField(_("digest"), max_length=71)
    #: Of a verb about an account it is sealed by that account's key, as the answer is.
    reason = SealedText(_("reason"), whose=lambda one: one.about_account)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="approvals_asked")
    asked_at = models.DateTimeField(_("asked at"))
    expires_at = models.DateTimeField(_("expires at"))
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="approvals_decided"
    )
    decided_at = models.DateTimeField(_("decided at"), null=True)
    decision = models.CharField(_("decision"), max_length=3, null=True)
    decision_reason = SealedText(_("reason of the decision"), null=True, whose=lambda one: one.about_account)
    used_at = models.DateTimeField(_("used at"), null=True)

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="access_approval_takes_two",
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("asked_by")),
            ),
            models.CheckConstraint(
                name="access_approval_decision_is_whole",
                condition=Q(
                    decided_by__isnull=True,
                    decided_at__isnull=True,
                    decision__isnull=True,
                    decision_reason__isnull=True,
                )
                | Q(
                    decided_by__isnull=False,
                    decided_at__isnull=False,
                    decision__in=["yes", "no"],
                    decision__isnull=False,
                    decision_reason__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="access_approval_used_after_a_yes",
                condition=Q(used_at__isnull=True)
                | Q(decision="yes", decision__isnull=False, used_at__gte=F("decided_at")),
            ),
            models.CheckConstraint(name="access_approval_has_a_reason", condition=~Q(reason__regex=r"^\s*$")),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["asked_at"], condition=Q(decided_at__isnull=True), name="access_approval_open"
            ),
        ]
        triggers: ClassVar = [
            _NO_DELETE,
            _NO_TRUNCATE,
            _only(
                "decided_by_id, decided_at, decision, decision_reason, used_at",
                once=True,
                what="an approval is decided once and used once",
            ),
        ]

    def __str__(self) -> str:
        return f"approval {self.pk} of {self.verb}"

    @property
    def about_account(self) -> int | None:
        """The account that the verb is about, if it is about one."""
        return account_in(self.arguments)


class ApiToken(models.Model):
    """A secret that lets a program act for a user: 256 random bits, kept only as a digest."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="api_tokens")
    label = models.CharField(_("label"), max_length=80, blank=True)
    #: SHA-256 of the token; it has 256 random bits, so no salt is needed.
    digest = models.BinaryField(max_length=32, unique=True)
    scope = models.CharField(_("scope"), max_length=60)
    issued_at = models.DateTimeField(_("issued at"))
    expires_at = models.DateTimeField(_("expires at"))
    revoked_at = models.DateTimeField(_("revoked at"), null=True)

    class Meta:
        db_table = "access_api_token"
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="access_token_ends_after_it_begins", condition=Q(expires_at__gt=F("issued_at"))
            ),
        ]
        triggers: ClassVar = [
            _NO_DELETE,
            _NO_TRUNCATE,
            _only("revoked_at", once=True, what="a token changes once: when it is revoked"),
        ]

    def __str__(self) -> str:
        return f"token {self.pk}"


class Invitation(models.Model):
    """Somebody is asked, at an e-mail address, to act for an organisation; it is taken up or taken back once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="invitations")
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(_("role"), max_length=20, choices=Membership.ROLES)
    #: SHA-256 of the link's secret; it has 256 random bits, so no salt is needed.
    digest = models.BinaryField(max_length=32, unique=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="invitations_sent")
    invited_at = models.DateTimeField(_("invited at"))
    expires_at = models.DateTimeField(_("expires at"))
    #: The membership that came of it; none where it was taken back.
    membership = models.OneToOneField(Membership, models.PROTECT, null=True, related_name="invitation")
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        db_table = 'vault"."invitation'
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organisation", "email"],
                condition=Q(ended_at__isnull=True),
                name="access_one_invitation_at_a_time",
            ),
            models.CheckConstraint(
                name="access_invitation_email_is_lower", condition=Q(email=Lower("email")) & ~Q(email="")
            ),
            models.CheckConstraint(
                name="access_invitation_role", condition=Q(role__in=["admin", "member", "auditor", "counter"])
            ),
            models.CheckConstraint(
                name="access_invitation_ends_when_taken_up",
                condition=Q(membership__isnull=True) | Q(ended_at__isnull=False),
            ),
        ]
        triggers: ClassVar = [
            _NO_DELETE,
            _NO_TRUNCATE,
            _only("ended_at, membership_id", once=True, what="an invitation changes once: when it ends"),
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk}"
