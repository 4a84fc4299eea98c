"""Typed classes of the ``local`` provider's resources: real processes on this machine.

One class per resource type of ``components/clouds/local/provider``. Each takes keyword-only
inputs and exposes the provider's outputs as typed attributes. Secret inputs are wrapped, so that
they are encrypted in the state whatever the caller passes. What an input may hold is said, and
checked, by the provider; the docstrings here say what the resource does and what it puts out.

All folders are absolute paths, all ports are on 127.0.0.1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
from pulumi import Input, Output

_PACKAGE = "local:index:"


def _given(**inputs: object) -> dict[str, object]:
    """Returns the inputs that are set: the provider takes an absent key, never a null."""
    return {key: value for key, value in inputs.items() if value is not None}


class _LocalResource(pulumi.CustomResource):
    """Registers a resource of the provider: ``inputs`` and the names of its further outputs."""

    drift: Output[Sequence[str]]
    """What `pulumi refresh` found to differ from what is declared; `pulumi up` mends it."""

    def __init__(
        self,
        name: str,
        inputs: Mapping[str, object],
        *,
        outputs: Sequence[str] = (),
        secret: Sequence[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties: dict[str, object] = {**dict.fromkeys((*outputs, "drift"))}
        for key, value in inputs.items():
            hide = key in secret and value is not None
            properties[key] = Output.secret(value) if hide else value
        own = pulumi.ResourceOptions(additional_secret_outputs=list(secret))
        merged = pulumi.ResourceOptions.merge(opts, own)
        super().__init__(_PACKAGE + type(self).__name__, name, properties, merged)


class RandomPassword(_LocalResource):
    """A password of letters and digits, made once and kept, encrypted, in the state."""

    length: Output[int]
    value: Output[str]
    """The password, secret."""

    def __init__(
        self, name: str, *, length: Input[int] = 32, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, {"length": length}, outputs=["value"], secret=["value"], opts=opts)


class CertificateAuthority(_LocalResource):
    """A certificate authority (ECDSA P-256) whose key stays in ``folder``, readable by its owner.

    ``trust_domain`` is the SPIFFE trust domain of the identities it signs.
    """

    folder: Output[str]
    trust_domain: Output[str]
    certificate_file: Output[str]
    fingerprint: Output[str]
    """SHA-256 of the certificate, hexadecimal."""
    not_after: Output[str]
    """End of validity, RFC 3339."""

    def __init__(
        self,
        name: str,
        *,
        folder: Input[str],
        common_name: Input[str],
        trust_domain: Input[str],
        validity_days: Input[int] = 3650,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "folder": folder,
            "common_name": common_name,
            "trust_domain": trust_domain,
            "validity_days": validity_days,
        }
        outputs = ["certificate_file", "fingerprint", "not_after"]
        super().__init__(name, inputs, outputs=outputs, opts=opts)


class Certificate(_LocalResource):
    """A leaf certificate for both ends of TLS: ``<file_name>.crt``, ``.key`` and ``ca.crt``.

    ``renew_before_days`` before its end the next `pulumi up` renews it, with no other change.
    Files are replaced by rename, so that servers that watch the folder take the new one over.
    """

    folder: Output[str]
    certificate_file: Output[str]
    key_file: Output[str]
    ca_file: Output[str]
    fingerprint: Output[str]
    """SHA-256 of the certificate, hexadecimal."""
    not_after: Output[str]
    """End of validity, RFC 3339."""

    def __init__(
        self,
        name: str,
        *,
        authority: CertificateAuthority,
        folder: Input[str],
        file_name: Input[str],
        spiffe_id: Input[str],
        dns_names: Input[Sequence[Input[str]]] = ("localhost",),
        ip_addresses: Input[Sequence[Input[str]]] = ("127.0.0.1",),
        validity_days: Input[int] = 90,
        renew_before_days: Input[int] = 30,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "authority_folder": authority.folder,
            "authority_fingerprint": authority.fingerprint,
            "folder": folder,
            "name": file_name,
            "spiffe_id": spiffe_id,
            "dns_names": dns_names,
            "ip_addresses": ip_addresses,
            "validity_days": validity_days,
            "renew_before_days": renew_before_days,
        }
        outputs = ["certificate_file", "key_file", "ca_file", "fingerprint", "not_after"]
        super().__init__(name, inputs, outputs=outputs, opts=opts)


class Supervisor(_LocalResource):
    """A supervisord on 127.0.0.1:``port`` that starts, restarts and stops processes.

    It outlives the program that made it. ``folder`` holds its settings and the settings, secrets,
    files and logs of its processes; deleting the resource stops them all.
    """

    folder: Output[str]
    port: Output[int]
    state: Output[str]
    """``running`` or ``stopped``."""

    def __init__(
        self,
        name: str,
        *,
        folder: Input[str],
        port: Input[int],
        supervisor_name: Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"name": supervisor_name or name, "folder": folder, "port": port}
        super().__init__(name, inputs, outputs=["state"], opts=opts)


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """When a process counts as ready: a health check that answers on 127.0.0.1:``port``.

    ``grpc`` asks grpc.health.v1.Health, ``http`` wants a 2xx or 3xx from ``path``, ``tcp`` a
    connection. With ``ca_file`` the check is over TLS (server name ``localhost``), with
    ``certificate_file`` and ``key_file`` over mutual TLS. ``timeout_seconds`` bounds the wait.
    """

    kind: Literal["grpc", "http", "tcp"]
    port: Input[int]
    path: Input[str] = "/"
    ca_file: Input[str] | None = None
    certificate_file: Input[str] | None = None
    key_file: Input[str] | None = None
    timeout_seconds: Input[int] = 60

    def to_inputs(self) -> dict[str, object]:
        """Returns the provider's form."""
        return _given(
            kind=self.kind,
            port=self.port,
            path=self.path,
            ca_file=self.ca_file,
            certificate_file=self.certificate_file,
            key_file=self.key_file,
            timeout_seconds=self.timeout_seconds,
        )


class Process(_LocalResource):
    """A process under a supervisor; create and update wait until it is ready and stays up.

    ``secrets`` become files, one each, named after the key in lower case, in a folder only the
    owner reads; the process finds it in ``AIP_SECRETS_DIR``. ``files`` are written below the
    process's ``folder``. ``ports`` are checked to be free before it starts. Any change, also of
    ``triggers``, restarts it.
    """

    supervisor: Output[str]
    folder: Output[str]
    """Where ``files`` are, and the working directory unless another is given."""
    log_file: Output[str]
    state: Output[str]
    """``running`` or ``stopped``."""

    def __init__(
        self,
        name: str,
        *,
        supervisor: Input[str],
        process_name: Input[str] | None = None,
        command: Input[Sequence[Input[str]]],
        environment: Input[Mapping[str, Input[str]]] | None = None,
        secrets: Input[Mapping[str, Input[str]]] | None = None,
        files: Input[Mapping[str, Input[str]]] | None = None,
        working_directory: Input[str] | None = None,
        ports: Input[Sequence[Input[int]]] = (),
        readiness: Readiness | None = None,
        restart: Input[Literal["always", "on-failure", "never"]] = "always",
        stop_signal: Input[str] = "TERM",
        stop_seconds: Input[int] = 20,
        triggers: Input[Mapping[str, Input[str]]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = _given(
            supervisor=supervisor,
            name=process_name or name,
            command=command,
            environment=environment,
            secrets=secrets,
            files=files,
            working_directory=working_directory,
            ports=ports,
            readiness=readiness.to_inputs() if readiness else None,
            restart=restart,
            stop_signal=stop_signal,
            stop_seconds=stop_seconds,
            triggers=triggers,
        )
        outputs = ["folder", "log_file", "state"]
        super().__init__(name, inputs, outputs=outputs, secret=["secrets"], opts=opts)


class Job(_LocalResource):
    """A command that runs to its end at create and whenever its inputs change.

    ``check_command`` (exit code 0: nothing to do) lets `pulumi refresh` see that it must run again.
    ``secrets`` are files in ``AIP_SECRETS_DIR`` only while it runs.
    """

    log_file: Output[str]
    finished_at: Output[str]
    """When it last ended well, RFC 3339."""

    def __init__(
        self,
        name: str,
        *,
        folder: Input[str],
        job_name: Input[str] | None = None,
        command: Input[Sequence[Input[str]]],
        check_command: Input[Sequence[Input[str]]] | None = None,
        environment: Input[Mapping[str, Input[str]]] | None = None,
        secrets: Input[Mapping[str, Input[str]]] | None = None,
        working_directory: Input[str] | None = None,
        timeout_seconds: Input[int] = 120,
        triggers: Input[Mapping[str, Input[str]]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = _given(
            folder=folder,
            name=job_name or name,
            command=command,
            check_command=check_command,
            environment=environment,
            secrets=secrets,
            working_directory=working_directory,
            timeout_seconds=timeout_seconds,
            triggers=triggers,
        )
        outputs = ["log_file", "finished_at"]
        super().__init__(name, inputs, outputs=outputs, secret=["secrets"], opts=opts)


@dataclass(frozen=True, kw_only=True)
class PostgresPrimary:
    """The server a standby follows; see `PostgresServer.as_primary`.

    ``system_identifier`` and ``timeline`` are the primary's outputs: a standby is checked, and
    where needed rebuilt, when they change.
    """

    host: Input[str]
    port: Input[int]
    system_identifier: Input[str] | None = None
    timeline: Input[int] | None = None

    def to_inputs(self) -> dict[str, object]:
        """Returns the provider's form."""
        return _given(
            host=self.host,
            port=self.port,
            system_identifier=self.system_identifier,
            timeline=self.timeline,
        )


@dataclass(frozen=True, kw_only=True)
class PostgresPeer:
    """Another server of the same cluster, whatever its role.

    Known by address, not by resource, since roles move: a new primary catches up with it and stops
    it (``supervisor``: its supervisor's folder, ``process``: its name there) before it takes over,
    and a server whose data is lost is restored from it.
    """

    host: Input[str] = "127.0.0.1"
    port: Input[int]
    supervisor: Input[str]
    process: Input[str]

    def to_inputs(self) -> dict[str, object]:
        """Returns the provider's form."""
        return {
            "host": self.host,
            "port": self.port,
            "supervisor": self.supervisor,
            "process": self.process,
        }


class PostgresServer(_LocalResource):
    """One PostgreSQL server, primary or streaming standby; a change of ``role`` keeps its data.

    A primary keeps one physical replication slot for each name in ``standby_slots``; a standby
    follows ``primary`` through its ``slot``. To move the primary, the program gives the new roles
    and declares the new primary before the standbys: it stops the old one after taking over its
    last row, and the old one then follows. Below ``folder`` are the data and the settings.
    """

    host: Output[str]
    port: Output[int]
    role: Output[str]
    system_identifier: Output[str]
    """Names the cluster; a standby has its primary's."""
    timeline: Output[int]
    """Grows by one each time a standby becomes primary."""
    superuser_password: Output[str]
    state: Output[str]
    """``running`` or ``stopped``."""

    def __init__(
        self,
        name: str,
        *,
        supervisor: Input[str],
        server_name: Input[str] | None = None,
        folder: Input[str],
        port: Input[int],
        role: Input[Literal["primary", "standby"]],
        superuser_password: Input[str],
        replication_password: Input[str],
        primary: PostgresPrimary | None = None,
        slot: Input[str] | None = None,
        standby_slots: Input[Sequence[Input[str]]] = (),
        peers: Sequence[PostgresPeer] = (),
        settings: Input[Mapping[str, Input[str]]] | None = None,
        version: Input[str] = "18",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = _given(
            supervisor=supervisor,
            name=server_name or name,
            folder=folder,
            port=port,
            role=role,
            superuser_password=superuser_password,
            replication_password=replication_password,
            primary=primary.to_inputs() if primary else None,
            slot=slot,
            standby_slots=standby_slots,
            peers=[peer.to_inputs() for peer in peers],
            settings=settings,
            version=version,
        )
        outputs = ["host", "system_identifier", "timeline", "state"]
        secret = ["superuser_password", "replication_password"]
        super().__init__(name, inputs, outputs=outputs, secret=secret, opts=opts)

    def as_primary(self) -> PostgresPrimary:
        """Returns what a standby of this server needs to know of it."""
        return PostgresPrimary(
            host=self.host,
            port=self.port,
            system_identifier=self.system_identifier,
            timeline=self.timeline,
        )


@dataclass(frozen=True, kw_only=True)
class DatabaseRole:
    """A login role of a database server, named exactly so."""

    name: Input[str]
    password: Input[str]

    def to_inputs(self) -> dict[str, object]:
        """Returns the provider's form."""
        return {"name": self.name, "password": self.password}


class Database(_LocalResource):
    """A database of ``owner``, to which only the owner and ``roles`` may connect.

    The owner owns schema ``public``; ``roles`` may use it and get their rights from the owner. None
    of them is a superuser, creates databases or roles, or bypasses row-level security. With
    ``system_identifier``, the server's output, it is made again in the same run in which a server
    whose data was lost is.
    """

    host: Output[str]
    port: Output[int]
    database_name: Output[str]
    oid: Output[str]
    """PostgreSQL's own id of the database; another one when it was lost and made again."""

    def __init__(
        self,
        name: str,
        *,
        host: Input[str],
        port: Input[int],
        superuser_password: Input[str],
        database_name: Input[str],
        owner: DatabaseRole,
        roles: Sequence[DatabaseRole] = (),
        system_identifier: Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = _given(
            host=host,
            port=port,
            superuser_password=superuser_password,
            database_name=database_name,
            owner=owner.to_inputs(),
            roles=[role.to_inputs() for role in roles],
            system_identifier=system_identifier,
        )
        secret = ["superuser_password", "owner", "roles"]
        super().__init__(name, inputs, outputs=["oid"], secret=secret, opts=opts)


class Valkey(_LocalResource):
    """A Valkey server used as a cache: nothing on disk, least recently used keys leave first."""

    host: Output[str]
    port: Output[int]
    password: Output[str]
    state: Output[str]
    """``running`` or ``stopped``."""

    def __init__(
        self,
        name: str,
        *,
        supervisor: Input[str],
        server_name: Input[str] | None = None,
        folder: Input[str],
        port: Input[int],
        password: Input[str],
        max_memory_megabytes: Input[int] = 64,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "supervisor": supervisor,
            "name": server_name or name,
            "folder": folder,
            "port": port,
            "password": password,
            "max_memory_megabytes": max_memory_megabytes,
        }
        super().__init__(name, inputs, outputs=["host", "state"], secret=["password"], opts=opts)


class Envoy(_LocalResource):
    """An Envoy with a static ``bootstrap`` (JSON), checked by Envoy itself before it starts.

    ``ports`` are its listeners', ``admin_port`` the one its bootstrap gives the admin interface.
    Without ``readiness`` it is ready when the admin interface's ``/ready`` says so.
    """

    admin_port: Output[int]
    log_file: Output[str]
    state: Output[str]
    """``running`` or ``stopped``."""

    def __init__(
        self,
        name: str,
        *,
        supervisor: Input[str],
        process_name: Input[str] | None = None,
        bootstrap: Input[str],
        ports: Input[Sequence[Input[int]]],
        admin_port: Input[int],
        concurrency: Input[int] = 1,
        log_level: Input[str] = "warning",
        flush_interval_milliseconds: Input[int] = 1000,
        readiness: Readiness | None = None,
        triggers: Input[Mapping[str, Input[str]]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = _given(
            supervisor=supervisor,
            name=process_name or name,
            bootstrap=bootstrap,
            ports=ports,
            admin_port=admin_port,
            concurrency=concurrency,
            log_level=log_level,
            flush_interval_milliseconds=flush_interval_milliseconds,
            readiness=readiness.to_inputs() if readiness else None,
            triggers=triggers,
        )
        super().__init__(name, inputs, outputs=["log_file", "state"], opts=opts)
