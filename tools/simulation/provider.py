"""The engine's side: resources and functions of any simulated cloud, over gRPC.

Source: pulumi/proto/provider.proto. What a call belongs to, ``connection.py`` knows.
"""

import logging
import secrets
import sqlite3

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import provider_pb2

from components.clouds.local.provider.values import (
    UNKNOWN,
    Properties,
    Value,
    from_struct,
    to_struct,
)
from tools.simulation import faults, outputs
from tools.simulation.behaviour import DEFAULTS, Behaviour, Call, Session
from tools.simulation.cloud import Resource
from tools.simulation.connection import ConnectedProvider, failures, refusing
from tools.simulation.differences import Difference, differences, merged
from tools.simulation.errors import CloudError
from tools.simulation.sdk.catalogue import UnknownTokenError
from tools.simulation.sdk.check import check
from tools.simulation.sdk.types import Definition

_Kind = provider_pb2.PropertyDiff
_KINDS = {
    ("add", False): _Kind.ADD,
    ("add", True): _Kind.ADD_REPLACE,
    ("delete", False): _Kind.DELETE,
    ("delete", True): _Kind.DELETE_REPLACE,
    ("update", False): _Kind.UPDATE,
    ("update", True): _Kind.UPDATE_REPLACE,
}

log = logging.getLogger(__name__)


class SimulatedProvider(ConnectedProvider):
    """Serves one provider's resource types and functions."""

    def __init__(self, behaviour: Behaviour, ordered: faults.Faults) -> None:
        """Sets what the cloud does, and which calls are to fail."""
        super().__init__(behaviour)
        self._faults = ordered

    def Check(  # noqa: N802
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Reports every mistake in the inputs and fills in what the provider does."""
        news, olds = from_struct(request.news), from_struct(request.olds)
        token = _token(request.urn)
        sdk = self.behaviour.sdk
        try:
            definition = sdk.find(token)
        except UnknownTokenError as error:
            context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        inputs: Properties = {key: value for key, value in news.items() if value is not None}
        found = list(check(sdk, definition.inputs, inputs))
        defaults: list[Value] = []
        for key, declared in definition.inputs.items():
            if declared.default is not None and key not in inputs:
                inputs[key] = declared.default
                defaults.append(key)
        seed = request.randomSeed.hex() or secrets.token_hex(16)
        session = self.session(context)
        call = self._call(session, request.urn, "", inputs)
        for key, value in self.behaviour.complete(call, seed, olds):
            if key in definition.inputs and key not in inputs:
                inputs[key] = value
                defaults.append(key)
        found += self.behaviour.mistakes(self._call(session, request.urn, "", inputs))
        inputs[DEFAULTS] = defaults
        return provider_pb2.CheckResponse(inputs=to_struct(inputs), failures=failures(found))

    def Diff(  # noqa: N802
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Tells what an update would change, and what only a replacement can."""
        token = _token(request.urn)
        old, new = from_struct(request.old_inputs), from_struct(request.news)
        ignored = {path.partition(".")[0].partition("[")[0] for path in request.ignoreChanges}
        found = [
            one
            for one in differences(old, new)
            if one.path.partition(".")[0].partition("[")[0] not in ignored
            and self.behaviour.changes(token, one, old, new)
        ]
        call = self._call(self.session(context), request.urn, request.id, new)
        found += self.behaviour.outdated(call, from_struct(request.olds))
        replacing = self.behaviour.replacing(token)
        kinds = provider_pb2.DiffResponse
        response = kinds(
            changes=kinds.DIFF_SOME if found else kinds.DIFF_NONE,
            diffs=sorted({_top(one) for one in found}),
            replaces=sorted({_top(one) for one in found if one.is_within(replacing)}),
            deleteBeforeReplace=self.behaviour.deletes_first(token, new),
            hasDetailedDiff=True,
        )
        for one in found:
            kind = _KINDS[one.change, one.is_within(replacing)]
            response.detailedDiff[one.path].CopyFrom(_Kind(kind=kind, inputDiff=True))
        return response

    def Create(  # noqa: N802
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        """Makes the resource, or in a preview tells what of it would be known."""
        behaviour, sdk = self.behaviour, self.behaviour.sdk
        inputs = from_struct(request.properties)
        session = self.session(context)
        call = self._call(session, request.urn, "", inputs)
        definition = sdk.find(call.token)
        if request.preview:
            computed = outputs.unknown(behaviour.computed(call))
            given = outputs.complete(_declared(inputs), computed) | behaviour.known(call)
            promised = outputs.promise(sdk, definition.outputs, given)
            return provider_pb2.CreateResponse(properties=to_struct(promised))
        fault = self._faults.due("create", call.token, request.urn)
        with refusing(context):
            faults.before(fault, deadline=request.timeout, stopped=self.stopped(context))
            if behaviour.stateless:
                identity, made = behaviour.make(call)
                properties = outputs.fill(
                    sdk, definition.outputs, _declared(inputs) | made, outputs.by_type
                )
                return provider_pb2.CreateResponse(id=identity, properties=to_struct(properties))
            behaviour.reach(session, inputs)
            ran = behaviour.perform(call)
            with behaviour.cloud.transaction():
                behaviour.admit(call)
                call = self._call(session, request.urn, behaviour.identify(call), inputs)
                properties = self._outputs(definition, call, _declared(inputs) | ran)
                behaviour.settle(call, properties)
                try:
                    behaviour.cloud.add(
                        token=call.token,
                        place=call.place,
                        id=call.id,
                        urn=request.urn,
                        inputs=inputs,
                        properties=properties,
                    )
                except sqlite3.IntegrityError:
                    raise behaviour.duplicate(call) from None
                behaviour.after(call)
            faults.after(fault)
        return provider_pb2.CreateResponse(id=call.id, properties=self._answer(definition, call))

    def Read(  # noqa: N802
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        """Looks into the cloud: for a refresh, an import or a `get`."""
        recorded, known = from_struct(request.properties), from_struct(request.inputs)
        session = self.session(context)
        token = _token(request.urn)
        fault = self._faults.due("read", token, request.urn)
        with refusing(context):
            faults.before(fault, deadline=0, stopped=self.stopped(context))
        if self.behaviour.stateless:
            return provider_pb2.ReadResponse(
                id=request.id, properties=request.properties, inputs=request.inputs
            )
        with refusing(context):
            self.behaviour.reach(session, recorded)
        live = self._find(session, token, request.id, recorded | known)
        if live is None:
            return provider_pb2.ReadResponse()
        definition = self.behaviour.sdk.find(token)
        inputs = _drifted(definition, known or live.inputs, recorded, live)
        shown = _shown(definition, live)
        return provider_pb2.ReadResponse(
            id=live.id, properties=to_struct(shown), inputs=to_struct(inputs)
        )

    def Update(  # noqa: N802
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        """Brings the resource to its new inputs."""
        behaviour, sdk = self.behaviour, self.behaviour.sdk
        news, olds = from_struct(request.news), from_struct(request.olds)
        session = self.session(context)
        call = self._call(session, request.urn, request.id, news)
        definition = sdk.find(call.token)
        before = from_struct(request.old_inputs)
        given = merged(definition, olds, olds, before, _declared(news), set())
        if behaviour.stateless:
            renewed = self._renew(call, given, is_preview=request.preview)
            return provider_pb2.UpdateResponse(properties=to_struct(renewed))
        if request.preview:
            behaviour.settle(call, given)
            promised = outputs.promise(sdk, definition.outputs, given)
            return provider_pb2.UpdateResponse(properties=to_struct(promised))
        fault = self._faults.due("update", call.token, request.urn)
        with refusing(context):
            faults.before(fault, deadline=request.timeout, stopped=self.stopped(context))
            behaviour.reach(session, olds)
            live = self._find(session, call.token, request.id, olds)
            if live is None:
                raise CloudError(f"{call.token} {request.id} was not found")
            call = self._call(session, request.urn, request.id, news, live)
            ran = behaviour.perform(call)
            with behaviour.cloud.transaction():
                behaviour.admit(call)
                ignored = {path.partition(".")[0] for path in request.ignoreChanges}
                sent = merged(definition, live.properties, olds, before, _declared(news), ignored)
                properties = self._outputs(definition, call, sent | ran)
                behaviour.settle(call, properties)
                behaviour.cloud.change(live, inputs=news, properties=properties)
                behaviour.after(call)
            faults.after(fault)
        return provider_pb2.UpdateResponse(properties=self._answer(definition, call))

    def Delete(  # noqa: N802
        self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Removes the resource; succeeds when it has gone already."""
        behaviour = self.behaviour
        if behaviour.stateless:
            return empty_pb2.Empty()
        recorded = from_struct(request.properties)
        session, token = self.session(context), _token(request.urn)
        fault = self._faults.due("delete", token, request.urn)
        with refusing(context):
            faults.before(fault, deadline=request.timeout, stopped=self.stopped(context))
            behaviour.reach(session, recorded)
            with behaviour.cloud.transaction():
                live = self._find(session, token, request.id, recorded)
                if live is not None:
                    call = self._call(session, request.urn, request.id, recorded, live)
                    behaviour.release(call)
                    behaviour.cloud.remove(live)
                    behaviour.after(call)
            faults.after(fault)
        return empty_pb2.Empty()

    def Invoke(  # noqa: N802
        self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.InvokeResponse:
        """Answers a function."""
        sdk = self.behaviour.sdk
        arguments = from_struct(request.args)
        try:
            definition = sdk.find(request.tok)
        except UnknownTokenError as error:
            context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        mistakes = failures(check(sdk, definition.inputs, arguments))
        if mistakes:
            return provider_pb2.InvokeResponse(failures=mistakes)
        with refusing(context):
            session = self.session(context)
            answer = self.behaviour.invoke(session, request.tok, arguments)
            call = Call(
                session=session,
                token=request.tok,
                urn="",
                name="",
                id="",
                place="",
                inputs=arguments,
            )
            filled = outputs.fill(
                sdk,
                definition.outputs,
                answer,
                lambda path, kind: self.behaviour.generate(call, path, kind),
            )
        reply = provider_pb2.InvokeResponse()
        getattr(reply, "return").CopyFrom(to_struct(filled))
        return reply

    def _answer(self, definition: Definition, call: Call) -> struct_pb2.Struct:
        """Returns what there is now: what followed from the change may have changed it again."""
        live = self.behaviour.cloud.find(call.token, call.place, call.id)
        assert live is not None  # noqa: S101 - it was just made, under this id
        return to_struct(_shown(definition, live))

    def _renew(self, call: Call, given: Properties, *, is_preview: bool) -> Properties:
        """Returns the outputs of a value whose inputs changed without asking for another one."""
        if not self.behaviour.made_outputs:
            return given
        made: Properties = dict.fromkeys(self.behaviour.made_outputs, UNKNOWN)
        return given | (made if is_preview else self.behaviour.make(call)[1])

    def _outputs(self, definition: Definition, call: Call, given: Properties) -> Properties:
        behaviour = self.behaviour
        return outputs.fill(
            behaviour.sdk,
            definition.outputs,
            outputs.complete(given, behaviour.computed(call)) | behaviour.known(call),
            lambda path, kind: behaviour.generate(call, path, kind),
        )

    def _call(
        self,
        session: Session,
        urn: str,
        identity: str,
        inputs: Properties,
        old: Resource | None = None,
    ) -> Call:
        token = _token(urn)
        return Call(
            session=session,
            token=token,
            urn=urn,
            name=_name(urn),
            id=identity,
            place=old.place if old else self.behaviour.place(session, token, inputs),
            inputs=inputs,
            old=old,
        )

    def _find(
        self, session: Session, token: str, identity: str, properties: Properties
    ) -> Resource | None:
        place = self.behaviour.place(session, token, properties)
        return self.behaviour.cloud.find(token, place, identity)


def _shown(definition: Definition, live: Resource) -> Properties:
    """Returns what the SDK knows of; the cloud keeps more."""
    return {key: value for key, value in live.properties.items() if key in definition.outputs}


def _drifted(
    definition: Definition, inputs: Properties, recorded: Properties, live: Resource
) -> Properties:
    """Returns inputs with what a drift did to them, so that the next `up` undoes it."""
    found = dict(inputs)
    for key, value in live.properties.items():
        is_known = key in inputs or (
            # What nobody declared and the cloud chooses itself is not a drift.
            key in definition.inputs
            and key in definition.outputs
            and not definition.outputs[key].required
        )
        if recorded and is_known and value != recorded.get(key, value if key in inputs else None):
            found[key] = value
    return found


def _declared(inputs: Properties) -> Properties:
    return {key: value for key, value in inputs.items() if not key.startswith("__")}


def _top(difference: Difference) -> str:
    return difference.path.partition(".")[0].partition("[")[0]


def _token(urn: str) -> str:
    # urn:pulumi:<stack>::<project>::<parent type>$<type>::<name>
    return urn.split("::")[2].rsplit("$", 1)[-1]


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]
