"""Random values, keys, certificates and images."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.simulation.calls import Caller, Made, RefusedError, calling

IMAGE, PASSWORD = "docker-build:index:Image", "random:index/randomPassword:RandomPassword"


@pytest.fixture
def random(tmp_path: Path) -> Iterator[Caller]:
    with calling(tmp_path / "clouds", "random") as caller:
        yield caller


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[Caller]:
    with calling(tmp_path / "clouds", "tls") as caller:
        yield caller


@pytest.fixture
def images(tmp_path: Path) -> Iterator[Caller]:
    with calling(tmp_path / "clouds", "docker-build") as caller:
        yield caller


def test_passwords_are_random_and_as_asked(random: Caller) -> None:
    asked = {"length": 30, "special": False, "minNumeric": 5}
    first, second = (random.create(PASSWORD, name, **asked)["result"] for name in ("a", "b"))
    assert first != second
    assert len(first) == 30
    assert first.isalnum()
    assert sum(one.isdigit() for one in first) >= 5
    with pytest.raises(RefusedError, match="minimum counts add up to 5"):
        random.create(PASSWORD, length=4, minNumeric=5)


def test_another_keeper_asks_for_another_value(random: Caller) -> None:
    made = random.create("random:index/randomId:RandomId", byteLength=4, keepers={"a": "1"})
    assert len(made["hex"]) == 8
    assert list(random.diff(made, keepers={"a": "2"}).replaces) == ["keepers"]
    assert random.read(made) == made.outputs


def _certificates(tls: Caller) -> tuple[Made, Made, Made]:
    key = tls.create("tls:index/privateKey:PrivateKey", algorithm="ECDSA", ecdsaCurve="P256")
    authority = tls.create(
        "tls:index/selfSignedCert:SelfSignedCert",
        privateKeyPem=key["privateKeyPem"],
        isCaCertificate=True,
        validityPeriodHours=24,
        allowedUses=["cert_signing"],
        subject={"commonName": "authority"},
    )
    request = tls.create(
        "tls:index/certRequest:CertRequest",
        privateKeyPem=key["privateKeyPem"],
        uris=["spiffe://test/one"],
        dnsNames=["one.test"],
    )
    return key, authority, request


def test_certificates_are_real(tls: Caller) -> None:
    key, authority, request = _certificates(tls)
    leaf = tls.create(
        "tls:index/locallySignedCert:LocallySignedCert",
        caCertPem=authority["certPem"],
        caPrivateKeyPem=key["privateKeyPem"],
        certRequestPem=request["certRequestPem"],
        validityPeriodHours=1,
        allowedUses=["server_auth"],
    )
    issuer = x509.load_pem_x509_certificate(authority["certPem"].encode())
    certificate = x509.load_pem_x509_certificate(leaf["certPem"].encode())
    certificate.verify_directly_issued_by(issuer)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://test/one"]
    assert names.get_values_for_type(x509.DNSName) == ["one.test"]
    assert issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    other = tls.create("tls:index/privateKey:PrivateKey", "other", algorithm="RSA", rsaBits=2048)
    serialization.load_pem_private_key(other["privateKeyPem"].encode(), None)
    with pytest.raises(RefusedError, match="is not the certificate of caPrivateKeyPem"):
        tls.create(
            "tls:index/locallySignedCert:LocallySignedCert",
            caCertPem=authority["certPem"],
            caPrivateKeyPem=other["privateKeyPem"],
            certRequestPem=request["certRequestPem"],
            validityPeriodHours=1,
            allowedUses=[],
        )


def test_a_key_that_is_none_is_not_shown(tls: Caller) -> None:
    with pytest.raises(RefusedError, match="not an unencrypted private key") as refused:
        tls.create("tls:index/certRequest:CertRequest", privateKeyPem="hunter2")
    assert "hunter2" not in str(refused.value)


def test_an_image_changes_with_its_sources(images: Caller, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    asked = {
        "context": {"location": str(tmp_path)},
        "tags": ["registry.example/team/service:1.0"],
        "push": True,
    }
    made = images.create(IMAGE, **asked)
    assert made["ref"] == f"registry.example/team/service:1.0@{made['digest']}"
    assert not images.diff(made).diffs
    (tmp_path / "Dockerfile").write_text("FROM alpine\n")
    assert list(images.diff(made).diffs) == ["contextHash"]
    assert images.update(made)["digest"] != made["digest"]


def test_what_a_build_would_need_must_be_there(images: Caller, tmp_path: Path) -> None:
    context = {"location": str(tmp_path)}
    with pytest.raises(RefusedError, match=r"there is no file .*Dockerfile"):
        images.check(IMAGE, context=context, push=False)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(RefusedError, match=r"tags\[0\]: service must name registry"):
        images.check(IMAGE, context=context, push=True, tags=["service"])
