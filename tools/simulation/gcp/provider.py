"""Google Cloud: sessions, names, ids and the steps of its rules.

Ids come from the forms that the SDK's import sections show:
``projects/{{project}}/regions/{{region}}/subnetworks/{{name}}``.
"""

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches

from components.clouds.local.provider.values import Properties, Unknown, Value
from tools.simulation.behaviour import DEFAULTS, Behaviour, Call, Session, digest, text
from tools.simulation.errors import CloudError, gcp
from tools.simulation.gcp import computed, functions, rules
from tools.simulation.gcp.locations import REGIONS, is_location
from tools.simulation.gcp.replacement import replacing
from tools.simulation.runs import jobs
from tools.simulation.sdk import types
from tools.simulation.sdk.check import Mistake

_NO_CREDENTIALS = (
    "google: could not find default credentials. See "
    "https://cloud.google.com/docs/authentication/external/set-up-adc for more information"
)
_PLACEHOLDER = re.compile(r"\{\{%?([a-zA-Z0-9_]+)\}\}")
_IDS = {
    "gcp:storage/bucket:Bucket": "{{name}}",
    "gcp:storage/bucketIAMMember:BucketIAMMember": "b/{{bucket}}",
    "gcp:serviceaccount/account:Account": (
        "projects/{{project}}/serviceAccounts/{{account_id}}@{{project}}.iam.gserviceaccount.com"
    ),
    "gcp:projects/service:Service": "{{project}}/{{service}}",
    "gcp:projects/iAMMember:IAMMember": "{{project}}",
    "gcp:serviceaccount/iAMMember:IAMMember": "{{service_account_id}}",
    "gcp:servicenetworking/connection:Connection": "{{network}}:{{service}}",
    "gcp:dns/recordSet:RecordSet": (
        "projects/{{project}}/managedZones/{{managed_zone}}/rrsets/{{name}}/{{type}}"
    ),
    "gcp:sql/databaseInstance:DatabaseInstance": "{{name}}",
    "gcp:sql/database:Database": "projects/{{project}}/instances/{{instance}}/databases/{{name}}",
    "gcp:sql/user:User": "{{name}}//{{instance}}",
    "gcp:container/nodePool:NodePool": (
        "projects/{{project}}/locations/{{location}}/clusters/{{cluster}}/nodePools/{{name}}"
    ),
    "gcp:compute/routerNat:RouterNat": "{{project}}/{{region}}/{{router}}/{{name}}",
    "gcp:compute/routerInterface:RouterInterface": "{{region}}/{{router}}/{{name}}",
    "gcp:kms/cryptoKey:CryptoKey": "{{key_ring}}/cryptoKeys/{{name}}",
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": "{{crypto_key_id}}",
    "gcp:kms/cryptoKeyIAMBinding:CryptoKeyIAMBinding": "{{crypto_key_id}}",
    "gcp:kms/keyRingIAMMember:KeyRingIAMMember": "{{key_ring_id}}",
    "gcp:pubsub/subscriptionIAMMember:SubscriptionIAMMember": "{{project}}/{{subscription}}",
    "gcp:organizations/iAMMember:IAMMember": "{{org_id}}",
    "gcp:projects/iAMAuditConfig:IAMAuditConfig": "{{project}}/audit_config/{{service}}",
    "gcp:projects/serviceIdentity:ServiceIdentity": "projects/{{project}}/services/{{service}}",
    "gcp:storage/transferJob:TransferJob": "{{project}}/{{unique}}",
    "gcp:secretmanager/secretVersion:SecretVersion": "{{secret}}/versions/{{number}}",
}
_WHOLE = {"service_account_id", "key_ring", "key_ring_id", "crypto_key_id", "secret", "network"}
"""Parts of ids that are whole ids themselves."""
_BARE_NAMES = {"cluster_id", "cluster_name"}
_MEMBERSHIP = {"iammember": "/{{role}}/{{member}}", "iambinding": "/{{role}}"}
"""What the ids of grants have behind that of what they are for."""
_NUMBERS: dict[str, Callable[[str], str]] = {
    "number": lambda _: "1",
    "unique": lambda made: str(int(made[:15], 16)),
}
_UNNAMED = {"gcp:storage/transferJob:TransferJob"}
"""Types whose ``name`` the cloud chooses."""
_EVERYWHERE = "everywhere"


class Gcp(Behaviour):
    """The Google Cloud of one caller."""

    provider = "gcp"

    def configure(self, configuration: Properties) -> Session:
        """Returns a session in the provider's project."""
        self.require_credentials(_NO_CREDENTIALS)
        region = text(configuration, "region")
        if region and region not in REGIONS:
            raise CloudError(f"there is no Google Cloud region {region!r}{_meant(region)}")
        project = text(configuration, "project") or self.accounts.gcp_project
        return Session(account=project, region=region, configuration=configuration)

    def complete(self, call: Call, seed: str, old: Properties) -> Iterator[tuple[str, Value]]:
        """Names what the program left without a name."""
        name = self._name_input(call.token)
        declared = self.sdk.find(call.token).inputs
        if name in declared and not declared[name].required and call.token not in _UNNAMED:
            defaults = old.get(DEFAULTS)
            if isinstance(defaults, list) and name in defaults and name in old:
                yield name, old[name]
            else:
                yield name, f"{call.name.lower()}-{seed[:7]}"

    def mistakes(self, call: Call) -> Iterator[Mistake]:
        """Yields bad locations and names."""
        for key in ("region", "location", "zone"):
            value = call.inputs.get(key)
            if isinstance(value, str) and "/" not in value and not is_location(value):
                yield Mistake(key, f"there is no location {value!r}{_meant(value)}")
        yield from rules.mistakes(call)

    def replacing(self, token: str) -> frozenset[str]:
        """Returns the id's parts and what the table says."""
        parts = {_camel(one) for one in _PLACEHOLDER.findall(self._template(token))}
        return replacing(token, frozenset(parts))

    def deletes_first(self, token: str, inputs: Properties) -> bool:
        """A name that the program chose is taken until its bearer has gone."""
        defaults = inputs.get(DEFAULTS)
        return not (isinstance(defaults, list) and self._name_input(token) in defaults)

    def place(self, session: Session, token: str, inputs: Properties) -> str:
        """Returns the project; bucket names are taken once in the world."""
        if token == "gcp:storage/bucket:Bucket":  # noqa: S105 - a type
            return _EVERYWHERE
        return text(inputs, "project") or session.account

    def identify(self, call: Call) -> str:
        """Returns an id of the type's own form."""
        if not call.place:
            raise CloudError("project: required field is not set")
        template = self._template(call.token)
        made = digest(call.urn, str(self.cloud.count("ids")))
        if not template:
            return text(call.inputs, "name") or made[:16]
        found = _PLACEHOLDER.sub(lambda part: self._part(part[1], call, made), template)
        condition = text(call.inputs, "condition", "title")
        return f"{found}/{condition}" if condition else found

    def perform(self, call: Call) -> Properties:
        """Executes a Cloud Run job that is declared to run, where it runs Google's own CLI."""
        if call.token == "gcp:cloudrunv2/job:Job":  # noqa: S105 - a type
            jobs.execute(self.folder, call)
        return {}

    def admit(self, call: Call) -> None:
        """Refuses what Google refuses."""
        rules.admit(self.cloud, call)

    def release(self, call: Call) -> None:
        """Refuses to delete what is in use or protected."""
        rules.release(self.cloud, call)

    def duplicate(self, call: Call) -> CloudError:
        """Returns Google's error for a name that is taken."""
        if call.token == "gcp:storage/bucket:Bucket":  # noqa: S105 - a type
            return gcp(
                409,
                "The requested bucket name is not available. The bucket namespace is shared by "
                "all users of the system. Please select a different name and try again.",
                "conflict",
            )
        return gcp(409, f"The resource '{call.id}' already exists", "alreadyExists")

    def known(self, call: Call) -> Properties:
        """Project, region and labels are known before there is anything."""
        outputs = self.sdk.find(call.token).outputs
        found: Properties = {}
        if "project" in outputs and call.place not in {"", _EVERYWHERE}:
            found["project"] = text(call.inputs, "project") or call.session.account
        if "region" in outputs and "region" in self.sdk.find(call.token).inputs:
            region = text(call.inputs, "region") or call.session.region
            if region and not isinstance(call.inputs.get("region"), Unknown):
                found["region"] = region.rpartition("/")[2]
        labels = call.inputs.get("labels") or {}
        default = call.session.configuration.get("defaultLabels") or {}
        if isinstance(labels, dict) and isinstance(default, dict):
            for key in ("effectiveLabels", "pulumiLabels"):
                if key in outputs:
                    found[key] = default | labels
        return found | computed.within_inputs(call)

    def computed(self, call: Call) -> Properties:
        """Returns links and what the type's table says."""
        return computed.outputs(self.cloud, call, self.accounts.gcp_project_number)

    def generate(self, call: Call, path: str, kind: types.Type) -> Value:
        """Returns what a name alone says."""
        del kind
        return computed.by_name(call, path)

    def after(self, call: Call) -> None:
        """Does what a change of one resource does to others."""
        rules.after(self.cloud, call)

    def invoke(self, session: Session, token: str, arguments: Properties) -> Properties:
        """Answers what programs ask of Google Cloud."""
        self.require_credentials(_NO_CREDENTIALS)
        number = self.accounts.gcp_project_number
        return functions.answer(self.cloud, session, token, arguments, number)

    def _name_input(self, token: str) -> str:
        """Returns the input that names a resource: ``name``, else the last part of the id."""
        if "name" in self.sdk.find(token).inputs:
            return "name"
        parts = _PLACEHOLDER.findall(self._template(token).rpartition("/")[2])
        return _camel(parts[0]) if parts else ""

    def _template(self, token: str) -> str:
        shown = self.sdk.find(token).identity.replace('"', "").split(" ")[0]
        kind = token.rpartition(":")[2].lower()
        return _IDS.get(token, shown) + next(
            (more for ending, more in _MEMBERSHIP.items() if kind.endswith(ending)), ""
        )

    def _part(self, part: str, call: Call, made: str) -> str:
        if part in _NUMBERS:
            return _NUMBERS[part](made)
        value = text(call.inputs, _camel(part))
        if not value and part in _BARE_NAMES:
            value = text(call.inputs, "name")
        match part:
            case "project" | "project_id":
                return value or call.session.account
            case "region" | "location":
                return (value or call.session.region or "global").rpartition("/")[2]
            case (
                "service_account_id"
                | "key_ring"
                | "key_ring_id"
                | "crypto_key_id"
                | "secret"
                | "network"
            ):
                return value or made[:16]
            case "member" | "role":
                return value
            case _:
                return value.rpartition("/")[2] or made[:16]


def _camel(snake: str) -> str:
    head, *tail = snake.split("_")
    return head + "".join(part.capitalize() for part in tail)


def _meant(name: str) -> str:
    near = get_close_matches(name, REGIONS, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
