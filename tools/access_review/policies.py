"""Access policies as files hold them: parsed, checked, each with where it stands."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import cedarpy

from tools.access_review import schema as schemas
from tools.access_review.schema import Action, Schema

_CEDAR: Any = cedarpy  # its annotations leave out type arguments
_ID = re.compile(r'@id\(\s*("(?:[^"\\]|\\.)*")\s*\)')
_QUOTED = re.compile(r"`([^`]+)`|: (\w+)$")


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """Something wrong in a file, so that nothing can be said about what it permits.

    Attributes:
        path: of the file.
        line: counted from 1.
        said: what is wrong.
    """

    path: str
    line: int
    said: str


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A policy.

    Attributes:
        name: its ``@id``.
        path: of its file.
        meaning: effect, scope and conditions in Cedar's JSON form, without annotations.
    """

    name: str
    path: str
    meaning: Mapping[str, Any]

    def may_match(self, principal: str, action: Action, resource: str) -> bool:
        """Tells whether its scope leaves room for an action between two kinds of entities."""
        actions = {action.id, *action.groups}
        return (
            _kind_fits(self.meaning["principal"], principal)
            and _kind_fits(self.meaning["resource"], resource)
            and (
                self.meaning["action"]["op"] == "All"
                or any(one["id"] in actions for one in entities_of(self.meaning["action"]))
            )
        )


@dataclass(frozen=True, kw_only=True)
class Policies:
    """All policies of one state of the repository, and their schema."""

    schema: Schema
    policies: tuple[Policy, ...]


def entities_of(scope: Mapping[str, Any]) -> list[dict[str, str]]:
    """Returns the entities that a scope of a policy in Cedar's JSON form names."""
    return scope["entities"] if "entities" in scope else [scope["entity"]]


def together(policies: Sequence[Policy]) -> str:
    """Returns policies as one set in Cedar's JSON form, each under its name."""
    static = {one.name: one.meaning for one in policies}
    return json.dumps({"templates": {}, "staticPolicies": static, "templateLinks": []})


def accepts(schema: Schema, policies: Sequence[Policy]) -> bool:
    """Tells whether policies are valid with a schema that they may not have been written for."""
    text = cedarpy.policies_from_json_str(together(policies))
    return bool(_CEDAR.validate_policies(text, schema.text).validation_passed)


def read(files: Mapping[str, str]) -> tuple[Policies | None, list[Mistake]]:
    """Returns the policies that files hold, or what is wrong with them.

    Args:
        files: content by path: one ``.cedarschema`` and any number of ``.cedar``; others are left
            alone.
    """
    paths = sorted(path for path in files if path.endswith(".cedarschema"))
    if len(paths) != 1:
        folder = min(files, default="policies/access/").rpartition("/")[0]
        said = f"needs one .cedarschema file, and has {len(paths)}"
        return None, [Mistake(path=folder, line=1, said=said)]
    try:
        schema = schemas.parse(files[paths[0]])
    except ValueError as error:
        line = _line_of(files[paths[0]], 1, str(error))
        return None, [Mistake(path=paths[0], line=line, said=str(error))]
    found: list[Policy] = []
    mistakes: list[Mistake] = []
    for path in sorted(path for path in files if path.endswith(".cedar")):
        policies, wrong = _file(path, files[path], schema)
        found += policies
        mistakes += wrong
    names = [one.name for one in found]
    mistakes += [
        Mistake(path=one.path, line=_place(files[one.path], one.name), said=f"@id {one.name} twice")
        for position, one in enumerate(found)
        if one.name in names[:position]
    ]
    return (None if mistakes else Policies(schema=schema, policies=tuple(found))), mistakes


def _file(path: str, text: str, schema: Schema) -> tuple[list[Policy], list[Mistake]]:
    statements = list(_statements(text))
    mistakes = [
        Mistake(path=path, line=_line_of(statement, line, error), said=error)
        for line, statement in statements
        if (error := _parse_error(statement))
    ]
    if mistakes:
        return [], mistakes
    result = _CEDAR.validate_policies(text, schema.text)
    for error in result.errors:
        line, statement = statements[int(error.policy_id.removeprefix("policy"))]
        said = error.error.removeprefix(f"for policy `{error.policy_id}`, ")
        mistake = Mistake(path=path, line=_line_of(statement, line, said), said=said)
        if mistake not in mistakes:
            mistakes.append(mistake)
    parsed = cast("dict[str, Any]", json.loads(cedarpy.policies_to_json_str(text)))
    found: list[Policy] = []
    for key, policy in parsed["staticPolicies"].items():
        name = policy.pop("annotations", {}).get("id")
        if name:
            found.append(Policy(name=name, path=path, meaning=policy))
        else:
            line = statements[int(key.removeprefix("policy"))][0]
            mistakes.append(Mistake(path=path, line=line, said="the policy has no @id"))
    for key in parsed["templates"]:
        line = statements[int(key.removeprefix("policy"))][0]
        mistakes.append(Mistake(path=path, line=line, said="a template is linked by nothing"))
    return found, mistakes


def _parse_error(statement: str) -> str:
    try:
        cedarpy.policies_to_json_str(statement)
    except ValueError as error:
        return str(error)
    return ""


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yields each policy with the line that it begins in."""
    begin, quoted, position = 0, False, 0
    while position < len(text):
        character = text[position]
        if quoted:
            position += character == "\\"
            quoted = character != '"'
        elif text.startswith("//", position):
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
            if not _bare(text[begin:position]):
                begin = position
        elif character == ";":
            yield _numbered(text, begin, position + 1)
            begin = position + 1
        else:
            quoted = character == '"'
        position += 1
    if _bare(text[begin:]):
        yield _numbered(text, begin, len(text))


def _numbered(text: str, begin: int, end: int) -> tuple[int, str]:
    statement = text[begin:end]
    start = begin + len(statement) - len(statement.lstrip())
    return text.count("\n", 0, start) + 1, text[start:end]


def _bare(text: str) -> str:
    return re.sub(r"//[^\n]*", "", text).strip()


def _line_of(text: str, first: int, said: str) -> int:
    """Returns the line that a message most likely speaks of: the first that has what it quotes."""
    for quoted in _QUOTED.finditer(said):
        word = quoted[1] or quoted[2]
        match = re.search(rf"(?<![\w]){re.escape(word)}(?![\w])", text)
        if match:
            return first + text.count("\n", 0, match.start())
    return first


def _place(text: str, name: str) -> int:
    found = [one.start() for one in _ID.finditer(text) if json.loads(one[1]) == name]
    return text.count("\n", 0, found[-1]) + 1


def _kind_fits(scope: Mapping[str, Any], kind: str) -> bool:
    match scope["op"]:
        case "is":
            return scope["entity_type"] == kind
        case "==":
            return scope["entity"]["type"] == kind
        case _:
            return True
