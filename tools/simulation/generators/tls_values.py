"""The tls provider, for real: keys, requests and certificates."""

import datetime as dt
import ipaddress
from collections.abc import Callable, Sequence
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from components.clouds.local.provider.values import Properties
from tools.simulation.behaviour import Behaviour, Call, digest, text, texts
from tools.simulation.errors import CloudError

_Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
_CURVES = {
    "P224": ec.SECP224R1,
    "P256": ec.SECP256R1,
    "P384": ec.SECP384R1,
    "P521": ec.SECP521R1,
}
_NAMES = {
    "commonName": NameOID.COMMON_NAME,
    "country": NameOID.COUNTRY_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "province": NameOID.STATE_OR_PROVINCE_NAME,
    "postalCode": NameOID.POSTAL_CODE,
    "serialNumber": NameOID.SERIAL_NUMBER,
}
_USES = {
    "server_auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client_auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code_signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email_protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "ocsp_signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
}
_PEM = serialization.Encoding.PEM
_PKCS8 = serialization.PrivateFormat.PKCS8
_BARE = serialization.NoEncryption()


def _private_key(inputs: Properties) -> Properties:
    algorithm = text(inputs, "algorithm")
    key: _Key
    match algorithm:
        case "RSA":
            bits = inputs.get("rsaBits")
            key = rsa.generate_private_key(65537, bits if isinstance(bits, int) else 2048)
        case "ECDSA":
            curve = text(inputs, "ecdsaCurve") or "P224"
            if curve not in _CURVES:
                raise CloudError(f"ecdsaCurve must be one of {', '.join(_CURVES)}, not {curve!r}")
            key = ec.generate_private_key(_CURVES[curve]())
        case "ED25519":
            key = ed25519.Ed25519PrivateKey.generate()
        case _:
            raise CloudError(f"algorithm must be RSA, ECDSA or ED25519, not {algorithm!r}")
    pkcs8 = key.private_bytes(_PEM, _PKCS8, _BARE).decode()
    is_edwards = isinstance(key, ed25519.Ed25519PrivateKey)
    traditional = serialization.PrivateFormat.TraditionalOpenSSL
    public = key.public_key()
    sha256 = hashes.Hash(hashes.SHA256())
    sha256.update(
        public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    fingerprint = sha256.finalize().hex()
    return {
        "id": fingerprint[:40],
        "ecdsaCurve": text(inputs, "ecdsaCurve") or "P224",
        "rsaBits": inputs.get("rsaBits") or 2048,
        "privateKeyPem": pkcs8
        if is_edwards
        else key.private_bytes(_PEM, traditional, _BARE).decode(),
        "privateKeyPemPkcs8": pkcs8,
        "privateKeyOpenssh": key.private_bytes(
            _PEM, serialization.PrivateFormat.OpenSSH, _BARE
        ).decode(),
        "publicKeyPem": _public_pem(key),
        "publicKeyOpenssh": public.public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        ).decode()
        + "\n",
        "publicKeyFingerprintMd5": "",
        "publicKeyFingerprintSha256": f"SHA256:{fingerprint}",
    }


def _public_pem(key: _Key) -> str:
    return (
        key.public_key()
        .public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def _load(pem: str, what: str) -> _Key:
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except ValueError:
        # Never the key itself in the message.
        raise CloudError(f"{what} is not an unencrypted private key in PEM") from None
    if not isinstance(key, _Key):
        raise CloudError(f"{what} is neither an RSA, an ECDSA nor an ED25519 key")
    return key


def _algorithm(key: _Key) -> str:
    match key:
        case rsa.RSAPrivateKey():
            return "RSA"
        case ec.EllipticCurvePrivateKey():
            return "ECDSA"
        case _:
            return "ED25519"


def _digest(key: _Key) -> hashes.SHA256 | None:
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def _subject(inputs: Properties) -> x509.Name:
    given = inputs.get("subject")
    attributes = [
        x509.NameAttribute(oid, text(given, name))
        for name, oid in _NAMES.items()
        if isinstance(given, dict) and text(given, name)
    ]
    return x509.Name(attributes)


def _alternatives(inputs: Properties) -> x509.SubjectAlternativeName | None:
    names: list[x509.GeneralName] = [x509.DNSName(one) for one in texts(inputs, "dnsNames")]
    names += [x509.UniformResourceIdentifier(one) for one in texts(inputs, "uris")]
    names += [x509.IPAddress(ipaddress.ip_address(one)) for one in texts(inputs, "ipAddresses")]
    return x509.SubjectAlternativeName(names) if names else None


def _request(inputs: Properties) -> Properties:
    key = _load(text(inputs, "privateKeyPem"), "privateKeyPem")
    builder = x509.CertificateSigningRequestBuilder().subject_name(_subject(inputs))
    if alternatives := _alternatives(inputs):
        builder = builder.add_extension(alternatives, critical=False)
    made = builder.sign(key, _digest(key))
    return {"keyAlgorithm": _algorithm(key), "certRequestPem": made.public_bytes(_PEM).decode()}


def _usage(uses: Sequence[str], *, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature="digital_signature" in uses,
        content_commitment="content_commitment" in uses,
        key_encipherment="key_encipherment" in uses,
        data_encipherment="data_encipherment" in uses,
        key_agreement="key_agreement" in uses,
        key_cert_sign=is_ca or "cert_signing" in uses,
        crl_sign="crl_signing" in uses,
        encipher_only="encipher_only" in uses,
        decipher_only="decipher_only" in uses,
    )


def _build(
    inputs: Properties,
    subject: x509.Name,
    issuer: x509.Name,
    public: object,
    signer: _Key,
    alternatives: x509.SubjectAlternativeName | None,
) -> Properties:
    hours = inputs.get("validityPeriodHours")
    start = dt.datetime.now(dt.UTC).replace(microsecond=0)
    end = start + dt.timedelta(hours=hours if isinstance(hours, int) else 0)
    uses, is_ca = texts(inputs, "allowedUses"), inputs.get("isCaCertificate") is True
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(cast("rsa.RSAPublicKey", public))
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(_usage(uses, is_ca=is_ca), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
    )
    extended = [_USES[use] for use in uses if use in _USES]
    if extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    if alternatives:
        builder = builder.add_extension(alternatives, critical=False)
    if is_ca or inputs.get("setSubjectKeyId") is True:
        identifier = x509.SubjectKeyIdentifier.from_public_key(cast("rsa.RSAPublicKey", public))
        builder = builder.add_extension(identifier, critical=False)
    made = builder.sign(signer, _digest(signer))
    return {
        "id": str(made.serial_number),
        "certPem": made.public_bytes(_PEM).decode(),
        "validityStartTime": start.isoformat(),
        "validityEndTime": end.isoformat(),
        "readyForRenewal": False,
        "keyAlgorithm": _algorithm(signer),
    }


def _self_signed(inputs: Properties) -> Properties:
    key = _load(text(inputs, "privateKeyPem"), "privateKeyPem")
    subject = _subject(inputs)
    return _build(inputs, subject, subject, key.public_key(), key, _alternatives(inputs))


def _locally_signed(inputs: Properties) -> Properties:
    key = _load(text(inputs, "caPrivateKeyPem"), "caPrivateKeyPem")
    try:
        request = x509.load_pem_x509_csr(text(inputs, "certRequestPem").encode())
        authority = x509.load_pem_x509_certificate(text(inputs, "caCertPem").encode())
    except ValueError as error:
        raise CloudError(f"certRequestPem or caCertPem is not PEM: {error}") from None
    if authority.public_key() != key.public_key():
        raise CloudError("caCertPem is not the certificate of caPrivateKeyPem")
    try:
        found = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        found = None
    made = _build(inputs, request.subject, authority.subject, request.public_key(), key, found)
    return made | {"caKeyAlgorithm": _algorithm(key)}


_MAKERS: dict[str, Callable[[Properties], Properties]] = {
    "PrivateKey": _private_key,
    "CertRequest": _request,
    "SelfSignedCert": _self_signed,
    "LocallySignedCert": _locally_signed,
}


class TlsValues(Behaviour):
    """Keys and certificates, kept by whoever asked and nowhere else."""

    provider = "tls"
    stateless = True

    def replacing(self, token: str) -> frozenset[str]:
        """Any other input asks for another key or certificate, but when to renew it."""
        return frozenset(self.sdk.find(token).inputs) - {"earlyRenewalHours"}

    def make(self, call: Call) -> tuple[str, Properties]:
        """Returns a fresh key, request or certificate and the id that goes with it."""
        made = _MAKERS[call.token.rpartition(":")[2]](call.inputs)
        identity = made.pop("id", None) or digest(text(made, "certRequestPem"))[:40]
        return str(identity), made
