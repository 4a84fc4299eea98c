"""The Cedar schema as data: which kinds of principals may ask for which actions on what."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import cedarpy

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*(?:::"(?:[^"\\]|\\.)*")?|\S')
_PRIMITIVES = frozenset({"String", "Long", "Bool"})
_EXTENSIONS = frozenset({"ipaddr", "decimal", "datetime", "duration"})

TypeKind = Literal["String", "Long", "Bool", "Set", "Record", "Entity", "Extension"]


@dataclass(frozen=True, kw_only=True)
class Type:
    """The type of an attribute.

    Attributes:
        kind: what sort of type it is.
        name: of the entity type or the extension; empty for others.
        element: of a set, its elements' type.
        attributes: of a record, by name.
        required: whether an attribute of this type is always there.
    """

    kind: TypeKind
    name: str = ""
    element: "Type | None" = None
    attributes: Mapping[str, "Type"] = field(default_factory=dict[str, "Type"])
    required: bool = True


_NOTHING = Type(kind="Record")


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something that can be asked for.

    Attributes:
        type: ``<namespace>::Action``.
        id: its id, an RPC's full name.
        groups: ids of the actions it is in.
        principals: kinds of entities that may ask.
        resources: kinds of entities that it may be asked for.
        context: what is said besides.
    """

    type: str
    id: str
    groups: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    context: Type = _NOTHING


@dataclass(frozen=True, kw_only=True)
class Schema:
    """What a schema declares.

    Attributes:
        text: as Cedar writes it: without comments, in order.
        kinds: attributes of each entity type, by its full name.
        actions: by id.
    """

    text: str
    kinds: Mapping[str, Type]
    actions: Mapping[str, Action]


def parse(text: str) -> Schema:
    """Returns what a schema in Cedar's own syntax declares.

    Raises:
        ValueError: it is wrong; the message is Cedar's.
    """
    canonical = str(cedarpy.Schema.from_str(text))
    reader = _Reader(_TOKEN.findall(canonical))
    reader.read()
    kinds = {name: reader.resolved(type_, namespace) for name, type_, namespace in reader.entities}
    actions = {
        action.id: replace(
            action,
            principals=tuple(reader.qualified(one, namespace) for one in action.principals),
            resources=tuple(reader.qualified(one, namespace) for one in action.resources),
            context=reader.resolved(action.context, namespace),
        )
        for action, namespace in reader.actions
    }
    return Schema(text=canonical, kinds=kinds, actions=actions)


class _Reader:
    """Reads the canonical text; names are resolved when all of it is known."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self.entities: list[tuple[str, Type, str]] = []
        self.actions: list[tuple[Action, str]] = []
        self._commons: dict[str, tuple[Type, str]] = {}

    def read(self, namespace: str = "") -> None:
        while self._at < len(self._tokens) and not self._skip("}"):
            match self._next():
                case "namespace":
                    name = self._next()
                    self._next()
                    self.read(name)
                case "type":
                    name = _in(namespace, self._next())
                    self._next()
                    self._commons[name] = self._type(), namespace
                    self._next()
                case "entity":
                    self._entity(namespace)
                case "action":
                    self._action(namespace)
                case other:
                    raise ValueError(f"a schema that declares `{other}` can't be read here")

    def qualified(self, name: str, namespace: str) -> str:
        known = {entity for entity, _, _ in self.entities} | set(self._commons)
        inner = _in(namespace, name)
        return inner if inner in known else name

    def resolved(self, type_: Type, namespace: str) -> Type:
        if type_.kind == "Entity":
            name = self.qualified(type_.name, namespace)
            if name in self._commons:
                common, home = self._commons[name]
                return replace(self.resolved(common, home), required=type_.required)
            return Type(kind="Entity", name=name, required=type_.required)
        return replace(
            type_,
            element=self.resolved(type_.element, namespace) if type_.element else None,
            attributes={
                name: self.resolved(one, namespace) for name, one in type_.attributes.items()
            },
        )

    def _entity(self, namespace: str) -> None:
        name = _in(namespace, self._next())
        attributes = _NOTHING
        while (token := self._next()) != ";":
            match token:
                case "=":
                    attributes = self._type()
                case "in" | "enum":
                    self._list()
                case _:
                    self._type()  # of tags, which are not looked at here
        self.entities.append((name, attributes, namespace))

    def _action(self, namespace: str) -> None:
        id_, groups = json.loads(self._next()), ()
        principals: tuple[str, ...] = ()
        resources: tuple[str, ...] = ()
        context = _NOTHING
        while (token := self._next()) != ";":
            match token:
                case "in":
                    groups = tuple(json.loads(one.rpartition("::")[2]) for one in self._list())
                case "principal":
                    self._next()
                    principals = self._list()
                case "resource":
                    self._next()
                    resources = self._list()
                case "context":
                    self._next()
                    context = self._type()
                case _:
                    pass
        action = Action(
            type=_in(namespace, "Action"),
            id=id_,
            groups=groups,
            principals=principals,
            resources=resources,
            context=context,
        )
        self.actions.append((action, namespace))

    def _type(self) -> Type:
        token = self._next()
        if token == "{":  # noqa: S105 - of a grammar
            return self._record()
        if token == "Set":  # noqa: S105 - of a grammar
            self._next()
            element = self._type()
            self._next()
            return Type(kind="Set", element=element)
        name = token.removeprefix("__cedar::")
        if name in _PRIMITIVES:
            return Type(kind=name)  # pyright: ignore[reportArgumentType] - one of the three
        if name in _EXTENSIONS:
            return Type(kind="Extension", name=name)
        return Type(kind="Entity", name=name)

    def _record(self) -> Type:
        attributes: dict[str, Type] = {}
        while not self._skip("}"):
            name = self._next()
            name = json.loads(name) if name.startswith('"') else name
            optional = self._skip("?")
            self._next()
            attributes[name] = replace(self._type(), required=not optional)
            self._skip(",")
        return Type(kind="Record", attributes=attributes)

    def _list(self) -> tuple[str, ...]:
        found: list[str] = []
        self._next()
        while (token := self._next()) != "]":
            if token != ",":  # noqa: S105 - of a grammar
                found.append(token)
        return tuple(found)

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _skip(self, token: str) -> bool:
        there = self._tokens[self._at] == token
        self._at += there
        return there


def _in(namespace: str, name: str) -> str:
    return f"{namespace}::{name}" if namespace else name
