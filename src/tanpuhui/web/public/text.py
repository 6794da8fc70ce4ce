"""Text: Markdown of methodologies and of the glossary as safe HTML, in one language where a text has both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_LANGUAGES = {"zh": "## 中文", "en": "## English"}


def in_language(text: str, language: str) -> str:
    """The part of a text in a language, without its title; the whole text where it is not divided."""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    wanted = _LANGUAGES["zh" if language.startswith("zh") else "en"]
    for part in parts:
        if part.startswith(wanted):
            return part.removeprefix(wanted).lstrip("\n")
    return re.sub(r"\A# .*\n", "", text)


def rendered(text: str) -> SafeString:
    """Markdown as HTML. HTML in it is shown as text; only http(s) and mail links, and links within, are links."""
    html: str = _markdown().render(text)
    return mark_safe(html)


class SafeMarkdown(MarkdownIt):
    """Markdown whose links lead to pages, mailboxes or places of the same page, and nowhere else."""

    def validateLink(self, url: str) -> bool:
        return url.strip().lower().startswith(("https://", "http://", "mailto:", "#"))


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    markdown = SafeMarkdown("commonmark", {"html": False, "linkify": False}).enable("table")
    markdown.add_render_rule("table_open", _table_open)
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    markdown.add_render_rule("fence", _code)
    markdown.add_render_rule("code_block", _code)
    markdown.add_render_rule("image", lambda _self, tokens, at, *_: escape(tokens[at].content))
    return markdown


def _code(_renderer: Any, tokens: Sequence[Any], at: int, *_more: Any) -> str:
    """Code that is too wide scrolls by itself, also from the keyboard."""
    return f'<pre tabindex="0"><code>{escape(tokens[at].content)}</code></pre>\n'


def _table_open(_renderer: Any, _tokens: Sequence[Any], _at: int, *_more: Any) -> str:
    """A table that is too wide scrolls by itself, also from the keyboard."""
    return '<div class="table" tabindex="0"><table>\n'
