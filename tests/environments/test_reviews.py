"""What a review says of pull requests as they come, by the real engine on simulated clouds."""

import pytest

from tests.environments.reviews import CASES, GOLDEN, PullRequest
from tools.review.render import render

FAIL = {
    *("cidr-wrong", "program-broken", "rules-broken", "price-missing", "rule-added"),
    "region-removed",  # the one region that is left has no standby
}
ONE_LINE = {
    *("keys-reordered", "image-only", "tags-only", "documents-only", "renamed-with-alias"),
    "provider-upgraded",
}


@pytest.fixture(scope="module")
def change(tmp_path_factory: pytest.TempPathFactory) -> PullRequest:
    return PullRequest(tmp_path_factory.mktemp("reviews"))


@pytest.mark.parametrize("name", CASES)
def test_a_pull_request_is_reviewed_as_it_is_written_down(change: PullRequest, name: str) -> None:
    change.take_back()
    CASES[name](change)
    made = change.review()
    said = render(made)
    written = (GOLDEN / f"{name}.md").read_text()
    assert said == written, f"`make golden` renews tests/golden/reviews/{name}.md"
    assert made.failed == (name in FAIL)
    assert said.startswith("**Review failed.**") == (name in FAIL)
    assert (said.count("\n") == 1) == (name in ONE_LINE)
