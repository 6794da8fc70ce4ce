"""``tanpuhui federation``: peers and keys, messages out and in, lots that a city certifies, reconciliation, links."""

from __future__ import annotations

from cyclopts import App

from tanpuhui.cli.federation import key, link, peer
from tanpuhui.cli.federation.demo import demo
from tanpuhui.cli.federation.demo_step import demo_commands, demo_step
from tanpuhui.cli.federation.lots import ask, asks, certify, recognise, refuse
from tanpuhui.cli.federation.messages import findings, inbox, outbox, reconcile, replay, send

app = App(
    name="federation", help="Speak with other platforms: a district with its city, a city with another one."
)
for _group in (peer, key, link):
    app.command(_group.app)
for _verb in (send, replay, outbox, inbox, findings, reconcile, ask, asks, certify, refuse, recognise, demo):
    app.command(_verb)
app.command(demo_step, show=False)
app.command(demo_commands, show=False)
