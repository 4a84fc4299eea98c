"""Generates Python code, type stubs and the gateway's descriptor set from ``protos/``.

What it writes to ``generated/`` is never committed. It imports from ``protos/`` and from two
packages: googleapis-common-protos ships ``google/api/*.proto`` as text, and protovalidate ships
``buf/validate/validate.proto`` only as a descriptor, which protoc takes as well.
"""

import hashlib
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import cast

import google.api  # pyright: ignore[reportMissingTypeStubs]
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_tools import protoc  # pyright: ignore[reportMissingTypeStubs]

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
OUTPUT = ROOT / "generated"
DESCRIPTORS = "aiplatform.binpb"
"""All of ``protos/`` and what it imports, for Envoy's gRPC-JSON transcoder and for buf."""

_VALIDATE = "buf/validate/validate.proto"


def _validate_descriptor() -> bytes:
    """Returns a FileDescriptorSet of validate.proto and what it imports."""
    from protovalidate._gen.buf.validate import validate_pb

    pool = descriptor_pool.Default()
    files = descriptor_pb2.FileDescriptorSet()
    for name in ("descriptor", "duration", "field_mask", "timestamp"):
        __import__(f"google.protobuf.{name}_pb2")
        pool.FindFileByName(f"google/protobuf/{name}.proto").CopyToProto(files.file.add())
    files.file.append(
        descriptor_pb2.FileDescriptorProto.FromString(validate_pb.desc().proto.to_binary())
    )
    return files.SerializeToString()


def _fingerprint(sources: list[Path]) -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    digest.update(version("grpcio-tools").encode() + version("protovalidate").encode())
    for source in sources:
        digest.update(str(source.relative_to(PROTOS)).encode() + source.read_bytes())
    return digest.hexdigest()


def generate() -> bool:
    """Brings ``generated/`` up to date.

    Returns:
        Whether anything had to be done.

    Raises:
        SystemExit: a proto does not compile; protoc has printed where and why.
    """
    sources = sorted(PROTOS.rglob("*.proto"))
    fingerprint = _fingerprint(sources)
    stamp = OUTPUT / "fingerprint"
    if stamp.exists() and stamp.read_text() == fingerprint:
        return False
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".generated-") as folder:
        work = Path(folder)
        validate = work / "validate.desc"
        validate.write_bytes(_validate_descriptor())
        google_protos = Path(next(iter(google.api.__path__))).parent.parent
        arguments = [
            "protoc",
            f"-I{PROTOS}",
            f"-I{google_protos}",
            f"--descriptor_set_in={validate}",
            f"--python_out={work}",
            f"--pyi_out={work}",
        ]
        names = [str(source.relative_to(PROTOS)) for source in sources]
        services = [f"--grpc_python_out={work}", "--include_imports", "--include_source_info"]
        services.append(f"--descriptor_set_out={work / DESCRIPTORS}")
        for step in ([*arguments, _VALIDATE], [*arguments, *services, *names]):
            status = cast("int", protoc.main(step))  # pyright: ignore[reportUnknownMemberType]
            if status != 0:
                raise SystemExit("protos/ does not compile; protoc's messages are above")
        validate.unlink()
        for package in work.rglob("*"):
            if package.is_dir():
                (package / "__init__.py").touch()
        (work / "fingerprint").write_text(fingerprint)
        shutil.rmtree(OUTPUT, ignore_errors=True)
        work.rename(OUTPUT)
        work.mkdir()  # TemporaryDirectory removes it on the way out
    return True


if __name__ == "__main__":
    sys.stdout.write("generated\n" if generate() else "up to date\n")
