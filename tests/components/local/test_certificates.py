"""Certificates: what is in them, that TLS takes them, and that they are renewed and mended."""

import socket
import ssl
import threading
from pathlib import Path

from cryptography import x509

from components.clouds.local.provider import certificates
from tests.components.local.machine import Declared, Machine

IDENTITY = "spiffe://example.internal/us-east-1/gateway"


def authority(machine: Machine) -> Declared:
    return machine.declare(
        "CertificateAuthority",
        folder=str(machine.home / "ca"),
        common_name="platform",
        trust_domain="example.internal",
    )


def leaf(machine: Machine, made: Declared, **changes: object) -> Declared:
    inputs: dict[str, object] = {
        "authority_folder": made.inputs["folder"],
        "authority_fingerprint": made.properties["fingerprint"],
        "folder": str(machine.home / "gateway"),
        "name": "gateway",
        "spiffe_id": IDENTITY,
    }
    return machine.declare("Certificate", **(inputs | changes))


def path(declared: Declared, output: str) -> Path:
    return Path(str(declared.properties[output]))


def test_a_leaf_has_its_identity_and_a_key_of_its_owner_only(machine: Machine) -> None:
    root = authority(machine)
    made = leaf(machine, root)
    certificate = x509.load_pem_x509_certificate(path(made, "certificate_file").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [IDENTITY]
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert path(made, "key_file").stat().st_mode & 0o777 == 0o600
    assert (machine.home / "ca" / "ca.key").stat().st_mode & 0o777 == 0o600
    assert path(made, "ca_file").read_bytes() == path(root, "certificate_file").read_bytes()
    assert "PRIVATE KEY" not in str(root.properties) + str(made.properties)


def test_two_leaves_speak_mutual_tls_1_3(machine: Machine) -> None:
    root = authority(machine)
    server, client = leaf(machine, root), leaf(machine, root, name="client")

    def context(purpose: ssl.Purpose, own: Declared) -> ssl.SSLContext:
        made = ssl.create_default_context(purpose, cafile=str(path(own, "ca_file")))
        made.load_cert_chain(path(own, "certificate_file"), path(own, "key_file"))
        made.minimum_version = ssl.TLSVersion.TLSv1_3
        return made

    listening = context(ssl.Purpose.CLIENT_AUTH, server)
    listening.verify_mode = ssl.CERT_REQUIRED
    here, there = socket.socketpair()

    def serve() -> None:
        with listening.wrap_socket(there, server_side=True) as accepted:
            accepted.sendall(str(accepted.getpeercert()).encode())

    thread = threading.Thread(target=serve)
    thread.start()
    calling = context(ssl.Purpose.SERVER_AUTH, client)
    with calling.wrap_socket(here, server_hostname="localhost") as connected:
        assert connected.version() == "TLSv1.3"
        assert IDENTITY in connected.recv(65536).decode()
    thread.join()


def test_an_update_without_a_reason_keeps_the_certificate(machine: Machine) -> None:
    made = leaf(machine, authority(machine))
    before = path(made, "certificate_file").stat()
    assert made.up().updates == frozenset()
    made.resource.apply(made.resource.parse(made.inputs), made.properties)
    assert path(made, "certificate_file").stat().st_ino == before.st_ino


def test_a_certificate_near_its_end_is_renewed(machine: Machine) -> None:
    made = leaf(machine, authority(machine), validity_days=10, renew_before_days=9)
    first = made.properties["fingerprint"]
    assert made.up().updates == frozenset()
    # A day on, as it would look: nine of ten days would be left, then less.
    assert made.up(renew_before_days=0, validity_days=1).updates
    second = made.properties["fingerprint"]
    assert second != first
    made.inputs = made.inputs | {"validity_days": 1}
    nearly_over = {"renew_before_days": 2, "not_after": made.properties["not_after"]}
    assert made.resource.due(nearly_over) == {"not_after"}


def test_edited_and_deleted_files_are_drift_and_mended(machine: Machine) -> None:
    root = authority(machine)
    made = leaf(machine, root)
    for output in ("certificate_file", "key_file", "ca_file"):
        for damage in (lambda file: file.write_text("damaged"), Path.unlink):
            damage(path(made, output))
            assert str(path(made, output).parent) in " ".join(made.drift())
            assert made.up().updates == {"drift"}
            assert made.drift() == []


def test_a_new_authority_signs_new_leaves(machine: Machine) -> None:
    root = authority(machine)
    made = leaf(machine, root)
    for file in (machine.home / "ca").iterdir():
        file.unlink()
    assert root.drift() == ["gone"]
    root.up()
    assert made.up(authority_fingerprint=root.properties["fingerprint"]).updates >= {
        "authority_fingerprint"
    }
    parent = x509.load_pem_x509_certificate(path(root, "certificate_file").read_bytes())
    child = x509.load_pem_x509_certificate(path(made, "certificate_file").read_bytes())
    child.verify_directly_issued_by(parent)
    assert certificates.fingerprint(parent) == root.properties["fingerprint"]


def test_a_deleted_folder_is_made_again_and_delete_leaves_nothing(machine: Machine) -> None:
    root = authority(machine)
    made = leaf(machine, root)
    for file in (machine.home / "gateway").iterdir():
        file.unlink()
    (machine.home / "gateway").rmdir()
    assert made.drift() == ["gone"]
    made.up()
    assert made.drift() == []
    made.delete()
    root.delete()
    assert list(machine.home.iterdir()) == []
    made.delete()
