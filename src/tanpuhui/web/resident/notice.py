"""Notice: the exact words of a consent's notice, line by line, as pages draw them."""

from __future__ import annotations

from typing import Any

from tanpuhui.consent.policy import Notice


def lines_of(notice: Notice) -> dict[str, Any]:
    """The title, each line with the name before its colon, and which version of the text it is."""
    title, _blank, *rest = notice.text.strip().split("\n")
    lines = []
    for line in rest:
        mark = "：" if notice.lang == "zh" else ": "
        name, found, said = line.partition(mark)
        is_pair = bool(found) and len(name) < 60
        lines.append({"name": f"{name}{mark.strip()}" if is_pair else "", "said": said if is_pair else line})
    return {"title": title, "lines": lines, "version": notice.version, "digest": notice.digest}
