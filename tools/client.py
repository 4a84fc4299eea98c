"""A client of the platform's REST API, for the tools that try it out from outside."""

import ssl
from types import TracebackType
from typing import Any, Self, cast

import httpx


class ApiError(Exception):
    """The platform refused a request; has the HTTP status and the body's message and reason."""

    def __init__(self, status: int, message: str, reason: str) -> None:
        """Keeps what the platform said."""
        super().__init__(f"HTTP {status} {reason}: {message}")
        self.status = status
        self.reason = reason


class Client:
    """Talks to one address of the platform, trusting only the platform's own authority.

    Args:
        url: an ``api_url`` of the stack's outputs.
        ca_certificate: path of the authority's certificate.
    """

    def __init__(self, url: str, ca_certificate: str) -> None:
        """Opens no connection yet."""
        context = ssl.create_default_context(cafile=ca_certificate)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._http = httpx.Client(base_url=url, verify=context, timeout=20)

    def __enter__(self) -> Self:
        """Returns the client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes its connections."""
        self._http.close()

    def login(self, username: str, password: str) -> None:
        """Logs in; later requests carry the token."""
        body = {"username": username, "password": password}
        token = self.request("POST", "/api/v1/auth/login", json=body)["access_token"]
        self._http.headers["authorization"] = f"Bearer {token}"

    @property
    def authorization(self) -> str:
        """Value of the authorization header after ``login``."""
        return self._http.headers["authorization"]

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Sends a request and returns whatever comes back."""
        return self._http.request(method, path, **options)

    def request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Sends a request and returns the JSON body.

        Raises:
            ApiError: the platform refused it.
        """
        response = self.send(method, path, **options)
        if not response.is_success:
            raise _refusal(response)
        return cast("dict[str, Any]", response.json())


def _refusal(response: httpx.Response) -> ApiError:
    try:
        status = cast("dict[str, Any]", response.json())
        details = cast("list[dict[str, Any]]", status.get("details", []))
        reason = next((str(one["reason"]) for one in details if "reason" in one), "")
        return ApiError(response.status_code, str(status.get("message", "")), reason)
    except ValueError:
        return ApiError(response.status_code, response.text, "")
