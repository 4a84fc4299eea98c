"""What domain code raises; the error interceptor turns it into a gRPC status with details.

Nothing here knows gRPC: ``code`` is the name of a canonical code (google.rpc.Code), ``reason`` is
stable and made for programs (google.rpc.ErrorInfo), ``message`` is made for people and may change.
Neither may hold a secret.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class FieldViolation:
    """One wrong field of a request.

    Attributes:
        field: Path of the field, for example ``endpoints[2].url``.
        reason: Stable, UPPER_SNAKE_CASE.
        description: What is wrong and what would be right.
    """

    field: str
    reason: str
    description: str


class ServiceError(Exception):
    """An error that the caller is told about.

    Args:
        reason: Stable, UPPER_SNAKE_CASE.
        message: One sentence for people.
        metadata: Further facts for programs, for example the id that was not found.
        violations: The fields of the request that are wrong.
        retry_after: Seconds after which the same call may succeed.
    """

    code: ClassVar[str] = "UNKNOWN"

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after = retry_after


class InvalidArgument(ServiceError):  # noqa: N818  (the canonical codes' own names)
    """The request is wrong whatever the state of the system."""

    code = "INVALID_ARGUMENT"


class NotFound(ServiceError):  # noqa: N818
    """The named thing does not exist, or the caller may not know that it does."""

    code = "NOT_FOUND"


class AlreadyExists(ServiceError):  # noqa: N818
    """What the caller wants to create is there."""

    code = "ALREADY_EXISTS"


class FailedPrecondition(ServiceError):  # noqa: N818
    """The system is not in the state that the call needs."""

    code = "FAILED_PRECONDITION"


class Aborted(ServiceError):  # noqa: N818
    """The call lost against a concurrent one; read again and retry."""

    code = "ABORTED"


class Unauthenticated(ServiceError):  # noqa: N818
    """Who is calling is not known."""

    code = "UNAUTHENTICATED"


class PermissionDenied(ServiceError):  # noqa: N818
    """Who is calling is known, and may not."""

    code = "PERMISSION_DENIED"


class ResourceExhausted(ServiceError):  # noqa: N818
    """A quota or a queue is full."""

    code = "RESOURCE_EXHAUSTED"


class Unavailable(ServiceError):  # noqa: N818
    """A part that the call needs is down; the same call may succeed soon."""

    code = "UNAVAILABLE"


class DeadlineExceeded(ServiceError):  # noqa: N818
    """The call's time is over."""

    code = "DEADLINE_EXCEEDED"
