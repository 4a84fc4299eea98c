"""SCRAM-SHA-256 verifiers, so that no statement carries a password.

Source: RFC 5803, in the form of PostgreSQL's ``pg_authid.rolpassword``.
"""

import base64
import hashlib
import hmac
import os

_ITERATIONS = 4096
_SALT_BYTES = 16


def verifier(password: str) -> str:
    """Returns what ``ALTER ROLE … PASSWORD`` takes in place of the password.

    Args:
        password: Printable ASCII, which SASLprep (RFC 4013) leaves as it is.

    Raises:
        ValueError: The password has another character; the message does not show it.
    """
    if not password or not (password.isascii() and password.isprintable()):
        message = "a password must be printable ASCII"
        raise ValueError(message)
    salt = os.urandom(_SALT_BYTES)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${_ITERATIONS}:{_text(salt)}${_text(stored_key)}:{_text(server_key)}"


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
