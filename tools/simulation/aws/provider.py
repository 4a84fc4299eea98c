"""AWS: sessions, names, ids and the steps of its rules."""

import json
import re
import string
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches

from components.clouds.local.provider.values import Properties, Unknown, Value
from tools.simulation.aws import computed, functions, rules
from tools.simulation.aws.locations import REGIONS, zones
from tools.simulation.aws.replacement import ALWAYS, REPLACING
from tools.simulation.aws.shapes import SHAPES
from tools.simulation.behaviour import (
    DEFAULTS,
    Behaviour,
    Call,
    Session,
    digest,
    text,
    texts,
    uuid,
)
from tools.simulation.errors import CloudError
from tools.simulation.runs import functions as lambdas
from tools.simulation.sdk import types
from tools.simulation.sdk.check import Mistake

_NO_CREDENTIALS = (
    "No valid credential sources found. Please see https://registry.terraform.io/providers/"
    "hashicorp/aws for more information about providing credentials. Error: failed to refresh "
    "cached credentials, no EC2 IMDS role found"
)
_GLOBAL_ELSEWHERE = {"iam", "route53", "globalaccelerator", "networkmanager", "cloudfront"}
_LOWER = {
    "bucket",
    "clusterIdentifier",
    "globalClusterIdentifier",
    "identifier",
    "replicationGroupId",
    "userId",
}
"""Names that are given in lower case only."""
_EVERYWHERE = "everywhere"


class Aws(Behaviour):
    """The AWS of one account."""

    provider = "aws"

    def configure(self, configuration: Properties) -> Session:
        """Returns a session; the account must be allowed and the region exist."""
        self.require_credentials(_NO_CREDENTIALS)
        account = self.accounts.aws_account
        allowed = texts(configuration, "allowedAccountIds")
        if (allowed and account not in allowed) or account in texts(
            configuration, "forbiddenAccountIds"
        ):
            raise CloudError(f"AWS account ID not allowed: {account}")
        region = text(configuration, "region")
        if region and region not in REGIONS:
            raise CloudError(f"invalid AWS Region: {region}{_meant(region)}")
        return Session(account=account, region=region, configuration=configuration)

    def complete(self, call: Call, seed: str, old: Properties) -> Iterator[tuple[str, Value]]:
        """Names what the program left without a name; adds default tags and the region."""
        shape = SHAPES.get(call.token)
        declared = self.sdk.find(call.token).inputs
        name = shape.name if shape else "name"
        prefixed = any(key in call.inputs for key in (f"{name}Prefix",))
        if name and name in declared and not declared[name].required and not prefixed:
            defaults = old.get(DEFAULTS)
            if isinstance(defaults, list) and name in defaults and name in old:
                yield name, old[name]
            else:
                given = call.name.lower() if name in _LOWER else call.name
                yield name, f"{given}-{seed[:7]}"
        if "region" in declared and call.session.region:
            yield "region", call.session.region

    def mistakes(self, call: Call) -> Iterator[Mistake]:
        """Yields bad regions, zones, names and CIDR blocks."""
        region = call.inputs.get("region")
        if isinstance(region, str) and region not in REGIONS:
            yield Mistake("region", f"there is no AWS region {region!r}{_meant(region)}")
        yield from rules.mistakes(call)
        zone = call.inputs.get("availabilityZone")
        here = self.region(call.session, call.inputs)
        if isinstance(zone, str) and here in REGIONS and zone not in zones(here):
            yield Mistake("availabilityZone", f"{zone} is not in {here}: {', '.join(zones(here))}")

    def replacing(self, token: str) -> frozenset[str]:
        """Returns what the table says, else the names that bind every type."""
        table = REPLACING.get(token)
        return frozenset(ALWAYS if table is None else (*table, "region"))

    def deletes_first(self, token: str, inputs: Properties) -> bool:
        """A name that the program chose is taken until its bearer has gone."""
        shape = SHAPES.get(token)
        if shape is None or not shape.name:
            return shape is not None and "{hex}" not in shape.id and "{uuid}" not in shape.id
        defaults = inputs.get(DEFAULTS)
        return not (isinstance(defaults, list) and shape.name in defaults)

    def region(self, session: Session, properties: Properties) -> str:
        """Returns the region of a resource: its own argument, else the provider's."""
        return text(properties, "region") or session.region

    def place(self, session: Session, token: str, inputs: Properties) -> str:
        """Returns account and region; S3 buckets are named once in the world."""
        shape = SHAPES.get(token)
        if token in {"aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"}:
            return _EVERYWHERE
        module = token.split(":")[1].split("/", maxsplit=1)[0]
        if (shape and shape.is_global) or module in _GLOBAL_ELSEWHERE:
            return session.account
        return f"{session.account}/{self.region(session, inputs)}"

    def identify(self, call: Call) -> str:
        """Returns an id of the type's own form."""
        if not self.region(call.session, call.inputs):
            raise CloudError(
                "Missing region configuration: set aws:region, or the resource's region"
            )
        shape = SHAPES.get(call.token)
        if shape is None:
            return self._example(call)
        made = self._format(shape.id, call, "")
        return made.rstrip("_")

    def perform(self, call: Call) -> Properties:
        """Invokes a function where an invocation is declared, with the function's own code."""
        if call.token != "aws:lambda/invocation:Invocation":  # noqa: S105 - a type
            return {}
        name = text(call.inputs, "functionName")
        found = lambdas.find(self.cloud, call.place, name)
        lost = frozenset(self.accounts.lost_regions)
        event = json.loads(text(call.inputs, "input"))
        return {"result": json.dumps(lambdas.invoke(self.cloud, found, event, lost))}

    def admit(self, call: Call) -> None:
        """Refuses what AWS refuses."""
        rules.admit(self.cloud, call, self.region(call.session, call.inputs))

    def release(self, call: Call) -> None:
        """Refuses to delete what is in use or protected."""
        rules.release(self.cloud, call)

    def duplicate(self, call: Call) -> CloudError:
        """Returns the service's own error for a name that is taken."""
        return rules.duplicate(self.cloud, call)

    def known(self, call: Call) -> Properties:
        """Region and tags are known before there is anything."""
        outputs = self.sdk.find(call.token).outputs
        found: Properties = {}
        if "region" in outputs and (region := self.region(call.session, call.inputs)):
            found["region"] = region
        if "tagsAll" in outputs:
            found["tagsAll"] = self._all_tags(call)
        return found

    def computed(self, call: Call) -> Properties:
        """Returns the ARN and what the type's table says."""
        found: Properties = {}
        if "arn" in self.sdk.find(call.token).outputs:
            found["arn"] = self._arn(call)
        region = self.region(call.session, call.inputs)
        return found | computed.outputs(self.cloud, call, region, text(found, "arn"))

    def generate(self, call: Call, path: str, kind: types.Type) -> Value:
        """Returns what a name alone says."""
        del kind
        return computed.by_name(call, path, self.region(call.session, call.inputs))

    def settle(self, call: Call, properties: Properties) -> None:
        """Renews what follows from the inputs."""
        if "tagsAll" in properties:
            properties["tagsAll"] = self._all_tags(call)
        computed.settle(call, properties)

    def after(self, call: Call) -> None:
        """Does what a change of one resource does to others."""
        rules.after(self.cloud, call)

    def invoke(self, session: Session, token: str, arguments: Properties) -> Properties:
        """Answers what programs ask of AWS."""
        self.require_credentials(_NO_CREDENTIALS)
        region = self.region(session, arguments)
        return functions.answer(self.cloud, session, token, arguments, region)

    def _all_tags(self, call: Call) -> Value:
        default = call.session.configuration.get("defaultTags")
        base = default.get("tags") if isinstance(default, dict) else None
        own = call.inputs.get("tags")
        if isinstance(own, Unknown):
            return own
        merged: dict[str, Value] = dict(base) if isinstance(base, dict) else {}
        return merged | (own if isinstance(own, dict) else {})

    def _arn(self, call: Call) -> str:
        if call.id.startswith("arn:"):
            return call.id
        shape = SHAPES.get(call.token)
        if shape is not None and shape.arn:
            return self._format(shape.arn, call, call.id)
        module, _, kind = call.token.split(":")[1].partition("/")
        region = self.region(call.session, call.inputs)
        return f"arn:aws:{module}:{region}:{call.session.account}:{kind.lower()}/{call.id}"

    def _format(self, template: str, call: Call, identity: str) -> str:
        made = digest(call.urn, call.place, str(self.cloud.count("ids")))
        if identity:
            made = digest(identity)
        upper = re.sub("[^A-Z0-9]", "", made.upper())
        path = text(call.inputs, "path") or "/"
        values: dict[str, str] = defaultdict(str)
        values |= {key: value for key, value in call.inputs.items() if isinstance(value, str)}
        if prefix := values["namePrefix"]:
            values["name"] = values["name"] or f"{prefix}{made[:26]}"
        values |= {
            "account": call.session.account,
            "region": self.region(call.session, call.inputs),
            "partition": "aws",
            "id": identity,
            "hex": made[:17],
            "number": str(int(made[:8], 16)),
            "uuid": uuid(made),
            "upper": upper[:20],
            "suffix": "".join(string.ascii_letters[int(digit, 16)] for digit in made[:6]),
            "path": path,
            "host": text(call.inputs, "url").removeprefix("https://"),
            "kms": ("mrk-" + made[:32]) if call.inputs.get("multiRegion") is True else uuid(made),
            "replica": text(call.inputs, "primaryKeyArn").rpartition("/")[2],
            "role": text(call.inputs, "role").rpartition("/")[2],
        }
        return template.format_map(values)

    def _example(self, call: Call) -> str:
        """Returns an id in the form of the one the SDK shows, else the name."""
        shown = self.sdk.find(call.token).identity
        made = digest(call.urn, str(self.cloud.count("ids")))
        match = re.fullmatch(r"([a-z]+(?:-[a-z]+)*)-[0-9a-f]{8,17}", shown)
        if match:
            return f"{match[1]}-{made[:17]}"
        if shown.startswith("arn:"):
            return self._arn(replace(call, id=text(call.inputs, "name") or made[:12]))
        for key in ("name", *(k for k in call.inputs if k.endswith("Name"))):
            if value := text(call.inputs, key):
                return value
        return made[:17]


def _meant(region: str) -> str:
    near = get_close_matches(region, REGIONS, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
