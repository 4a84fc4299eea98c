"""How measured figures are judged, kept and shown."""

import json
from pathlib import Path

from tests.bench.figures import at_least_of, at_most, keep, table


def test_a_goal_is_met_at_its_limit_and_missed_beyond() -> None:
    assert at_most("time", 40, "s", 40).met
    assert not at_most("time", 40.1, "s", 40).met
    assert at_least_of("rate", 70, 100, "calls/s", 0.7).met
    missed = at_least_of("rate", 69, 100, "calls/s", 0.7)
    assert (missed.ratio, missed.met) == (0.69, False)


def test_a_new_measurement_replaces_only_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    keep([at_most("a", 1, "s", 2), at_most("b", 1, "s", 2)], path)
    keep([at_most("a", 3, "s", 2)], path)
    kept = {one["name"]: one for one in json.loads(path.read_text())}
    assert kept["a"] == {
        "name": "a",
        "value": 3,
        "unit": "s",
        "baseline": None,
        "ratio": None,
        "goal": "<= 2 s",
        "met": False,
    }
    assert kept["b"]["met"] is True


def test_the_table_shows_what_was_missed() -> None:
    shown = table([at_least_of("rate", 1, 2, "calls/s", 0.7)]).splitlines()
    assert shown[0].split() == ["figure", "value", "baseline", "ratio", "goal", "met"]
    assert shown[1].split() == ["rate", "1", "calls/s", "2", "0.50", "ratio", ">=", "0.7", "NO"]
