"""AWS profiles named after environments: one pair of hands in the accounts of several of them.

AWS credentials are of one account, and every environment has an account of its own. Whoever works
on several at once, as a review does, has a profile ``ai-platform-<environment>`` for each.
"""

import configparser
import os
from collections.abc import Mapping
from pathlib import Path

_FILES = ((".aws", "credentials"), (".aws", "config"))
_OTHERS = ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE")
"""What says already whose credentials are to be used."""


def surroundings(environment: str) -> Mapping[str, str]:
    """Returns the variables that make AWS's SDKs use the environment's own profile, if any.

    Args:
        environment: its name.
    """
    profile = f"ai-platform-{environment}"
    if any(os.environ.get(name) for name in _OTHERS) or not _has(profile):
        return {}
    return {"AWS_PROFILE": profile}


def _has(profile: str) -> bool:
    for parts in _FILES:
        read = configparser.RawConfigParser(strict=False)
        read.read(Path.home().joinpath(*parts))
        if read.has_section(profile) or read.has_section(f"profile {profile}"):
            return True
    return False
