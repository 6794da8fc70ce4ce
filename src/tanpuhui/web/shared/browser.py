"""Browser: the kind of browser and machine that a request says it comes from, for a person to know it again."""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

#: Those that have a name of their own in each language.
NAMED = (gettext_noop("WeChat"), gettext_noop("Alipay"))
#: What is in the header, and what it is; the first that is found counts, since most say that they are several.
_BROWSERS = (
    ("MicroMessenger", "WeChat"), ("AlipayClient", "Alipay"), ("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_MACHINES = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("HarmonyOS", "HarmonyOS"), ("Android", "Android"), ("Windows", "Windows"),
    ("Macintosh", "Mac"), ("Linux", "Linux"),
)  # fmt: skip


def browser_of(header: str) -> str:
    """``Firefox, Windows`` and the like; empty where neither is known.

    >>> browser_of("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0")
    'Firefox, Windows'
    >>> browser_of("curl/8.5")
    ''
    """
    found = [next((name for part, name in known if part in header), "") for known in (_BROWSERS, _MACHINES)]
    return ", ".join(name for name in found if name)


def shown(browser: str) -> str:
    """The same in the reader's language."""
    return ", ".join(gettext(part) if part in NAMED else part for part in browser.split(", "))
