"""Time-based one-time passwords: RFC 6238 with SHA-1, 30 s steps, 6 digits, as every app has it."""

import hmac

import pyotp
from pyotp.totp import TOTP

STEP_SECONDS = 30
DRIFT_STEPS = 1
"""Steps before and after the present one whose codes are accepted (RFC 6238 section 5.2)."""

_ISSUER = "AI Platform"


def new_secret() -> str:
    """Returns a random secret of 160 bits, base32."""
    return pyotp.random_base32()


def otpauth_uri(secret: str, username: str) -> str:
    """Returns what an authenticator application reads from a QR code."""
    return TOTP(secret).provisioning_uri(name=username, issuer_name=_ISSUER)


def matching_step(secret: str, code: str, now: float, last_step: int | None) -> int | None:
    """Returns the time step a code is of, or None when it is wrong or was used.

    Args:
        secret: Base32.
        code: Six digits.
        now: Seconds since the epoch.
        last_step: Newest step whose code was accepted; it and older ones are refused.
    """
    present = int(now) // STEP_SECONDS
    totp = TOTP(secret)
    found: int | None = None
    for step in range(max(present - DRIFT_STEPS, 0), present + DRIFT_STEPS + 1):
        right = hmac.compare_digest(totp.generate_otp(step), code)
        if right and (last_step is None or step > last_step):
            found = step
    return found
