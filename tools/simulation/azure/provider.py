"""Azure: sessions, names, ids and the steps of its rules."""

import re
from collections import defaultdict
from collections.abc import Iterator
from difflib import get_close_matches

from components.clouds.local.provider.values import Properties, Value
from tools.simulation.azure import computed, functions, rules
from tools.simulation.azure.locations import LOCATIONS, is_location, normal
from tools.simulation.azure.paths import ONE_WORD, PATHS, UNIQUE
from tools.simulation.azure.replacement import replacing
from tools.simulation.behaviour import DEFAULTS, Behaviour, Call, Session, text, uuid
from tools.simulation.differences import Difference
from tools.simulation.errors import CloudError
from tools.simulation.runs import deployment
from tools.simulation.sdk import types
from tools.simulation.sdk.catalogue import UnknownTokenError
from tools.simulation.sdk.check import Mistake

_NO_CREDENTIALS = (
    "Please run 'az login' to set up an account, or set ARM_CLIENT_ID, ARM_TENANT_ID and a "
    "credential: no Azure credentials found"
)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Azure(Behaviour):
    """The Azure of one subscription."""

    provider = "azure-native"

    def configure(self, configuration: Properties) -> Session:
        """Returns a session in the provider's subscription."""
        self.require_credentials(_NO_CREDENTIALS)
        location = text(configuration, "location")
        if location and not is_location(location):
            raise CloudError(f"there is no Azure location {location!r}{_meant(location)}")
        own = self.accounts.azure_subscription
        subscription = text(configuration, "subscriptionId") or own
        if subscription != own:
            raise CloudError(
                f'Status=404 Code="SubscriptionNotFound" Message="The subscription '
                f"'{subscription}' could not be found.\""
            )
        return Session(account=subscription, region=location, configuration=configuration)

    def complete(self, call: Call, seed: str, old: Properties) -> Iterator[tuple[str, Value]]:
        """Names what the program left without a name; a location follows the resource group's."""
        name = self._name_input(call.token)
        declared = self.sdk.find(call.token).inputs
        if name and name in declared and not declared[name].required:
            defaults = old.get(DEFAULTS)
            if isinstance(defaults, list) and name in defaults and name in old:
                yield name, old[name]
            elif name in UNIQUE:
                yield name, uuid(seed, call.urn)
            else:
                made = f"{call.name}{seed[:8]}"
                yield name, re.sub("[^a-z0-9]", "", made.lower()) if name in ONE_WORD else made
        if "location" in declared and "location" not in call.inputs:
            location = self._group_location(call) or call.session.region
            if location:
                yield "location", location

    def mistakes(self, call: Call) -> Iterator[Mistake]:
        """Yields bad locations and names."""
        location = call.inputs.get("location")
        if isinstance(location, str) and not is_location(location):
            yield Mistake("location", f"there is no location {location!r}{_meant(location)}")
        yield from rules.mistakes(call, self._name_input(call.token))

    def replacing(self, token: str) -> frozenset[str]:
        """Returns the id's parts, the location and what the table says."""
        return replacing(token, frozenset(_PLACEHOLDER.findall(self._template(token))))

    def changes(self, token: str, difference: Difference, old: Properties, new: Properties) -> bool:
        """Locations are the same in all their spellings."""
        del token
        if difference.path != "location":
            return True
        return normal(text(old, "location")) != normal(text(new, "location"))

    def deletes_first(self, token: str, inputs: Properties) -> bool:
        """A name that the program chose is taken until its bearer has gone."""
        defaults = inputs.get(DEFAULTS)
        return not (isinstance(defaults, list) and self._name_input(token) in defaults)

    def place(self, session: Session, token: str, inputs: Properties) -> str:
        """Returns the subscription."""
        del token, inputs
        return session.account

    def identify(self, call: Call) -> str:
        """Returns the resource's path."""
        if not call.session.account:
            raise CloudError("no subscription is configured: set azure-native:subscriptionId")
        values: dict[str, str] = defaultdict(lambda: "default")
        values |= {key: value for key, value in call.inputs.items() if isinstance(value, str)}
        values["subscription"] = call.session.account
        for key in ("scope", "resourceUri"):
            values[key] = values[key].strip("/")
        return self._template(call.token).format_map(values)

    def perform(self, call: Call) -> Properties:
        """Runs a deployment script."""
        if call.token == "azure-native:resources:AzureCliScript":  # noqa: S105 - a type
            return {"outputs": deployment.execute(self.folder, call)}
        return {}

    def location(self, session: Session, properties: Properties) -> str:
        """Returns the location in the spelling of ids."""
        return normal(super().location(session, properties))

    def admit(self, call: Call) -> None:
        """Refuses what Azure refuses."""
        rules.admit(self.cloud, call, self.identify(call))

    def release(self, call: Call) -> None:
        """Refuses to delete what is in use or locked."""
        rules.release(self.cloud, call)

    def duplicate(self, call: Call) -> CloudError:
        """Returns what the provider says of a path that is taken."""
        return CloudError(f"cannot create already existing resource '{call.id}'")

    def computed(self, call: Call) -> Properties:
        """Returns name, type and what the type's table says."""
        template = self._template(call.token).rpartition("/providers/")[2].split("/")
        kinds = [part for part in template[1:] if "{" not in part and part != "default"]
        found: Properties = {
            "name": call.id.rpartition("/")[2],
            "type": "/".join([template[0], *kinds]),
            "azureApiVersion": "2024-05-01",
            "provisioningState": "Succeeded",
        }
        if call.token == "azure-native:resources:ResourceGroup":  # noqa: S105 - a type
            found["type"] = "Microsoft.Resources/resourceGroups"
        declared = self.sdk.find(call.token).outputs
        found |= computed.outputs(self.cloud, call, self.accounts)
        return {key: value for key, value in found.items() if key in declared}

    def generate(self, call: Call, path: str, kind: types.Type) -> Value:
        """Returns what a name alone says."""
        del kind
        return computed.by_name(call, path, self.accounts)

    def settle(self, call: Call, properties: Properties) -> None:
        """Takes away what is never read back."""
        within = properties.get("properties")
        if call.token == "azure-native:keyvault:Secret" and isinstance(within, dict):  # noqa: S105 - a type
            within.pop("value", None)

    def after(self, call: Call) -> None:
        """Does what a change of one resource does to others."""
        rules.after(self.cloud, call)

    def invoke(self, session: Session, token: str, arguments: Properties) -> Properties:
        """Answers what programs ask of Azure."""
        self.require_credentials(_NO_CREDENTIALS)
        return functions.answer(self.cloud, session, token, arguments, self.accounts)

    def _name_input(self, token: str) -> str:
        """Returns the input that is the last part of the id."""
        parts = _PLACEHOLDER.findall(self._template(token).rpartition("/")[2])
        return parts[0] if parts else ""

    def _template(self, token: str) -> str:
        if token in PATHS:
            return PATHS[token]
        _, module, kind = token.split(":")[:3]
        try:
            function = self.sdk.find(f"azure-native:{module}:get{kind}")
            needed = [one.name for one in function.inputs.values() if one.required]
        except UnknownTokenError:
            needed = [k for k in self.sdk.find(token).inputs if k.endswith("Name")]
        below = [name for name in needed if name != "resourceGroupName"]
        group = "resourceGroups/{resourceGroupName}/" if "resourceGroupName" in needed else ""
        path = "/".join(f"{{{name}}}" for name in below) or "default"
        plural = f"{kind[0].lower()}{kind[1:]}s"
        return (
            f"/subscriptions/{{subscription}}/{group}providers/Microsoft.{module}/{plural}/{path}"
        )

    def _group_location(self, call: Call) -> str:
        group = text(call.inputs, "resourceGroupName")
        found = self.cloud.named(f"/subscriptions/{call.session.account}/resourceGroups/{group}")
        return text(found[0].properties, "location") if found else ""


def _meant(location: str) -> str:
    near = get_close_matches(normal(location), LOCATIONS, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
