"""A close credits by a factor that comes from a survey; the explanation says that it is illustrative."""

from __future__ import annotations

from dataclasses import replace

from close.town import Town, metro, pending_mg, results
from tanpuhui.close.acts import act_of
from tanpuhui.close.trace import trace
from tanpuhui.quantify.outcome import Outcome


def test_a_city_that_names_the_methodology_credits_its_trips_by_the_survey(town: Town) -> None:
    """10 km x 37.9 g/km = 379 g, where Shenzhen's factor gives 467 g."""
    rules = town.jurisdiction
    scenes = tuple(
        replace(scene, methodology="national/metro-by-survey") if scene.kind == "metro_trip" else scene
        for scene in rules.scenes
    )
    accounts = town.settle("a")
    town.take(metro("m1", "a", 10_000))
    closed = replace(town, jurisdiction=replace(rules, scenes=scenes)).close()

    ((record, (outcome, credited_mg)),) = results(town, closed).items()
    seen = act_of(accounts["a"], record, town.places)
    explained = trace(seen, town.places).explanation
    assert (outcome, credited_mg, pending_mg(accounts["a"])) == ("credited", 379_000, 379_000)
    assert seen.outcome is Outcome.credited
    assert explained is not None and (explained.code, explained.status) == (
        "national/metro-by-survey",
        "illustrative",
    )
