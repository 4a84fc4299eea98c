"""Where a region logs to: a workspace for audit logs, encrypted storage for its network's flows.

Workspaces are encrypted with Azure's keys: theirs can be changed only for clusters of workspaces
that take in 100 GB a day. Flow logs, which say who talked to whom, are under the region's key.
"""

from collections.abc import Sequence

import pulumi
from pulumi_azure_native import managedidentity, monitor, network, operationalinsights

from components.clouds.azure.keys import KeyInUse
from components.clouds.azure.network import Place, Site
from components.clouds.azure.roles import Role, grant
from components.clouds.azure.sizes import SIZES
from components.clouds.azure.storage import account


def workspace(at: Place, name: str, *, parent: pulumi.Resource) -> operationalinsights.Workspace:
    """Makes the workspace of a region; only Entra identities read or write it."""
    return operationalinsights.Workspace(
        f"{name}-logs",
        resource_group_name=at.group.name,
        location=at.location,
        sku=operationalinsights.WorkspaceSkuArgs(name="PerGB2018"),
        retention_in_days=SIZES[at.subscription.environment.size].log_days,
        features=operationalinsights.WorkspaceFeaturesArgs(
            disable_local_auth=True, enable_log_access_using_only_resource_permissions=True
        ),
        tags=at.tags(data_class="operational"),
        opts=at.subscription.child(parent),
    )


def send_logs(
    within: Site,
    name: str,
    source: pulumi.Input[str],
    *,
    groups: Sequence[str] = (),
    categories: Sequence[str] = (),
    parent: pulumi.Resource,
) -> None:
    """Sends a resource's logs to its region's workspace.

    Args:
        within: the region.
        name: unique within the stack.
        source: id of the resource.
        groups: groups of logs, such as ``audit``.
        categories: single kinds of logs, where a group would be too much.
        parent: parent of the setting.
    """
    monitor.DiagnosticSetting(
        f"{name}-logs",
        resource_uri=source,
        workspace_id=within.logs,
        log_analytics_destination_type="Dedicated",
        logs=[
            *(
                monitor.DiagnosticsLogSettingsArgs(category_group=group, enabled=True)
                for group in groups
            ),
            *(monitor.DiagnosticsLogSettingsArgs(category=one, enabled=True) for one in categories),
        ],
        opts=within.subscription.child(parent),
    )


def flow_logs(
    at: Place,
    name: str,
    watched: network.VirtualNetwork,
    watcher: network.NetworkWatcher,
    key: KeyInUse,
    *,
    parent: pulumi.Resource,
) -> None:
    """Records who talks to whom in a network."""
    subscription = at.subscription
    days = SIZES[subscription.environment.size].log_days
    store = account(
        at,
        f"{name}-flows",
        account_name=pulumi.Output.concat("flows", at.suffix),
        key=key,
        sku="Standard_ZRS",
        data_class="operational",
        parent=parent,
    )
    writer = managedidentity.UserAssignedIdentity(
        f"{name}-flows-writer",
        resource_group_name=at.group.name,
        location=at.location,
        tags=at.tags(),
        opts=subscription.child(parent),
    )
    access = grant(
        subscription,
        f"{name}-flows-access",
        Role.STORAGE_BLOB_CONTRIBUTOR,
        principal=writer.principal_id,
        scope=store.id,
        parent=parent,
    )
    network.FlowLog(
        f"{name}-flow-log",
        network_watcher_name=watcher.name,
        resource_group_name=at.group.name,
        location=at.location,
        target_resource_id=watched.id,
        storage_id=store.id,
        identity=network.ManagedServiceIdentityArgs(
            type=network.ResourceIdentityType.USER_ASSIGNED,
            user_assigned_identities=[writer.id],
        ),
        enabled=True,
        format=network.FlowLogFormatParametersArgs(type="JSON", version=2),
        retention_policy=network.RetentionPolicyParametersArgs(days=days, enabled=True),
        tags=at.tags(data_class="operational"),
        opts=subscription.child(parent, access),
    )
