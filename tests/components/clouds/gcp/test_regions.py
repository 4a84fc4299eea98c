"""Regions that come and go, and a leader that changes: what is declared anew, and what is not."""

from dataclasses import replace

from components.clouds.gcp.database import BY_LEADERSHIP
from tests.components.clouds.gcp.conftest import CALLS, GcpRecorder, everything, outputs_of
from tests.components.clouds.gcp.program import environment
from tests.components.recording import Made, Recorder, recording

EUROPE, AMERICA, AFRICA = "europe-west4", "us-central1", "africa-south1"


def declared(*locations: str, leader: str) -> dict[tuple[str, str], Made]:
    """Returns what a program registers, by type and name."""
    recorder: Recorder = GcpRecorder(outputs_of, CALLS)
    with recording(recorder):
        everything(environment(*locations), leader=f"gcp-{leader}")
    # Mocks register the stack itself once a process, in whichever recording comes first.
    made = [one for one in recorder.made if one.type != "pulumi:pulumi:Stack"]
    assert len(made) == len({(one.type, one.name) for one in made})
    return {(one.type, one.name): one for one in made}


def without_leadership(made: Made) -> Made:
    """Leaves out what is ignored once the server is there."""
    inputs = dict(made.inputs)
    for path in BY_LEADERSHIP:
        head, _, tail = path.partition(".")
        if not tail:
            inputs.pop(head, None)
        elif head in inputs:
            inputs[head] = {key: value for key, value in inputs[head].items() if key != tail}
    return replace(made, inputs=inputs, depends_on=frozenset())


def test_another_leader_changes_no_server() -> None:
    before = declared(EUROPE, AMERICA, AFRICA, leader=EUROPE)
    after = declared(EUROPE, AMERICA, AFRICA, leader=AMERICA)
    changed = {
        key
        for key in before.keys() & after.keys()
        if without_leadership(before[key]) != without_leadership(after[key])
    }
    job = "gcp:cloudrunv2/job:Job"
    assert changed == {
        (job, f"gcp-{EUROPE}-database-leadership"),
        (job, f"gcp-{AMERICA}-database-leadership"),
    }
    term = "random:index/randomId:RandomId"
    assert before.keys() ^ after.keys() == {
        (term, f"gcp-{EUROPE}-database-term"),
        (term, f"gcp-{AMERICA}-database-term"),
    }


def test_the_job_runs_where_the_leader_is_and_before_others_follow() -> None:
    made = declared(EUROPE, AMERICA, leader=AMERICA)
    jobs = {name: one for (kind, name), one in made.items() if kind == "gcp:cloudrunv2/job:Job"}
    leads, follows = (jobs[f"gcp-{one}-database-leadership"] for one in (AMERICA, EUROPE))
    assert leads.inputs["location"] == AMERICA
    assert leads.inputs["runExecutionToken"] == "0badcafe"
    assert "runExecutionToken" not in follows.inputs
    assert len(leads.inputs["name"]) + len(leads.inputs["runExecutionToken"]) < 63
    server = made["gcp:sql/databaseInstance:DatabaseInstance", f"gcp-{EUROPE}-database"]
    assert f"gcp-{AMERICA}-database-leadership" in server.depends_on
    assert server.inputs["masterInstanceName"] == f"gcp-{AMERICA}-database-1234567"


def test_what_changes_the_leader_may_change_nothing_else() -> None:
    made = declared(EUROPE, AMERICA, leader=AMERICA)
    grants = [
        one.inputs
        for (_, name), one in made.items()
        if one.type == "gcp:projects/iAMMember:IAMMember" and name.endswith("-leadership")
    ]
    assert len(grants) == 2
    for one in grants:
        assert one["role"] == "roles/cloudsql.admin"
        assert "resource.name ==" in one["condition"]["expression"]


def test_a_new_region_leaves_the_others_as_they_are() -> None:
    """The front door and the registry, which are of all regions, are not among them."""
    before = declared(EUROPE, AMERICA, leader=EUROPE)
    after = declared(AFRICA, EUROPE, AMERICA, leader=EUROPE)
    changed = {key for key in before if before[key] != after.get(key)}
    assert changed == {("gcp:dns/recordSet:RecordSet", "director")}
