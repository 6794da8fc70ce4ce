"""PDF: documents for people, set by typst with a font that has Chinese; no system library is needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.http import HttpResponse


def pdf(template: Path, content: Mapping[str, Any], *, name: str) -> HttpResponse:
    """A document from a typst template, which reads ``content`` as JSON from ``sys.inputs.content``.

    What is filled in is data and never typst: nothing in it is evaluated. The document is tagged for screen readers.
    """
    import typst

    made = typst.compile(
        template.read_bytes(),
        font_paths=fonts(),
        sys_inputs={"content": json.dumps(content, ensure_ascii=False)},
        format="pdf",
        pdf_standards="ua-1",
    )
    assert isinstance(made, bytes)
    answer = HttpResponse(made, content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@lru_cache(maxsize=1)
def fonts() -> Any:
    """The font that comes with the installation, found once; the machine's own are left aside."""
    import noto_cjk_sans_otc
    import typst

    assert noto_cjk_sans_otc.__file__
    folder = str(Path(noto_cjk_sans_otc.__file__).parent)
    return typst.Fonts(include_system_fonts=False, font_paths=[folder])
