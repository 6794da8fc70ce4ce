"""``tanpuhui federation``: peers and keys, messages out and in, lots that a city certifies, reconciliation, links."""

from __future__ import annotations

from cyclopts import App

app = App(
    name="federation", help="Speak with other platforms: a district with its city, a city with another one."
)
app.command(
    "tanpuhui.cli.federation.peer:app", name="peer", help="Who the other platforms are, and their keys."
)
app.command("tanpuhui.cli.federation.key:app", name="key", help="Our own keys, and the one that follows.")
app.command(
    "tanpuhui.cli.federation.link:app", name="link", help="Links of residents' accounts with other platforms."
)
for _name in ("send", "replay", "outbox", "inbox", "findings", "reconcile"):
    app.command(f"tanpuhui.cli.federation.messages:{_name}", name=_name)
app.command("tanpuhui.cli.federation.demo:demo", name="demo")
app.command("tanpuhui.cli.federation.demo_step:demo_step", name="demo-step", show=False)
app.command("tanpuhui.cli.federation.demo_step:demo_commands", name="demo-commands", show=False)
for _name in ("ask", "asks", "certify", "refuse", "recognise"):
    app.command(f"tanpuhui.cli.federation.lots:{_name}", name=_name)
