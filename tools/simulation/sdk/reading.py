"""Definitions out of sources: annotations, getters and constructors of generated classes."""

import ast
import re
from pathlib import Path

from tools.simulation.sdk import source
from tools.simulation.sdk.types import Definition, Properties, Property, Type

_ANY = Type(kind="any")
_PRIMITIVES = {
    "str": Type(kind="str"),
    "int": Type(kind="int"),
    "float": Type(kind="float"),
    "bool": Type(kind="bool"),
    "Any": _ANY,
    "Asset": Type(kind="asset"),
    "Archive": Type(kind="asset"),
}
_WRAPPERS = {"Input", "Output", "Optional", "InputType", "Awaitable"}
_SECRETS = re.compile(r"additional_secret_outputs=\[([^\]]*)\]")
_IMPORT = re.compile(r"\$ pulumi import \S+ \S+ (.+)")
_ARGUMENT = re.compile(r"__args__\['(\w+)'\] = (\w+)")
_DESCRIPTION_LIMIT = 1500


class Reader:
    """Reads one SDK."""

    def __init__(self, provider: str) -> None:
        """Sets the SDK.

        Raises:
            SdkMissingError: it is not installed.
        """
        self._top = source.folder(provider)

    def resource(self, token: str, place: str) -> Definition:
        """Returns the resource type that a class declares."""
        file, _, name = place.partition(":")
        path = self._top / file
        text = source.passage(path, name)
        # azure-native calls them InitArgs where a nested input has taken the name.
        arguments = next(one for one in (f"{name}InitArgs", f"{name}Args") if source.has(path, one))
        secrets = _SECRETS.search(text)
        shown = _IMPORT.search(text)
        return Definition(
            token=token,
            inputs=self._inputs(path, arguments),
            outputs=self._getters(path, name),
            secrets=tuple(re.findall(r"\"(\w+)\"", secrets[1])) if secrets else (),
            identity=shown[1].strip() if shown else "",
        )

    def function(self, token: str, place: str) -> Definition:
        """Returns the function whose result a class is."""
        file, _, name = place.partition(":")
        path = self._top / file
        # Only the variant that gives an Output says in its annotations what must be given.
        called = re.search(
            rf"^def (\w+_output)\(.*\n?(?:(?!^def ).*\n)*?.* -> .*{name}\]:",
            path.read_text(),
            re.MULTILINE,
        )
        inputs = self._arguments(path, source.passage(path, called[1])) if called else {}
        return Definition(token=token, inputs=inputs, outputs=self._getters(path, name))

    def nested(self, reference: str) -> Properties:
        """Returns the properties of an object type."""
        file, _, name = reference.partition(":")
        path = self._top / file
        if file.endswith("outputs.py"):
            return self._getters(path, name)
        return self._inputs(path, name)

    def _arguments(self, path: Path, body: str) -> Properties:
        wire = {python: name for name, python in _ARGUMENT.findall(body)}
        node = ast.parse(body).body[0]
        assert isinstance(node, ast.FunctionDef)  # noqa: S101 - the pattern found a def
        found: Properties = {}
        for argument in node.args.args:
            if argument.arg in wire:
                found[wire[argument.arg]] = Property(
                    name=wire[argument.arg],
                    type=self._type(path, argument.annotation),
                    required=not _is_doubly_optional(argument.annotation),
                )
        return found

    def _inputs(self, path: Path, name: str) -> Properties:
        node = source.parse_class(path, name)
        constructor = next(
            item
            for item in node.body
            if isinstance(item, ast.FunctionDef) and item.name == "__init__"
        )
        needed = {
            argument.arg
            for argument, default in zip(
                constructor.args.kwonlyargs, constructor.args.kw_defaults, strict=True
            )
            if default is None
        }
        defaults = _defaults(constructor)
        found: Properties = {}
        for getter in _getters(node):
            wire = _wire_name(getter)
            found[wire] = Property(
                name=wire,
                type=self._type(path, getter.returns),
                required=getter.name in needed,
                default=defaults.get(getter.name),
                description=(ast.get_docstring(getter) or "")[:_DESCRIPTION_LIMIT],
            )
        return found

    def _getters(self, path: Path, name: str) -> Properties:
        found: Properties = {}
        for getter in _getters(source.parse_class(path, name)):
            wire = _wire_name(getter)
            found[wire] = Property(
                name=wire,
                type=self._type(path, getter.returns),
                required=not _is_optional(getter.returns),
                description=(ast.get_docstring(getter) or "")[:_DESCRIPTION_LIMIT],
            )
        return found

    def _type(self, path: Path, node: ast.expr | None) -> Type:
        match node:
            case ast.Subscript(value=value, slice=inner):
                name = _last(value)
                if name in _WRAPPERS:
                    return self._type(path, inner)
                if name == "Sequence":
                    return Type(kind="list", items=(self._type(path, inner),))
                if name == "Mapping" and isinstance(inner, ast.Tuple):
                    return Type(kind="map", items=(self._type(path, inner.elts[1]),))
                if name == "Union" and isinstance(inner, ast.Tuple):
                    return _union([self._type(path, choice) for choice in inner.elts])
                return _ANY
            case ast.Constant(value=str() as named):
                return self._named(path, named)
            case ast.Name() | ast.Attribute():
                return _PRIMITIVES.get(_last(node), _ANY)
            case _:
                return _ANY

    def _named(self, path: Path, named: str) -> Type:
        module, _, name = named.rpartition(".")
        place = path.parent
        files = ["_inputs.py", "_enums.py"]
        if module == "outputs":
            files = ["outputs.py"]
        elif module:
            place = self._top if "root" in module else self._top / module.strip("_").split("_")[0]
            files = ["outputs.py"] if module.endswith("outputs") else files
        for file in files:
            if not source.has(place / file, name):
                continue
            if file == "_enums.py":
                return _enumeration(source.parse_class(place / file, name))
            return Type(kind="object", reference=f"{(place / file).relative_to(self._top)}:{name}")
        return _ANY


def _getters(node: ast.ClassDef) -> list[ast.FunctionDef]:
    return [
        item
        for item in node.body
        if isinstance(item, ast.FunctionDef)
        and any("pulumi.getter" in ast.unparse(decorator) for decorator in item.decorator_list)
    ]


def _wire_name(getter: ast.FunctionDef) -> str:
    for decorator in getter.decorator_list:
        if isinstance(decorator, ast.Call):
            for keyword in decorator.keywords:
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    return str(keyword.value.value)
    return getter.name


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_optional(node: ast.expr | None) -> bool:
    while isinstance(node, ast.Subscript) and _last(node.value) in _WRAPPERS:
        if _last(node.value) == "Optional":
            return True
        node = node.slice
    return False


def _is_doubly_optional(node: ast.expr | None) -> bool:
    """Tells whether a function's argument may be left out: all have one Optional already."""
    while isinstance(node, ast.Subscript) and _last(node.value) in _WRAPPERS:
        if _last(node.value) == "Optional":
            return _is_optional(node.slice)
        node = node.slice
    return False


def _union(choices: list[Type]) -> Type:
    # Beside the class there are its TypedDict and its output form, which say the same.
    same = ("ArgsDict", "Result")
    distinct = tuple(
        choice
        for choice in dict.fromkeys(choices)
        if choice.kind != "object" or not choice.reference.endswith(same)
    )
    return distinct[0] if len(distinct) == 1 else Type(kind="union", items=distinct)


def _enumeration(node: ast.ClassDef) -> Type:
    base = next((_last(b) for b in node.bases if _last(b) in _PRIMITIVES), "str")
    values = tuple(
        item.value.value
        for item in node.body
        if isinstance(item, ast.Assign)
        and isinstance(item.value, ast.Constant)
        and isinstance(item.value.value, str | int | float)
    )
    return Type(kind=_PRIMITIVES[base].kind, values=values)


def _defaults(constructor: ast.FunctionDef) -> dict[str, str | int | float | bool]:
    """Returns what ``if x is None: x = <constant>`` fills in, and what is set to a constant."""
    found: dict[str, str | int | float | bool] = {}
    for statement in ast.walk(constructor):
        match statement:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Constant(value=str() | int() | float() as value),
            ):
                found[name] = value
            case ast.Call(
                func=ast.Attribute(attr="set"),
                args=[_, ast.Constant(value=str() as name), ast.Constant(value=str() as value)],
            ):
                found[name] = value
            case _:
                pass
    return found
