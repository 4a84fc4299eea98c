"""Images: a repository in every region, filled from the one that is pushed to."""

import pulumi
import pulumi_aws as aws

from components.clouds.aws.account import Account, Place
from components.clouds.aws.keys import key
from components.clouds.cloud import Registry


def registry(account: Account, name: str, *, parent: pulumi.Resource) -> Registry:
    """Makes the repositories; every region's cluster pulls from its own.

    Images are pushed to the region with the lowest number, whatever order the environment names
    them in. Where that region changes, no repository does.
    """
    environment = account.environment
    repositories = {
        region.name: _repository(
            Place(account=account, region=region), f"{name}-{region.name}", parent=parent
        )
        for region in environment.regions
    }
    home = min(environment.regions, key=lambda one: one.location.number)
    others = sorted(one.location.name for one in environment.regions if one != home)
    pushed_to = repositories[home.name]
    resource: pulumi.Resource = pushed_to
    if others:
        resource = aws.ecr.ReplicationConfiguration(
            name,
            replication_configuration=aws.ecr.ReplicationConfigurationReplicationConfigurationArgs(
                rules=[
                    aws.ecr.ReplicationConfigurationReplicationConfigurationRuleArgs(
                        destinations=[
                            aws.ecr.ReplicationConfigurationReplicationConfigurationRuleDestinationArgs(
                                region=other, registry_id=environment.account
                            )
                            for other in others
                        ],
                        repository_filters=[
                            aws.ecr.ReplicationConfigurationReplicationConfigurationRuleRepositoryFilterArgs(
                                filter=environment.name, filter_type="PREFIX_MATCH"
                            )
                        ],
                    )
                ]
            ),
            region=home.location.name,
            opts=account.inside(parent, *repositories.values()),
        )
    token = aws.ecr.get_authorization_token_output(
        region=home.location.name,
        opts=pulumi.InvokeOutputOptions(provider=account.provider, parent=parent),
    )
    return Registry(
        repositories={region: one.repository_url for region, one in repositories.items()},
        push_to=pushed_to.repository_url,
        server=pushed_to.repository_url.apply(lambda url: url.partition("/")[0]),
        username=token.user_name,
        password=pulumi.Output.secret(token.password),
        resource=resource,
    )


def _repository(place: Place, name: str, *, parent: pulumi.Resource) -> aws.ecr.Repository:
    own_key = key(place, name, data_class="operational", parent=parent)
    return aws.ecr.Repository(
        name,
        name=f"{place.environment.name}/platform",
        image_tag_mutability="IMMUTABLE",
        image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(
            scan_on_push=True
        ),
        encryption_configurations=[
            aws.ecr.RepositoryEncryptionConfigurationArgs(
                encryption_type="KMS", kms_key=own_key.arn
            )
        ],
        force_delete=not place.environment.protect,
        tags=place.tags(),
        region=place.location,
        opts=place.account.inside(parent),
    )
