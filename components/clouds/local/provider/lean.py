"""Makes Pulumi's protocol definitions importable without the SDK around them.

``pulumi.runtime.proto`` is all that a plugin and a language host need, but importing it runs the
``__init__`` of ``pulumi``, which loads the whole SDK: 0.6 s of processor time for each process, and
each `pulumi up` starts several. A process calls ``without_sdk`` before any other import; one that
uses the SDK itself must not.
"""

import importlib.util
import sys
from types import ModuleType


def without_sdk() -> None:
    """Puts empty packages in place of those whose ``__init__`` would load the SDK.

    Raises:
        RuntimeError: the SDK has been imported already.
    """
    if "pulumi" in sys.modules:
        raise RuntimeError("pulumi has been imported already")
    for name in ("pulumi", "pulumi.runtime", "pulumi.runtime.proto"):
        spec = importlib.util.find_spec(name)
        if spec is None or spec.submodule_search_locations is None:
            raise RuntimeError(f"package {name} is not installed")
        package = ModuleType(name)
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = spec
        sys.modules[name] = package
