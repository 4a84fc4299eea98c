"""Calls through a real gateway end up in usage, each once, whatever is killed meanwhile."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from aiplatform.marketplace.v1 import marketplace_pb2 as pb
from tests.certificates import Authority
from tests.ports import free_port
from tests.postgres import Postgres
from tests.services.marketplace.gateway import Gateway, eventually
from tests.services.marketplace.stack import Api, Issuer, Marketplace
from tests.services.marketplace.test_calls import call, live
from tests.services.marketplace.upstream import Upstream
from tests.services.running import ISSUER, ROOT, surroundings


class MeterProcess:
    """`python -m services.marketplace.meter` on a call log."""

    def __init__(
        self,
        folder: Path,
        authority: Authority,
        marketplace: Marketplace,
        call_log: Path,
        admin_port: int = 9,
        rotate_bytes: int = 64 << 20,
        region: str = "us-east-1",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.port = free_port()
        self._log = folder / "meter.log"
        around = surroundings(folder, authority, "marketplace", marketplace.database)
        self._environment = {
            **os.environ,
            **around.variables,
            "AIP_METRICS_PORT": str(self.port),
            "AIP_CALL_LOG": str(call_log),
            "AIP_GATEWAY_ADMIN_PORT": str(admin_port),
            "AIP_CALL_LOG_ROTATE_BYTES": str(rotate_bytes),
            "AIP_REGION": region,
            **(settings or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        """Starts it."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.marketplace.meter"],
                env=self._environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        if wait:
            url = f"http://127.0.0.1:{self.port}/healthz"
            eventually(lambda: httpx.get(url).is_success, 20, self._log.read_text)

    def kill(self) -> None:
        """Ends it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def metric(self, name: str) -> float:
        """Returns a metric's value."""
        text = httpx.get(f"http://127.0.0.1:{self.port}/metrics").text
        return next(
            float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} ")
        )


@pytest.fixture
def region() -> str:
    """A region of the test's own, so that positions do not meet."""
    return f"r-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def busy_gateway(
    tmp_path: Path, authority: Authority, marketplace: Marketplace, security_port: int, region: str
) -> Iterator[Gateway]:
    gateway = Gateway(
        tmp_path / "gateway",
        authority.write(tmp_path / "tls", f"{region}/gateway"),
        ISSUER,
        marketplace=marketplace.grpc_port,
        security=security_port,
        region=region,
    )
    gateway.start()
    yield gateway
    gateway.stop()


def recorded(marketplace: Marketplace, region: str) -> int:
    with marketplace.database.connect("owner") as owner:
        row = owner.execute(
            "SELECT count(*) FROM usage_record WHERE region = %s", [region]
        ).fetchone()
    assert row is not None
    return int(str(row[0]))


def write_lines(path: Path, region: str, count: int, tenant: str = "acme") -> list[str]:
    """Appends records as a gateway does; returns their ids."""
    ids = [str(uuid.uuid4()) for _ in range(count)]
    with path.open("ab") as log:
        for identifier in ids:
            record = {
                "flags": "-", "id": identifier, "in": 2, "method": "POST", "ms": 3, "out": 5,
                "region": region, "request": "r", "start": "1795390518.186422", "status": 200,
                "subject": "s", "target": f"{uuid.UUID(int=7)}/raw", "tenant": tenant,
                "upstream_ms": None,
            }  # fmt: skip
            log.write(json.dumps(record).encode() + b"\n")
    return ids


def test_calls_are_counted_and_refusals_are_not(
    tmp_path: Path,
    authority: Authority,
    marketplace: Marketplace,
    busy_gateway: Gateway,
    issuer: Issuer,
    acme: Api,
    globex: Api,
    upstream: Upstream,
    region: str,
) -> None:
    service = acme.register(
        f"counted-{uuid.uuid4()}",
        ("raw", f"{upstream.url}/raw"),
        ("broken", f"{upstream.url}/status/500"),
        ("abort", f"{upstream.url}/abort"),
    )
    meter = MeterProcess(
        tmp_path, authority, marketplace, busy_gateway.call_log, busy_gateway.admin_port
    )
    began = time.time()
    with (
        busy_gateway.client(issuer.token("acme")) as caller,
        busy_gateway.client(issuer.token("globex")) as stranger,
        busy_gateway.client() as nobody,
    ):
        live(caller, service)
        for _ in range(5):
            assert call(caller, service, endpoint="raw", payload="12345").is_success
        assert call(caller, service, endpoint="broken").status_code == 500
        assert call(caller, service, endpoint="abort").status_code == 503
        assert caller.get(f"/services/{service.id}/raw").is_success
        call(stranger, service, endpoint="raw")
        stranger.get(f"/services/{service.id}/raw")
        call(nobody, service, endpoint="raw")
        nobody.get(f"/services/{service.id}/raw", headers={"x-envoy-original-path": "/x"})
        call(caller, service, endpoint="nope")
        caller.post(f"/api/v1/services/{service.id}/call", content=b"{")
        caller.get("/api/v1/services")
        caller.get(f"/services/{uuid.uuid4()}/raw")
    meter.start()
    try:
        eventually(lambda: recorded(marketplace, region) == 8)
    finally:
        meter.kill()
    rows = acme("GetUsage", pb.GetUsageRequest(service_id=service.id)).usage
    sums = {row.endpoint: (row.region, row.calls, row.errors) for row in rows}
    assert sums == {
        "raw": (region, 5, 0),
        "broken": (region, 1, 1),
        "abort": (region, 1, 1),
        "": (region, 1, 0),
    }
    raw = next(row for row in rows if row.endpoint == "raw")
    assert raw.response_bytes == 5 * len('"12345"')
    assert raw.request_bytes >= raw.response_bytes
    assert not globex("GetUsage", pb.GetUsageRequest(service_id=service.id)).usage
    later = pb.GetUsageRequest(service_id=service.id, start_time=Timestamp(seconds=int(began) + 60))
    assert not acme("GetUsage", later).usage
    sooner = pb.GetUsageRequest(service_id=service.id, end_time=Timestamp(seconds=int(began) - 60))
    assert not acme("GetUsage", sooner).usage


def test_each_call_is_counted_once_while_the_meter_is_killed(
    tmp_path: Path, authority: Authority, marketplace: Marketplace, region: str
) -> None:
    log = tmp_path / "calls.log"
    meter = MeterProcess(tmp_path, authority, marketplace, log, rotate_bytes=40_000, region=region)
    written = 0
    chance = random.Random(7)  # noqa: S311
    for _ in range(6):
        meter.start(wait=False)
        deadline = time.monotonic() + chance.uniform(0.5, 1.3)
        while time.monotonic() < deadline:
            written += len(write_lines(log, region, chance.randint(1, 40)))
            time.sleep(0.005)
        meter.kill()
    meter.start()
    try:
        eventually(lambda: recorded(marketplace, region) == written, 20)
        assert meter.metric("meter_garbage_lines_total") == 0
        eventually(lambda: meter.metric("meter_lag_bytes") == 0)
    finally:
        meter.kill()
    assert recorded(marketplace, region) == written


def test_gateways_of_one_region_keep_their_positions_apart(
    tmp_path: Path, authority: Authority, marketplace: Marketplace, region: str
) -> None:
    names = ("gateway-1", "gateway-2")
    logs = {name: tmp_path / f"{name}.log" for name in names}
    meters = {
        name: MeterProcess(
            tmp_path / name,
            authority,
            marketplace,
            logs[name],
            region=region,
            settings={"AIP_GATEWAY": name},
        )
        for name in names
    }
    try:
        for written in (20, 40):
            for name, meter in meters.items():
                write_lines(logs[name], region, 10)
                meter.start()
            eventually(lambda expected=written: recorded(marketplace, region) == expected)
            # Each went on where it was itself: none has read anything twice.
            assert [meter.metric("meter_repeated_records_total") for meter in meters.values()] == [
                0,
                0,
            ]
            for meter in meters.values():
                meter.kill()
    finally:
        for meter in meters.values():
            meter.kill()


def test_a_meter_told_to_stop_records_what_is_left(
    tmp_path: Path, authority: Authority, marketplace: Marketplace, region: str
) -> None:
    log = tmp_path / "calls.log"
    meter = MeterProcess(
        tmp_path,
        authority,
        marketplace,
        log,
        region=region,
        settings={"AIP_DRAIN_SECONDS": "20"},
    )
    meter.start()
    try:
        assert meter.process is not None
        meter.process.send_signal(signal.SIGSTOP)
        write_lines(log, region, 3000)  # several batches
        meter.process.send_signal(signal.SIGTERM)
        meter.process.send_signal(signal.SIGCONT)
        assert meter.process.wait(20) == 0
    finally:
        meter.kill()
    assert recorded(marketplace, region) == 3000


def test_nothing_is_lost_when_the_log_is_put_aside_under_load(
    tmp_path: Path,
    authority: Authority,
    marketplace: Marketplace,
    busy_gateway: Gateway,
    issuer: Issuer,
    acme: Api,
    upstream: Upstream,
    region: str,
) -> None:
    service = acme.register(f"rotated-{uuid.uuid4()}", ("raw", f"{upstream.url}/raw"))
    meter = MeterProcess(
        tmp_path,
        authority,
        marketplace,
        busy_gateway.call_log,
        busy_gateway.admin_port,
        rotate_bytes=20_000,
    )
    meter.start()
    made, files = 0, set[int]()
    try:
        with busy_gateway.client(issuer.token("acme")) as caller:
            live(caller, service)
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                assert call(caller, service, endpoint="raw").is_success
                made += 1
                with contextlib.suppress(FileNotFoundError):  # put aside, the next one not begun
                    files.add(busy_gateway.call_log.stat().st_ino)
        eventually(lambda: recorded(marketplace, region) == made)
        eventually(lambda: not list(busy_gateway.folder.glob("*.full")))
        assert meter.metric("meter_repeated_records_total") == 0
    finally:
        meter.kill()
    assert len(files) > 1
    assert busy_gateway.call_log.stat().st_size < made * 200


def test_torn_and_garbage_lines_are_passed_over(
    tmp_path: Path, authority: Authority, marketplace: Marketplace, region: str
) -> None:
    log = tmp_path / "calls.log"
    meter = MeterProcess(tmp_path, authority, marketplace, log, region=region)
    meter.start()  # the log is not there yet
    try:
        write_lines(log, region, 2)
        with log.open("ab") as file:
            file.write(b"garbage\n\xff\xfe\n{}\n[]\n" + b"x" * 600_000 + b"\n")
            file.write(b'{"flags":"-","id":"cut o')  # a gateway was killed here
            file.flush()
            eventually(lambda: recorded(marketplace, region) == 2)
        write_lines(log, region, 3)  # and the next one went on in the same line
        with log.open("rb+") as file:
            whole = file.read()
            file.truncate(len(whole) - 20)
            eventually(lambda: recorded(marketplace, region) >= 4)
            file.seek(0, os.SEEK_END)
            file.write(whole[-20:])
        eventually(lambda: recorded(marketplace, region) == 5)
        assert meter.metric("meter_garbage_lines_total") >= 5
    finally:
        meter.kill()


def test_a_meter_waits_for_its_database(
    tmp_path: Path, authority: Authority, postgres: Postgres, marketplace: Marketplace, region: str
) -> None:
    log = tmp_path / "calls.log"
    meter = MeterProcess(tmp_path, authority, marketplace, log, region=region)
    meter.start()
    try:
        write_lines(log, region, 3)
        eventually(lambda: recorded(marketplace, region) == 3)
        postgres.stop()
        try:
            write_lines(log, region, 4)
            eventually(lambda: meter.metric("meter_database_connected") == 0)
            eventually(lambda: meter.metric("meter_lag_bytes") > 0)
            assert httpx.get(f"http://127.0.0.1:{meter.port}/healthz").is_success
        finally:
            postgres.start()
        eventually(lambda: recorded(marketplace, region) == 7, 20)
    finally:
        meter.kill()
