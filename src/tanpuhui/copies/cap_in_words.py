"""Cap in words: a cap's rule and arithmetic in the reader's language, exact, as paper and pages show them."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from tanpuhui.kit.exact import parse_decimal
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.offsetting.cap import Cap
from tanpuhui.quantify.rule_tables import ALLOWANCES


@dataclass(frozen=True)
class CapInWords:
    """What a share is of, how much, and what comes of it; amounts in mg."""

    denominator: str
    share_percent: str
    least_local_percent: str
    whole_mg: int
    cap_mg: int

    @property
    def of(self) -> str:
        return _("allowances") if self.denominator == ALLOWANCES else _("verified emissions")

    @property
    def says(self) -> str:
        """The rule as a sentence."""
        said = _("at most {share} % of the {of} of the year").format(share=self.share_percent, of=self.of)
        if parse_decimal(self.least_local_percent):
            said += _(", at least {share} % of it local").format(share=self.least_local_percent)
        return said

    @property
    def arithmetic(self) -> str:
        """How the cap is reckoned, to the milligram."""
        whole, cap = in_tonnes(self.whole_mg), in_tonnes(self.cap_mg)
        said = f"{whole} {self.of} × {self.share_percent} / 100 = {cap}"
        if self.whole_mg * parse_decimal(self.share_percent) != self.cap_mg * 100:
            said += _(", rounded down to a milligram")
        return said


def in_words(cap: Cap) -> CapInWords:
    """A cap's words."""
    content = cap.rule.content
    return CapInWords(
        content["denominator"],
        content["share_percent"],
        cap.least_local_percent,
        cap.whole_mg,
        cap.cap_mg,
    )


def in_tonnes(amount_mg: int) -> str:
    """Milligrams as exact tonnes with the language's separators."""
    whole, rest = divmod(amount_mg, TONNE_MG)
    digits = f"{rest:09d}".rstrip("0")
    number = number_format(f"{whole}.{digits}" if digits else str(whole), use_l10n=True, force_grouping=True)
    return f"{number}\N{NO-BREAK SPACE}{pgettext('unit', 't')}"
