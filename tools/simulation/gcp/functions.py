"""What the simulated Google Cloud answers when programs ask it something."""

from components.clouds.local.provider.values import Properties, Value
from tools.simulation.behaviour import Session, digest, text
from tools.simulation.cloud import Cloud
from tools.simulation.errors import CloudError, gcp
from tools.simulation.gcp.locations import zones


def answer(
    cloud: Cloud, session: Session, token: str, arguments: Properties, number: str
) -> Properties:
    """Returns a function's result.

    Raises:
        CloudError: this function is not simulated, or what it asks about is not there.
    """
    name = token.rpartition(":")[2]
    project = text(arguments, "project") or text(arguments, "projectId") or session.account
    found: Properties
    match name:
        case "getClientConfig":
            found = {
                "id": f"projects/{project}/regions/{session.region}/zones/",
                "accessToken": f"ya29.{digest(project)}",
                "project": project,
                "region": session.region,
                "zone": text(session.configuration, "zone"),
            }
        case "getProject":
            if project != session.account:
                raise gcp(
                    403,
                    f"The caller does not have permission on project {project}",
                    "forbidden",
                )
            found = {
                "id": f"projects/{project}",
                "projectId": project,
                "number": number,
                "name": project,
            }
        case "getZones":
            names: list[Value] = [*zones(text(arguments, "region") or session.region)]
            found = {"id": project, "names": names, "project": project}
        case "getClientOpenIdUserInfo":
            found = {"id": "simulated@example.com", "email": "simulated@example.com"}
        case "getProjectServiceAccount":
            service = "gs" if "storage" in token else "project"
            email = f"service-{number}@{service}-project-accounts.iam.gserviceaccount.com"
            found = {
                "id": email,
                "emailAddress": email,
                "email": email,
                "member": f"serviceAccount:{email}",
                "project": project,
            }
        case "getTransferProjectServiceAccount" | "getTransferProjectServieAccount":
            email = f"project-{number}@storage-transfer-service.iam.gserviceaccount.com"
            found = {
                "id": email,
                "email": email,
                "member": f"serviceAccount:{email}",
                "subjectId": str(int(digest(email)[:16], 16)),
                "project": project,
            }
        case "getEngineVersions":
            found = {
                "id": project,
                "latestMasterVersion": "1.34.1-gke.1000000",
                "defaultClusterVersion": "1.34.1-gke.1000000",
                "project": project,
                "releaseChannelDefaultVersion": {"REGULAR": "1.34.1-gke.1000000"},
            }
        case "getSecretVersion":
            found = _secret(cloud, arguments)
        case _:
            raise CloudError(f"the simulated Google Cloud does not answer {token}")
    return arguments | found


def _secret(cloud: Cloud, arguments: Properties) -> Properties:
    secret = text(arguments, "secret")
    for version in reversed(cloud.resources("gcp:secretmanager/secretVersion:SecretVersion")):
        if text(version.inputs, "secret").rpartition("/")[2] == secret.rpartition("/")[2]:
            return {"id": version.id, **version.properties}
    raise gcp(404, f"Secret [{secret}] not found or has no versions.", "notFound")
