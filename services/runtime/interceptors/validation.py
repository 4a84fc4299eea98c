"""Checks every request message against the rules in its proto (protovalidate)."""

from google.protobuf.message import Message
from protovalidate import Validator, Violation

from services.runtime.errors import FieldViolation, InvalidArgument
from services.runtime.interceptors.chain import Call, Interceptor, Proceed


def validation() -> Interceptor:
    """Returns the interceptor that refuses invalid requests with the path of each wrong field."""
    validator = Validator()

    def check(message: Message) -> None:
        if violations := validator.collect_violations(message):
            raise InvalidArgument(
                "INVALID_REQUEST",
                f"{len(violations)} field(s) of the request are wrong.",
                violations=[_field_violation(violation) for violation in violations],
            )

    async def validate(call: Call, proceed: Proceed) -> None:
        call.message_checks.append(check)
        await proceed()

    return validate


def _field_violation(violation: Violation) -> FieldViolation:
    proto = violation.proto
    path = ""
    for element in proto.field.elements if proto.field else ():
        path += f".{element.field_name}" if path else element.field_name
        if element.subscript is not None:
            path += f"[{element.subscript.value}]"
    return FieldViolation(
        field=path,
        reason=proto.rule_id.replace(".", "_").upper(),
        description=proto.message or "is invalid",
    )
