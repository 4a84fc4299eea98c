"""What Lambda runs to let a region lead, against an RDS that answers as the real one does."""

import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from components.clouds.aws import lead_database
from components.clouds.aws.lead_database import lead

OLD = "arn:aws:rds:eu-central-1:123456789012:cluster:production-eu-central-1"
NEW = "arn:aws:rds:eu-west-1:123456789012:cluster:production-eu-west-1"


class ClientError(Exception):
    """As botocore's: the service answered with an error."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.response = {"ResponseMetadata": {"HTTPStatusCode": status}}


class HTTPClientError(Exception):
    """As botocore's: no answer at all."""


@pytest.fixture(autouse=True)
def _botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    exceptions = ModuleType("botocore.exceptions")
    vars(exceptions).update(ClientError=ClientError, HTTPClientError=HTTPClientError)
    monkeypatch.setitem(sys.modules, "botocore.exceptions", exceptions)


@dataclass
class Rds:
    """A global cluster of two; a change of roles takes as many looks as ``slow``."""

    writer: str = OLD
    slow: int = 1
    old_answers: Exception | None = None
    calls: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    pending: str | None = None
    looks: int = 0
    seconds: float = 900

    def client(self, region: str) -> "Client":
        return Client(self, region)

    def run(self, leader: str = NEW) -> str:
        return lead(
            "production",
            leader,
            client=self.client,
            seconds_left=lambda: self.seconds,
            sleep=self.sleep,
        )

    def sleep(self, seconds: float) -> None:
        self.seconds -= seconds


@dataclass
class Client:
    """The RDS client of a region."""

    rds: Rds
    region: str

    def describe_global_clusters(self, *, GlobalClusterIdentifier: str) -> dict[str, Any]:  # noqa: N803
        assert GlobalClusterIdentifier == "production"
        assert self.region == "eu-west-1", "the region that may be lost is not asked"
        rds = self.rds
        if rds.pending:
            rds.looks += 1
            if rds.looks >= rds.slow:
                rds.writer, rds.pending = rds.pending, None
        members = [{"DBClusterArn": one, "IsWriter": one == rds.writer} for one in (OLD, NEW)]
        status = "switching-over" if rds.pending else "available"
        return {"GlobalClusters": [{"Status": status, "GlobalClusterMembers": members}]}

    def describe_db_clusters(self, *, DBClusterIdentifier: str) -> dict[str, Any]:  # noqa: N803
        assert DBClusterIdentifier == OLD
        assert self.region == "eu-central-1"
        if self.rds.old_answers:
            raise self.rds.old_answers
        return {"DBClusters": [{"Status": "backing-up"}]}

    def switchover_global_cluster(self, **arguments: Any) -> None:
        assert arguments["TargetDbClusterIdentifier"] == NEW
        self._change("switchover")

    def failover_global_cluster(self, **arguments: Any) -> None:
        assert arguments["TargetDbClusterIdentifier"] == NEW
        assert arguments["AllowDataLoss"] is True
        self._change("failover")

    def _change(self, how: str) -> None:
        self.rds.calls.append((how, self.region))
        self.rds.pending, self.rds.looks = NEW, 0


def test_the_writer_is_left_alone() -> None:
    rds = Rds(writer=NEW)
    assert rds.run() == "already"
    assert rds.calls == []


def test_roles_are_switched_without_loss_while_the_old_writer_answers() -> None:
    rds = Rds(slow=5)
    assert rds.run() == "switched"
    assert rds.calls == [("switchover", "eu-west-1")]
    assert rds.writer == NEW


@pytest.mark.parametrize("answer", [HTTPClientError(), ClientError(503)])
def test_a_writer_that_cannot_be_reached_is_failed_over_from(answer: Exception) -> None:
    rds = Rds(old_answers=answer)
    assert rds.run() == "failed-over"
    assert rds.calls == [("failover", "eu-west-1")]


def test_a_refused_question_is_no_lost_region() -> None:
    rds = Rds(old_answers=ClientError(403))
    with pytest.raises(ClientError):
        rds.run()
    assert rds.calls == []


def test_asking_again_does_nothing_more() -> None:
    rds = Rds()
    assert [rds.run(), rds.run()] == ["switched", "already"]
    assert len(rds.calls) == 1


def test_a_change_under_way_is_awaited_and_not_asked_for_twice() -> None:
    rds = Rds(pending=NEW, slow=3)
    assert rds.run() == "already"
    assert rds.calls == []


def test_a_change_that_does_not_end_is_told_with_what_to_look_at() -> None:
    rds = Rds(slow=10_000)
    with pytest.raises(RuntimeError, match=r"production is still 'switching-over'.*pulumi up"):
        rds.run()


def test_a_region_that_is_no_member_cannot_lead() -> None:
    stranger = NEW.replace("cluster:production-eu-west-1", "cluster:stranger")
    rds = Rds()
    with pytest.raises(
        RuntimeError, match="stranger is no member of the global cluster production"
    ):
        rds.run(stranger)
    assert rds.calls == []


def test_lambda_is_answered_with_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 900_000

    rds = Rds(writer=NEW)
    monkeypatch.setattr(lead_database, "_client", rds.client)
    answer = lead_database.handler({"global_cluster": "production", "leader": NEW}, Context())
    assert answer == {"outcome": "already"}
