"""CertificateAuthority: the root of the platform's mutual TLS on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from components.clouds.local.provider import files
from components.clouds.local.provider.framework import Folder, Inputs, Live, RefusedError, Resource
from components.clouds.local.provider.values import Properties

if TYPE_CHECKING:
    from components.clouds.local.provider.certificates import Identity

CERTIFICATE = "ca.crt"
KEY = "ca.key"
_RENEW_BEFORE_DAYS = 180
_PUBLIC = 0o644

TrustDomain = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,254}$",
        description="a SPIFFE trust domain such as local.ai-platform.internal",
    ),
]


class CertificateAuthorityInputs(Inputs):
    """What a program says of an authority."""

    folder: Folder
    common_name: str = Field(min_length=1, max_length=64, description="1 to 64 characters")
    trust_domain: TrustDomain
    validity_days: int = Field(3650, ge=365, le=36500, description="365 to 36500 days")


class CertificateAuthority(Resource[CertificateAuthorityInputs]):
    """An ECDSA P-256 root in a folder; its key never leaves that folder."""

    inputs = CertificateAuthorityInputs
    outputs: ClassVar = ("certificate_file", "fingerprint", "not_after")
    replace_on: ClassVar = frozenset({"folder", "common_name", "trust_domain", "validity_days"})

    def identify(self, inputs: CertificateAuthorityInputs) -> str:
        """Returns the folder."""
        return inputs.folder

    def expect(self, inputs: Properties, old: Properties | None) -> Properties:
        """Promises the path."""
        del old
        folder = inputs["folder"]
        return {"certificate_file": f"{folder}/{CERTIFICATE}"} if isinstance(folder, str) else {}

    def due(self, recorded: Properties) -> frozenset[str]:
        """Asks for a new root well before the old one ends."""
        return due(recorded, _RENEW_BEFORE_DAYS)

    def apply(self, inputs: CertificateAuthorityInputs, old: Properties | None) -> Properties:
        """Makes the root, or keeps a whole one whose key is still there."""
        from components.clouds.local.provider import certificates

        folder = Path(inputs.folder)
        identity = load(folder)
        recorded = old.get("fingerprint") if old else None
        kept = identity is not None and (
            recorded in {None, certificates.fingerprint(identity.certificate)}
            and not certificates.ends_within(
                certificates.not_after(identity.certificate), _RENEW_BEFORE_DAYS
            )
        )
        if identity is None or not kept:
            identity = certificates.make_authority(
                inputs.common_name, inputs.trust_domain, inputs.validity_days
            )
            files.make_folder(folder)
            files.write(folder / KEY, identity.key_pem())
            files.write(folder / CERTIFICATE, identity.certificate_pem(), mode=_PUBLIC)
        return _outputs(folder, identity)

    def read(self, inputs: CertificateAuthorityInputs, recorded: Properties) -> Live | None:
        """Looks at the certificate and whether the key belongs to it."""
        folder = Path(inputs.folder)
        if not (folder / KEY).exists() and not (folder / CERTIFICATE).exists():
            return None
        identity = load(folder)
        if identity is None:
            wrong = f"{folder / CERTIFICATE} and {KEY} are damaged or do not belong together"
            return Live({}, [wrong])
        outputs = _outputs(folder, identity)
        if outputs["fingerprint"] != recorded.get("fingerprint"):
            return Live({}, [f"{folder / CERTIFICATE} is not the one made here"])
        return Live(outputs)

    def delete(self, inputs: CertificateAuthorityInputs) -> None:
        """Removes certificate and key."""
        folder = Path(inputs.folder)
        files.remove(folder / KEY)
        files.remove(folder / CERTIFICATE)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def load(folder: Path) -> "Identity | None":
    """Returns the authority in a folder, None unless it is whole."""
    from components.clouds.local.provider import certificates

    return certificates.parse(
        files.read_or_none(folder / CERTIFICATE), files.read_or_none(folder / KEY)
    )


def require(folder: Path) -> "Identity":
    """Returns the authority in a folder.

    Raises:
        RefusedError: there is none.
    """
    identity = load(folder)
    if identity is None:
        raise RefusedError(
            f"authority_folder: {folder} holds no whole authority ({CERTIFICATE}, {KEY})"
        )
    return identity


def due(recorded: Properties, renew_before_days: int) -> frozenset[str]:
    """Returns ``not_after`` when what is recorded ends soon."""
    from components.clouds.local.provider import certificates

    end = recorded.get("not_after")
    if isinstance(end, str) and certificates.ends_within(end, renew_before_days):
        return frozenset({"not_after"})
    return frozenset()


def _outputs(folder: Path, identity: "Identity") -> Properties:
    from components.clouds.local.provider import certificates

    return {
        "certificate_file": str(folder / CERTIFICATE),
        "fingerprint": certificates.fingerprint(identity.certificate),
        "not_after": certificates.not_after(identity.certificate),
    }
