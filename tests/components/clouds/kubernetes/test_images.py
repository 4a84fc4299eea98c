"""The platform's image: built once, pushed to every cloud, named by digest."""

import re
from pathlib import Path

import pulumi

from components.clouds.cloud import Registry
from components.clouds.kubernetes.images import platform_image
from tests.components.clouds.kubernetes.world import World
from tests.components.recording import resolved, settle

ROOT = Path(__file__).resolve().parents[4]
DOCKERFILE = ROOT / "images" / "platform" / "Dockerfile"


def registry(world: World, cloud: str, *regions: str) -> Registry:
    def text(value: str) -> pulumi.Output[str]:
        return pulumi.Output.from_input(value)

    return Registry(
        repositories={one: text(f"{one}.{cloud}.example/ai-platform") for one in regions},
        push_to=text(f"{cloud}.example/ai-platform"),
        server=text(f"{cloud}.example"),
        username=text("pusher"),
        password=pulumi.Output.secret("push-password"),
        resource=world.cloud,
    )


def test_one_build_goes_to_every_registry_and_pods_name_it_by_digest(world: World) -> None:
    images = platform_image(
        "image",
        {"gcp": registry(world, "gcp", "g1"), "aws": registry(world, "aws", "a1", "a2")},
        "1.2.3",
        root=ROOT,
        parent=world.root,
    )
    settle()
    (image,) = world.recorder.of("docker-build:index:Image").values()
    assert image.inputs["tags"] == [
        "aws.example/ai-platform:1.2.3",
        "gcp.example/ai-platform:1.2.3",
    ]
    assert image.inputs["platforms"] == ["linux/amd64", "linux/arm64"]
    assert Path(image.inputs["dockerfile"]["location"]) == DOCKERFILE
    digest = "sha256:" + "1" * 64
    assert {region: resolved(one) for region, one in images.items()} == {
        region: f"{region}.{cloud}.example/ai-platform@{digest}"
        for region, cloud in (("a1", "aws"), ("a2", "aws"), ("g1", "gcp"))
    }


def test_bases_are_pinned_and_what_is_fetched_is_checked() -> None:
    text = DOCKERFILE.read_text()
    stages = set(re.findall(r"^FROM \S+ AS (\w+)$", text, re.MULTILINE))
    for base in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
        assert base in stages or re.search(r"@sha256:[0-9a-f]{64}$", base), base
    for line in re.findall(r"^ADD .*", text, re.MULTILINE):
        assert "--checksum=sha256:" in line
    assert text.count("uv pip install") == text.count("--require-hashes")
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", text, re.MULTILINE)


def test_the_builder_is_sent_what_the_dockerfile_copies_and_no_more() -> None:
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.*)", DOCKERFILE.read_text(), re.MULTILINE)
        for source in line.split()[:-1]
    }
    ignored = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    for source in copied:
        assert (ROOT / source).exists()
