"""The platform's image: built once for both processor kinds, in every cloud's own registry.

Pods name it by digest, so what runs is what was built, whatever becomes of a tag.
"""

from collections.abc import Mapping
from pathlib import Path

import pulumi
import pulumi_docker_build as docker_build

from components.clouds.cloud import Registry
from components.clouds.locations import CloudName

_DOCKERFILE = Path("images") / "platform" / "Dockerfile"
_PLATFORMS = (docker_build.Platform.LINUX_AMD64, docker_build.Platform.LINUX_ARM64)


def platform_image(
    name: str,
    registries: Mapping[CloudName, Registry],
    version: str,
    *,
    root: Path,
    parent: pulumi.Resource,
) -> Mapping[str, pulumi.Output[str]]:
    """Builds the image and pushes it to every registry.

    Args:
        name: unique within the stack.
        registries: one a cloud that the environment uses.
        version: the tag; registries never let one be pushed twice with other content.
        root: the checkout it is built from.
        parent: parent of what is made.

    Returns:
        By region, the image by digest in the repository that the region's cluster pulls from.
    """
    ordered = [registries[cloud] for cloud in sorted(registries)]
    image = docker_build.Image(
        name,
        push=True,
        tags=[pulumi.Output.concat(one.push_to, ":", version) for one in ordered],
        platforms=_PLATFORMS,
        context={"location": str(root)},
        dockerfile={"location": str(root / _DOCKERFILE)},
        registries=[
            {"address": one.server, "username": one.username, "password": one.password}
            for one in ordered
            if one.username is not None and one.password is not None
        ],
        labels={
            "org.opencontainers.image.title": "ai-platform",
            "org.opencontainers.image.version": version,
        },
        build_on_preview=False,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[one.resource for one in ordered]),
    )
    return {
        region: pulumi.Output.concat(repository, "@", image.digest)
        for one in ordered
        for region, repository in one.repositories.items()
    }
