"""Valkey and Envoy: what is particular to each beyond being supervised processes."""

import json
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import redis

from components.clouds.local.provider.framework import RefusedError
from tests.components.local.machine import PASSWORD, Declared, Machine, answers
from tests.ports import free_port


def valkey(machine: Machine) -> Declared:
    return machine.declare(
        "Valkey",
        supervisor=str(machine.home / "region"),
        name="cache",
        folder=str(machine.home / "cache"),
        port=free_port(),
        password=PASSWORD,
        max_memory_megabytes=8,
    )


def client(made: Declared, password: str = PASSWORD) -> redis.Redis:
    port = int(str(made.inputs["port"]))
    return redis.Redis(host="127.0.0.1", port=port, password=password, decode_responses=True)


def test_valkey_wants_its_password_and_writes_nothing_to_disk(machine: Machine) -> None:
    machine.supervisor()
    made = valkey(machine)
    with client(made) as cache:
        cache.set("key", "value")
        assert cache.config_get("save") == {"save": ""}
        assert cache.config_get("maxmemory*")["maxmemory-policy"] == "allkeys-lru"
        assert cache.config_get("maxmemory")["maxmemory"] == str(8 * 1024 * 1024)
    with client(made, "wrong") as stranger, pytest.raises(redis.AuthenticationError):
        stranger.get("key")
    settings = machine.home / "cache" / "valkey.conf"
    assert settings.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in (machine.home / "cache").iterdir()] == ["valkey.conf"]
    assert not any(PASSWORD in word for one in machine.running() for word in one.process.cmdline())


def test_valkey_takes_a_new_password_and_comes_back_when_its_folder_is_deleted(
    machine: Machine,
) -> None:
    machine.supervisor()
    made = valkey(machine)
    assert made.up(password=f"{PASSWORD}-2").updates == {"password"}
    with client(made, f"{PASSWORD}-2") as cache:
        assert cache.ping()
    settings = machine.home / "cache" / "valkey.conf"
    settings.unlink()
    settings.parent.rmdir()
    assert made.drift() == [f"{settings} is missing"]
    assert made.up().updates == {"drift"}
    assert made.drift() == []
    made.delete()
    assert not settings.parent.exists()


def bootstrap(admin: int, listener: int, answer: str) -> dict[str, Any]:
    address = {"address": "127.0.0.1", "port_value": admin}
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network"
        ".http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "test",
        "http_filters": [
            {
                "name": "router",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
                },
            }
        ],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        {
                            "match": {"prefix": "/"},
                            "direct_response": {"status": 200, "body": {"inline_string": answer}},
                        }
                    ],
                }
            ]
        },
    }
    return {
        "admin": {"address": {"socket_address": address}},
        "static_resources": {
            "listeners": [
                {
                    "name": "test",
                    "address": {"socket_address": address | {"port_value": listener}},
                    "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
                }
            ]
        },
    }


def envoy(machine: Machine, settings: dict[str, Any], listener: int) -> Declared:
    return machine.declare(
        "Envoy",
        supervisor=str(machine.home / "region"),
        name="gateway",
        bootstrap=json.dumps(settings),
        ports=[listener],
        admin_port=settings["admin"]["address"]["socket_address"]["port_value"],
    )


def said(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
        return answer.read().decode()


def test_envoy_serves_its_bootstrap_and_the_next_one(machine: Machine) -> None:
    machine.supervisor()
    admin, listener = free_port(), free_port()
    made = envoy(machine, bootstrap(admin, listener, "first"), listener)
    assert said(listener) == "first"
    assert made.up().updates == frozenset()
    second = json.dumps(bootstrap(admin, listener, "second"))
    assert made.up(bootstrap=second).updates == {"bootstrap"}
    assert said(listener) == "second"
    file = machine.home / "region" / "gateway" / "bootstrap.json"
    file.write_text("{}")
    assert made.drift() == [f"{file} was edited"]
    made.up()
    assert file.read_text() == second
    made.delete()
    assert not answers(listener)
    assert not file.parent.exists()


def test_a_bootstrap_envoy_refuses_is_an_error_with_envoys_words(machine: Machine) -> None:
    machine.supervisor()
    admin, listener = free_port(), free_port()
    wrong = bootstrap(admin, listener, "x") | {"clusters": []}
    before = sorted(machine.home.rglob("*"))
    with pytest.raises(RefusedError, match=r"bootstrap: Envoy refuses it: (.|\n)*clusters"):
        envoy(machine, wrong, listener)
    assert sorted(machine.home.rglob("*")) == before


def test_a_taken_port_keeps_envoy_from_starting(machine: Machine) -> None:
    machine.supervisor()
    admin, listener = free_port(), free_port()
    made = envoy(machine, bootstrap(admin, listener, "first"), listener)
    other = bootstrap(admin, free_port(), "second")
    with pytest.raises(RefusedError, match=f"admin_port: port {admin} on 127.0.0.1 is taken"):
        machine.declare(
            "Envoy",
            supervisor=str(machine.home / "region"),
            name="other",
            bootstrap=json.dumps(other),
            ports=[],
            admin_port=admin,
        )
    assert made.drift() == []
    assert Path(str(made.properties["log_file"])).exists()
