"""Refuses the deletion of what holds customers' data, where the environment is protected.

Azure's lock holds off everybody who is not Pulumi; Pulumi, which would delete the lock first, is
told to refuse by itself (``Subscription.child``). To delete such a region, apply the environment
unprotected before.
"""

import pulumi
from pulumi_azure_native import authorization

from components.clouds.azure.subscription import Subscription


def lock(
    subscription: Subscription, name: str, held: pulumi.CustomResource, *, parent: pulumi.Resource
) -> None:
    """Locks a resource against deletion; does nothing in an environment that is not protected.

    Args:
        subscription: where.
        name: of what is locked, in Pulumi.
        held: what is locked.
        parent: parent of the lock.
    """
    if not subscription.environment.protect:
        return
    authorization.ManagementLockByScope(
        f"{name}-lock",
        scope=held.id,
        level="CanNotDelete",
        notes="holds customers' data",
        opts=subscription.child(parent),
    )
