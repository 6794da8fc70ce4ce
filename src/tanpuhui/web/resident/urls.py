"""Addresses of a resident's own account."""

from django.urls import include, path
from django.views.decorators.http import require_POST

from tanpuhui.web.resident import (
    activities,
    appeals,
    certificates,
    chart,
    convert_points,
    federation_links,
    identifier,
    money,
    paper_statement,
    points,
    points_offers,
    pools,
    privacy,
    redemption,
    sources,
    statements,
    together,
    tokens,
    views,
)
from tanpuhui.web.shared.access import shown_recently

app_name = "resident"
#: A copy of everything, a key for a program, and the end of the account ask again who one is.
CHANGING = frozenset({"POST"})
#: Once for oneself, and once for a child in one's care.
source_paths = [
    path("sources/", sources.sources, name="sources"),
    path("sources/to/<slug:purpose>/<slug:recipient>/", sources.recipient, name="recipient"),
    path("sources/<slug:provider>/", sources.source, name="source"),
    path("sources/<slug:provider>/identifier/", identifier.identifier, name="identifier"),
    path("grants/<int:grant>/receipt/", sources.receipt, name="receipt"),
    path("grants/<int:grant>/receipt.json", sources.receipt_file, name="receipt_file"),
]
privacy_paths = [
    path("privacy/", privacy.privacy, name="privacy"),
    path("privacy/district/", privacy.district, name="district"),
    path("privacy/record.zip", require_POST(shown_recently(privacy.export)), name="export"),
    path("privacy/record/", privacy.readable, name="readable"),
    path("privacy/ask/<slug:kind>/", privacy.new_request, name="new_request"),
    path("privacy/requests/<uuid:request_id>/", privacy.one_request, name="request"),
    path("privacy/close/", shown_recently(privacy.close, methods=CHANGING), name="close"),
]
together_paths = [
    path("together/", together.together, name="together"),
    path("together/goal/", together.goal, name="goal"),
    path("together/groups/new/", together.new_group, name="new_group"),
    path("together/groups/join/", together.join_group, name="join_group"),
    path("together/groups/<uuid:group>/", together.group, name="group"),
    path("together/challenges/<slug:challenge>/", together.challenge, name="challenge"),
    path("together/board/", together.board, name="board"),
]
points_paths = [
    path("points/", points.points, name="points"),
    path("points/convert/", convert_points.convert_points, name="convert_points"),
    path("points/history/", points.history, name="points_history"),
    path("points/offers/", points_offers.offers, name="points_offers"),
    path("points/offers/<slug:offer>/", points_offers.offer, name="points_offer"),
    path("points/redemptions/<int:redemption>/", redemption.redemption, name="redemption"),
    path("points/redemptions/<int:redemption>/state/", redemption.redemption_state, name="redemption_state"),
    path(
        "points/redemptions/<int:redemption>/cancel/",
        redemption.release_redemption,
        name="release_redemption",
    ),
]
link_paths = [
    path("link/", federation_links.links, name="links"),
    path("link/authorize/", federation_links.authorize, name="link_authorize"),
    path("link/return/", federation_links.link_return, name="link_return"),
    path("link/<slug:peer>/begin/", federation_links.begin_link, name="link_begin"),
    path("link/<int:link>/end/", federation_links.end_link, name="link_end"),
]
urlpatterns = [
    path("", views.home, name="home"),
    path("statement.pdf", paper_statement.paper_statement, name="paper_statement"),
    path("statements/", statements.page, name="statements"),
    path("statements/<int:grant>/code/", statements.code, name="statement_code"),
    path("statements/<int:grant>/credential/", statements.credential, name="statement_credential"),
    *source_paths,
    path("children/<int:child>/", include((source_paths, "child"))),
    *privacy_paths,
    *together_paths,
    *points_paths,
    *link_paths,
    path("chart/<slug:theme>.svg", chart.chart, name="chart"),
    path("acts/", activities.activities, name="activities"),
    path("acts/<int:record>/", activities.activity, name="activity"),
    path("acts/<int:record>/appeal/", appeals.appeal_page, name="appeal"),
    path("appeals/", appeals.appeals, name="appeals"),
    path("certificates/", certificates.certificates, name="certificates"),
    path("certificates/statement-<slug:language>.pdf", certificates.statement_pdf, name="statement_pdf"),
    path("certificates/share-<str:lot>.json", certificates.share_proof, name="share_proof"),
    path("pools/", pools.pools_page, name="pools"),
    path("pools/<slug:pool>/", pools.pool_page, name="pool"),
    path("money/", shown_recently(money.money_page, methods=CHANGING), name="money"),
    path("tokens/", shown_recently(tokens.tokens, methods=CHANGING), name="tokens"),
    path("tokens/<uuid:token>/revoke/", tokens.revoke_token, name="revoke_token"),
]
