"""Certificate: a workload's leaf certificate, renewed before it ends."""

from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field, model_validator

from components.clouds.local.provider import files
from components.clouds.local.provider.framework import Folder, Inputs, Live, Name, Resource
from components.clouds.local.provider.resources import certificate_authority
from components.clouds.local.provider.values import Properties

if TYPE_CHECKING:
    from components.clouds.local.provider.certificates import Identity

_AUTHORITY = "ca.crt"
_PUBLIC = 0o644


def _address(text: str) -> str:
    return str(ip_address(text))


class CertificateInputs(Inputs):
    """What a program says of a leaf certificate."""

    authority_folder: Folder
    authority_fingerprint: str
    folder: Folder
    name: Name
    spiffe_id: str = Field(
        pattern=r"^spiffe://[a-z0-9._-]+(/[A-Za-z0-9._-]+)+$",
        max_length=2048,
        description="an identity such as spiffe://<trust domain>/us-east-1/gateway",
    )
    dns_names: list[str] = Field(default_factory=lambda: ["localhost"])
    ip_addresses: list[Annotated[str, AfterValidator(_address)]] = Field(
        default_factory=lambda: ["127.0.0.1"]
    )
    validity_days: int = Field(90, ge=1, le=825, description="1 to 825 days")
    renew_before_days: int = Field(30, ge=0, description="days, fewer than validity_days")

    @model_validator(mode="after")
    def _is_coherent(self) -> "CertificateInputs":
        if self.renew_before_days >= self.validity_days:
            raise ValueError(
                f"renew_before_days ({self.renew_before_days}) must be below validity_days "
                f"({self.validity_days}), or every update would renew it"
            )
        return self


class Certificate(Resource[CertificateInputs]):
    """Certificate, key and authority certificate as files in a folder."""

    inputs = CertificateInputs
    outputs: ClassVar = ("certificate_file", "key_file", "ca_file", "fingerprint", "not_after")
    replace_on: ClassVar = frozenset({"folder", "name"})

    def identify(self, inputs: CertificateInputs) -> str:
        """Returns folder and name."""
        return f"{inputs.folder}/{inputs.name}"

    def expect(self, inputs: Properties, old: Properties | None) -> Properties:
        """Promises the paths."""
        del old
        folder, name = inputs["folder"], inputs["name"]
        if not isinstance(folder, str) or not isinstance(name, str):
            return {}
        return _paths(Path(folder), name)

    def due(self, recorded: Properties) -> frozenset[str]:
        """Asks for renewal near the end of validity."""
        days = recorded.get("renew_before_days")
        return certificate_authority.due(recorded, days if isinstance(days, int) else 0)

    def apply(self, inputs: CertificateInputs, old: Properties | None) -> Properties:
        """Issues it, or keeps one that says what is asked for and does not end soon."""
        from components.clouds.local.provider import certificates

        del old
        authority = certificate_authority.require(Path(inputs.authority_folder))
        folder = Path(inputs.folder)
        leaf = _load(inputs)
        if leaf is None or _wrong(inputs, leaf):
            leaf = certificates.make_leaf(
                authority,
                inputs.name,
                inputs.spiffe_id,
                inputs.dns_names,
                inputs.ip_addresses,
                inputs.validity_days,
            )
            files.make_folder(folder)
            files.write(folder / f"{inputs.name}.key", leaf.key_pem())
            files.write(folder / f"{inputs.name}.crt", leaf.certificate_pem(), mode=_PUBLIC)
        if files.read_or_none(folder / _AUTHORITY) != authority.certificate_pem():
            files.write(folder / _AUTHORITY, authority.certificate_pem(), mode=_PUBLIC)
        return _outputs(inputs, leaf)

    def read(self, inputs: CertificateInputs, recorded: Properties) -> Live | None:
        """Looks at the three files."""
        del recorded
        folder = Path(inputs.folder)
        if not folder.is_dir():
            return None
        leaf = _load(inputs)
        certificate = folder / f"{inputs.name}.crt"
        if leaf is None:
            wrong = f"{certificate} and its key are missing, damaged or do not belong together"
            return Live({}, [wrong])
        authority = certificate_authority.load(Path(inputs.authority_folder))
        drift: list[str] = []
        if authority:
            drift = files.differences({folder / _AUTHORITY: authority.certificate_pem()})
            wrong = _wrong(inputs, leaf, renewal=False)
            drift += [f"{certificate} {wrong}"] if wrong else []
        return Live(_outputs(inputs, leaf), drift)

    def delete(self, inputs: CertificateInputs) -> None:
        """Removes certificate and key, and the folder with its authority file when it is empty."""
        folder = Path(inputs.folder)
        files.remove(folder / f"{inputs.name}.key")
        files.remove(folder / f"{inputs.name}.crt")
        if folder.is_dir() and {path.name for path in folder.iterdir()} <= {_AUTHORITY}:
            files.remove(folder)


def _load(inputs: CertificateInputs) -> "Identity | None":
    from components.clouds.local.provider import certificates

    stem = Path(inputs.folder) / inputs.name
    return certificates.parse(
        files.read_or_none(stem.with_name(f"{inputs.name}.crt")),
        files.read_or_none(stem.with_name(f"{inputs.name}.key")),
    )


def _wrong(inputs: CertificateInputs, leaf: "Identity", *, renewal: bool = True) -> str | None:
    """Returns in words why a leaf can't be kept; ``renewal`` also minds its end."""
    from components.clouds.local.provider import certificates

    authority = certificate_authority.require(Path(inputs.authority_folder))
    as_asked = certificates.is_leaf_for(
        leaf,
        authority.certificate,
        inputs.spiffe_id,
        inputs.dns_names,
        inputs.ip_addresses,
        inputs.validity_days,
    )
    if not as_asked:
        return "is not what was asked for, or not signed by the authority"
    end = certificates.not_after(leaf.certificate)
    if renewal and certificates.ends_within(end, inputs.renew_before_days):
        return "ends soon"
    return None


def _paths(folder: Path, name: str) -> Properties:
    return {
        "certificate_file": str(folder / f"{name}.crt"),
        "key_file": str(folder / f"{name}.key"),
        "ca_file": str(folder / _AUTHORITY),
    }


def _outputs(inputs: CertificateInputs, leaf: "Identity") -> Properties:
    from components.clouds.local.provider import certificates

    return _paths(Path(inputs.folder), inputs.name) | {
        "fingerprint": certificates.fingerprint(leaf.certificate),
        "not_after": certificates.not_after(leaf.certificate),
    }
