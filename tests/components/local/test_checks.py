"""What the provider says of inputs: mistakes, defaults, and which changes replace."""

from typing import Any

import pytest

from components.clouds.local.provider import registry
from components.clouds.local.provider.framework import Difference
from components.clouds.local.provider.values import (
    UNKNOWN,
    Value,
    from_struct,
    has_unknown,
    to_struct,
)

GOOD: dict[str, dict[str, Any]] = {
    "RandomPassword": {"length": 20},
    "CertificateAuthority": {
        "folder": "/home/ca",
        "common_name": "platform",
        "trust_domain": "example.internal",
    },
    "Certificate": {
        "authority_folder": "/home/ca",
        "authority_fingerprint": "00",
        "folder": "/home/gateway",
        "name": "gateway",
        "spiffe_id": "spiffe://example.internal/us-east-1/gateway",
    },
    "Supervisor": {"name": "us-east-1", "folder": "/home/us", "port": 18200},
    "Process": {"supervisor": "/home/us", "name": "web", "command": ["web"], "ports": [1, 2]},
    "Job": {"folder": "/home/us", "name": "migrate", "command": ["migrate"]},
    "PostgresServer": {
        "supervisor": "/home/us",
        "name": "postgres",
        "folder": "/home/us/database",
        "port": 18220,
        "role": "primary",
        "superuser_password": "correct-horse",
        "replication_password": "battery-staple",
    },
    "Database": {
        "host": "127.0.0.1",
        "port": 18220,
        "superuser_password": "correct-horse",
        "database_name": "security",
        "owner": {"name": "security_owner", "password": "correct-horse"},
    },
    "Valkey": {
        "supervisor": "/home/us",
        "name": "cache",
        "folder": "/home/us/cache",
        "port": 18221,
        "password": "correct-horse-battery",
    },
    "Envoy": {
        "supervisor": "/home/us",
        "name": "gateway",
        "bootstrap": "{}",
        "ports": [18210],
        "admin_port": 18211,
    },
}

MISTAKES = [
    ("RandomPassword", {"length": 3}, "length", "16 to 256"),
    ("RandomPassword", {"size": 20}, "size", "there are: length"),
    ("CertificateAuthority", {"folder": "ca"}, "folder", "not an absolute path"),
    ("CertificateAuthority", {"trust_domain": "A B"}, "trust_domain", "SPIFFE trust domain"),
    ("CertificateAuthority", {"common_name": None}, "common_name", "is missing"),
    ("Certificate", {"spiffe_id": "https://x/y"}, "spiffe_id", "spiffe://<trust domain>"),
    ("Certificate", {"ip_addresses": ["localhost"]}, "ip_addresses[0]", "IPv4 or IPv6"),
    ("Certificate", {"validity_days": 20}, "", "must be below validity_days (20)"),
    ("Supervisor", {"port": 70000}, "port", "a TCP port, 1 to 65535"),
    ("Supervisor", {"port": "many"}, "port", "not 'many'"),
    ("Supervisor", {"name": "US East"}, "name", "letters, digits"),
    ("Process", {"name": "logs"}, "name", "choose another name"),
    ("Process", {"command": []}, "command", "the program and its arguments"),
    ("Process", {"ports": [80, 0]}, "ports[1]", "a TCP port"),
    ("Process", {"files": {"../x": ""}}, "files.../x.[key]", "not a relative path"),
    ("Process", {"environment": {"A B": ""}}, "environment.A B.[key]", "match pattern"),
    ("Process", {"restart": "sometimes"}, "restart", "'always', 'on-failure' or 'never'"),
    ("Process", {"readiness": {"kind": "udp", "port": 1}}, "readiness.kind", "'grpc', 'http'"),
    ("Process", {"readiness": {"kind": "tcp"}}, "readiness.port", "is missing"),
    (
        "Process",
        {"readiness": {"kind": "grpc", "port": 1, "certificate_file": "/c"}},
        "readiness",
        "certificate_file and key_file go together",
    ),
    ("Job", {"timeout_seconds": 0}, "timeout_seconds", "1 to 3600 seconds"),
    ("PostgresServer", {"role": "leader"}, "role", "'primary' or 'standby'"),
    ("PostgresServer", {"role": "standby"}, "", "a standby needs primary"),
    ("PostgresServer", {"slot": "x"}, "", "a primary follows nobody"),
    ("PostgresServer", {"settings": {"port": "1"}}, "settings", "set by the resource itself"),
    ("PostgresServer", {"standby_slots": ["eu-west"]}, "standby_slots[0]", "lower-case"),
    ("Database", {"database_name": "Security"}, "database_name", "lower-case"),
    ("Database", {"owner": {"name": "o"}}, "owner.password", "is missing"),
    ("Valkey", {"max_memory_megabytes": 1}, "max_memory_megabytes", "4 to 65536 MiB"),
    ("Envoy", {"bootstrap": "{"}, "bootstrap", "is not JSON"),
    ("Envoy", {"bootstrap": "[]"}, "bootstrap", "is not a JSON object"),
]

REPLACING = {
    "RandomPassword": {"length": 30},
    "CertificateAuthority": {"trust_domain": "other.internal"},
    "Certificate": {"folder": "/home/other"},
    "Supervisor": {"folder": "/home/other"},
    "Process": {"name": "other"},
    "Job": {"name": "other"},
    "PostgresServer": {"folder": "/home/other"},
    "Database": {"database_name": "other"},
    "Valkey": {"folder": "/home/other"},
    "Envoy": {"supervisor": "/home/other"},
}

UPDATING = {
    "Certificate": {"authority_fingerprint": "01"},
    "Supervisor": {"port": 18201},
    "Process": {"triggers": {"version": "2"}},
    "Job": {"command": ["migrate", "again"]},
    "PostgresServer": {"role": "standby"},
    "Database": {"port": 18320},
    "Valkey": {"password": "another-horse-battery"},
    "Envoy": {"bootstrap": '{"admin": {}}'},
}


def checked(kind: str, **changes: Any) -> tuple[dict[str, Value], list[tuple[str, str]]]:
    inputs = {key: value for key, value in {**GOOD[kind], **changes}.items() if value is not None}
    filled, failures = registry.find(registry.PREFIX + kind).check(inputs)
    return filled, [(failure.property, failure.reason) for failure in failures]


def difference(kind: str, **changes: Any) -> Difference:
    old, _ = checked(kind)
    new, _ = checked(kind, **changes)
    return registry.find(registry.PREFIX + kind).diff(old, new, old | {"drift": []})


def test_every_resource_type_is_tested_here() -> None:
    assert sorted(GOOD) == registry.names() == sorted(REPLACING)


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_right_inputs_pass_and_come_back_with_defaults(kind: str) -> None:
    filled, failures = checked(kind)
    assert failures == []
    assert filled.items() >= GOOD[kind].items()
    assert checked(kind, **filled) == (filled, []), "a checked input checks to itself"


@pytest.mark.parametrize(("kind", "changes", "place", "said"), MISTAKES)
def test_a_mistake_names_the_property_and_what_would_be_right(
    kind: str, changes: dict[str, Any], place: str, said: str
) -> None:
    _, failures = checked(kind, **changes)
    assert [found for found, _ in failures] == [place]
    assert said in failures[0][1]


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_what_only_up_will_know_passes_a_preview(kind: str) -> None:
    filled, failures = checked(kind, **dict.fromkeys(GOOD[kind], UNKNOWN))
    assert failures == []
    resource = registry.find(registry.PREFIX + kind)
    promised = resource.preview(filled, None)
    assert set(resource.outputs) <= promised.keys()


def test_a_mistake_beside_something_unknown_is_still_found() -> None:
    _, failures = checked("Supervisor", folder=UNKNOWN, port=0)
    assert [place for place, _ in failures] == ["port"]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("Valkey", {"password": "hush hush hush hush"}),
        ("Database", {"superuser_password": ["hush"]}),
        ("Database", {"owner": {"name": "owner", "password": "hush"}}),
        ("Database", {"roles": [{"name": "role", "password": "hush"}]}),
        ("Process", {"secrets": {"A B": "hush"}}),
        ("PostgresServer", {"superuser_password": "hush"}),
        ("PostgresServer", {"replication_password": "hush\n"}),
    ],
)
def test_a_mistake_in_a_secret_does_not_show_it(kind: str, changes: dict[str, Any]) -> None:
    _, failures = checked(kind, **changes)
    assert failures
    assert "hush" not in str(failures)


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_the_same_inputs_make_no_difference(kind: str) -> None:
    assert difference(kind) == Difference()


@pytest.mark.parametrize("kind", sorted(REPLACING))
def test_what_names_the_thing_replaces_it(kind: str) -> None:
    assert difference(kind, **REPLACING[kind]) == Difference(replaces=frozenset(REPLACING[kind]))


@pytest.mark.parametrize("kind", sorted(UPDATING))
def test_everything_else_updates_it(kind: str) -> None:
    assert difference(kind, **UPDATING[kind]) == Difference(updates=frozenset(UPDATING[kind]))


def test_an_input_that_is_not_known_yet_counts_as_changed() -> None:
    assert difference("Supervisor", port=UNKNOWN).updates == {"port"}


def test_drift_found_by_a_read_calls_for_an_update() -> None:
    inputs, _ = checked("Valkey")
    resource = registry.find("local:index:Valkey")
    drift: list[Value] = ["process cache is stopped"]
    recorded: dict[str, Value] = {**inputs, "drift": drift}
    assert resource.diff(inputs, inputs, recorded).updates == {"drift"}


def test_a_certificate_near_its_end_calls_for_an_update() -> None:
    inputs, _ = checked("Certificate")
    resource = registry.find("local:index:Certificate")
    for end, updates in (
        ("2020-01-01T00:00:00+00:00", {"not_after"}),
        ("2999-01-01T00:00Z", set()),
    ):
        assert resource.diff(inputs, inputs, inputs | {"not_after": end}).updates == updates


def test_a_preview_of_a_role_change_does_not_promise_the_timeline() -> None:
    resource = registry.find("local:index:PostgresServer")
    inputs, _ = checked("PostgresServer")
    recorded: dict[str, Value] = inputs | {"timeline": 1, "system_identifier": "7"}
    kept = resource.preview(inputs, recorded)
    moved = resource.preview(inputs | {"role": "standby"}, recorded)
    assert (kept["timeline"], kept["system_identifier"]) == (1, "7")
    assert (moved["timeline"], moved["system_identifier"]) == (UNKNOWN, "7")


def test_an_unknown_resource_type_lists_those_there_are() -> None:
    with pytest.raises(KeyError, match="there are: local:index:Certificate,"):
        registry.find("local:index:Teapot")


def test_properties_survive_the_engines_encoding() -> None:
    properties: dict[str, Value] = {
        "unknown": [UNKNOWN, {"inner": UNKNOWN}],
        "numbers": [0, -1, 1.5, 2**53],
        "others": {"": "", "none": None, "true": True, "list": [], "map": {}},
    }
    assert from_struct(to_struct(properties)) == properties
    assert has_unknown(properties["unknown"])
    assert not has_unknown(properties["others"])
