"""How long applies took, from a stack's history."""

import json
from datetime import timedelta
from typing import Any

from tools.review.applies import applies, like


def update(minutes: tuple[int, int], message: str = "", **more: Any) -> dict[str, Any]:
    start, end = minutes
    return {
        "kind": "update",
        "result": "succeeded",
        "startTime": f"2026-11-20T10:{start:02}:00.000Z",
        "endTime": f"2026-11-20T10:{end:02}:00.000Z",
        "message": message,
        "resourceChanges": {"create": 2, "same": 9},
        **more,
    }


def test_the_waves_of_one_apply_are_added_up() -> None:
    found = applies(
        json.dumps(
            [
                update((20, 30), "wave 2 of 2: eu; apply 7f3a"),
                update((10, 15), "wave 1 of 2: us; apply 7f3a"),
                update((1, 2)),
            ]
        )
    )
    assert [one.took for one in found] == [timedelta(minutes=15), timedelta(minutes=1)]
    assert found[0].changes == {"create": 4}
    assert found[0].ended.minute == 30


def test_what_failed_and_what_was_no_update_is_left_out() -> None:
    history = [update((1, 2), result="failed"), update((3, 4), kind="refresh")]
    assert applies(json.dumps(history)) == []
    assert applies("") == []


def test_the_newest_that_did_the_same_is_like_it() -> None:
    history = applies(
        json.dumps(
            [
                update((40, 41), resourceChanges={"same": 9}),
                update((30, 31)),
                update((20, 25), resourceChanges={"create": 1, "replace": 1}),
            ]
        )
    )
    assert like(history, ["create"]) == history[1]
    assert like(history, ["create", "replace"]) == history[2]
    assert like(history, ["delete"]) == history[1]
    assert like([], ["create"]) is None
