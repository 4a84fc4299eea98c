"""Settings of the security service, besides those of every service."""

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from services.runtime.settings import MigrationSettings, ServiceSettings

_KEY_BYTES = 32


def _key(value: SecretStr) -> SecretStr:
    try:
        length = len(key_bytes(value))
    except binascii.Error:
        length = -1
    if length != _KEY_BYTES:
        message = f"must be {_KEY_BYTES} random bytes as base64url"
        raise ValueError(message)
    return value


def key_bytes(value: SecretStr) -> bytes:
    """Returns the bytes of a base64url secret, with or without padding."""
    text = value.get_secret_value().strip()
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


KeyEncryptionKey = Annotated[
    SecretStr,
    AfterValidator(_key),
    Field(description="encrypts signing keys and TOTP secrets at rest, base64url of 32 bytes"),
]


class SecuritySettings(ServiceSettings):
    """Settings of the serving process."""

    key_encryption_key: KeyEncryptionKey
    token_seconds: int = Field(default=900, ge=60, le=3600, description="lifetime of a token")
    activation_seconds: int = Field(
        default=20,
        ge=0,
        description="how long a new key is published before it signs; longer than any verifier "
        "caches the key set",
    )
    hash_queue_size: int = Field(
        default=64, ge=1, description="password checks that may wait for a core"
    )


class SecurityMigrationSettings(MigrationSettings):
    """Settings of ``migrate``, which also makes the first key, tenant and user."""

    key_encryption_key: KeyEncryptionKey
    admin_password: SecretStr = Field(
        min_length=12, description="password of the user admin, at least 12 characters"
    )
