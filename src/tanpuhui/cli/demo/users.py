"""Users: who can sign in to the demonstration, for which account or organisation."""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import transaction

from tanpuhui.access.demo import ROLES, address_of
from tanpuhui.access.hold import hold
from tanpuhui.access.membership import join
from tanpuhui.access.models import Membership, Organisation, User
from tanpuhui.access.organise import organise

#: (kind, code, name in Chinese, name in English) of the organisations; a provider's code is its contract's, and the
#: bank's, the company's and the pool's are the recipients' in the policy of consent.
ORGANISATIONS = (
    (Organisation.OPERATOR, "demo-centre", "演示城市碳普惠中心", "Demonstration city centre"),
    (Organisation.PROVIDER, "szt", "演示地铁公司", "Demonstration metro"),
    (Organisation.PROVIDER, "bike_app", "演示单车公司", "Demonstration bicycles"),
    (Organisation.PROVIDER, "map_app", "演示地图应用", "Demonstration map app"),
    (Organisation.PROVIDER, "ev_sessions", "演示充电公司", "Demonstration charging company"),
    (Organisation.PROVIDER, "meter_halfhourly", "演示智能电表", "Demonstration smart meters"),
    (Organisation.PROVIDER, "waste_weighings", "演示分类回收站", "Demonstration sorting stations"),
    (Organisation.PROVIDER, "payments", "演示支付应用", "Demonstration payment app"),
    (Organisation.PROVIDER, "grid_company", "演示供电公司", "Demonstration grid company"),
    (Organisation.COMPANY, "pool_buyer", "演示控排企业", "Demonstration compliance company"),
    (Organisation.COMPANY, "city_pool", "演示减排量池", "Demonstration pool"),
    (Organisation.MERCHANT, "demo-merchant", "演示商户", "Demonstration shop"),
    (Organisation.BANK, "bank", "演示银行", "Demonstration bank"),
    (Organisation.VERIFIER, "demo-verifier", "演示核查机构", "Demonstration verifier"),
)
#: Which organisation each kind of user acts for; a provider's user for one of the two.
ACTS_FOR = {
    "provider": "szt",
    "operator": "demo-centre",
    "operator2": "demo-centre",
    "counter": "demo-centre",
    "company": "pool_buyer",
    "merchant": "demo-merchant",
    "bank": "bank",
    "verifier": "demo-verifier",
}
#: The resident whose statement the summary prints.
RESIDENT = 1


def make_users(accounts: dict[int, int], at: datetime) -> None:
    """Make a user of each kind; ``accounts`` are those of residents by number."""
    with transaction.atomic():
        organisations = {
            code: organise(kind, code, name_zh=name_zh, name_en=name_en, at=at)
            for kind, code, name_zh, name_en in ORGANISATIONS
        }
        for role in ROLES:
            user = User.objects.create_user(
                address_of(role), is_staff=role.startswith("operator"), joined_at=at
            )
            EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
            if role == "resident":
                hold(user, accounts[RESIDENT], at=at)
            else:
                acts_as = Membership.COUNTER if role == "counter" else Membership.ADMIN
                join(user, organisations[ACTS_FOR[role]], acts_as, at=at)
