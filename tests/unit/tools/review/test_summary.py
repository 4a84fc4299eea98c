"""Grouping changes, and telling what matters from what is only much."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.review.changes import Change, Operation
from tools.review.summary import counted, differences, grouped, quiet, stores

DEPLOYMENT = "kubernetes:apps/v1:Deployment"


def change(operation: Operation = "update", kind: str = DEPLOYMENT, **more: Any) -> Change:
    given: dict[str, Any] = {
        "name": "a",
        "place": "",
        "before": {},
        "after": {},
        "holds_data": False,
    }
    return Change(operation=operation, kind=kind, **(given | more))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (change(paths=("tags.project", "tagsAll.project")), "tags"),
        (change(paths=("settings.userLabels.project",)), "tags"),
        (change(paths=("metadata.labels.app",)), "tags"),
        (change(paths=("tags.project", "size")), None),
        (change(paths=("spec.template.spec.containers[0].image",)), "image"),
        (change(paths=("spec.template.spec.initContainers[1].image",)), "image"),
        (change(paths=("spec.template.spec.containers[0].imagePullPolicy",)), None),
        (change(paths=("spec.template.metadata.annotations.checksum",)), None),
        (change(paths=("spec.replicas", "spec.template.spec.containers[0].image")), None),
        (change(kind="docker-build:index:Image", paths=("contextHash",)), "image"),
        (change("delete", kind="docker-build:index:Image"), None),
        (change("create", paths=()), None),
        (change("update", paths=()), None),
        (change("replace", paths=("tags.a",), forced_by=("tags.a",)), None),
        (
            change(
                "replace",
                kind="kubernetes:batch/v1:Job",
                paths=("spec.template.spec.containers[0].image",),
                forced_by=("spec.template.spec.containers[0].image",),
            ),
            "image",
        ),
        (
            change(
                "replace",
                kind="kubernetes:batch/v1:Job",
                paths=("spec.template.spec.containers[0].image",),
                forced_by=("spec.template.spec.serviceAccountName",),
            ),
            None,
        ),
    ],
)
def test_only_images_and_tags_are_quiet(made: Change, expected: str | None) -> None:
    assert quiet(made) == expected


@pytest.mark.parametrize(
    ("path", "before", "after", "said"),
    [
        ("size", {"size": 1}, {"size": 2}, "size: 1 → 2"),
        (
            "a.b[1].c",
            {"a": {"b": [0, {"c": "x"}]}},
            {"a": {"b": [0, {"c": "y"}]}},
            'a.b[1].c: "x" → "y"',
        ),
        ('a["x.y"]', {"a": {"x.y": True}}, {"a": {"x.y": False}}, 'a["x.y"]: true → false'),
        ("a.x.y", {"a": {"x.y": "1"}}, {"a": {"x.y": "2"}}, 'a.x.y: "1" → "2"'),
        ("a[3]", {"a": [1]}, {"a": [2]}, "a[3]"),
        ("size", {"size": "[secret]"}, {"size": "[secret]"}, "size"),
        ("size", {"size": "f" * 64}, {"size": "e" * 64}, "size"),
        ("size", {"size": 1}, {"size": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}, "size"),
        ("size", {}, {"size": 2}, "size"),
        ("size", {"size": {"of": 1}}, {"size": {"of": 2}}, "size"),
    ],
)
def test_a_difference_is_shown_where_it_says_something(
    path: str, before: dict[str, Any], after: dict[str, Any], said: str
) -> None:
    assert differences(change(paths=(path,), before=before, after=after)) == (said,)


def test_what_changes_alike_is_one_group_and_losses_come_first() -> None:
    alike = [
        change(
            name=f"{place}-x", place=place, paths=("size",), before={"size": 1}, after={"size": 2}
        )
        for place in ("us", "eu", "us")
    ]
    groups = grouped([change("create", name="new"), *alike, change("delete", name="old")])
    assert [one.operation for one in groups] == ["delete", "update", "create"]
    assert groups[1].places == {"us": 2, "eu": 1}
    assert groups[1].differences == ("size: 1 → 2",)


CHANGES = st.lists(
    st.builds(
        change,
        st.sampled_from(["create", "update", "replace", "delete"]),
        st.sampled_from([DEPLOYMENT, "aws:s3/bucket:Bucket"]),
        name=st.text("ab", min_size=1, max_size=2),
        place=st.sampled_from(["", "us", "eu"]),
        paths=st.lists(st.sampled_from(["size", "tags.a"]), max_size=2).map(tuple),
        holds_data=st.booleans(),
    )
)


@given(CHANGES)
def test_no_change_is_lost_in_groups_or_counts(changes: list[Change]) -> None:
    groups = grouped(changes)
    assert sum(len(one.names) for one in groups) == len(changes)
    assert sum(sum(one.places.values()) for one in groups) == len(changes)
    assert sum(counted(changes).values()) == len(changes)


@given(CHANGES)
def test_whatever_loses_data_is_told_and_never_quiet(changes: list[Change]) -> None:
    lost = stores(changes)
    assert all(one.operation in {"replace", "delete"} for one in lost)
    assert all(quiet(one) is None for one in lost)
    assert len(lost) == sum(
        1 for one in changes if one.holds_data and one.operation in {"replace", "delete"}
    )
