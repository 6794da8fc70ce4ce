"""Paper: a page on A4 from a template and values, by typst; the values never become a part of the template."""

from __future__ import annotations

import json
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def typeset(template: str, values: dict[str, Any], *, at: datetime) -> bytes:
    """The PDF of a template with these values (JSON-ready); the same values and moment give the same bytes."""
    import typst
    from noto_cjk_sans_otc import FONT_PATH

    return bytes(
        typst.compile(
            FOLDER / template,
            root=FOLDER,
            font_paths=[Path(str(FONT_PATH)).parent],
            ignore_system_fonts=True,
            sys_inputs={"values": json.dumps(values, ensure_ascii=False)},
            format="pdf",
            timestamp=int(at.timestamp()),
        )
    )


def qr(text: str) -> str:
    """A QR code as SVG, for a template to draw."""
    import segno

    out = BytesIO()
    segno.make(text, error="m").save(out, kind="svg", xmldecl=False, border=0)
    return out.getvalue().decode()
