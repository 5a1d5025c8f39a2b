"""The versions that a result was made with."""

from __future__ import annotations

import functools
import platform
import sys

__version__ = "0.1.0"


@functools.cache
def _static() -> dict[str, str]:
    import torch

    return {
        "nincost": __version__,
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def environment() -> dict[str, str]:
    """Versions of nincost, torch, Python, and of the model libraries that are loaded."""
    found = dict(_static())
    for name in ("torchvision", "timm", "transformers"):
        module = sys.modules.get(name)
        if module is not None:
            found[name] = str(getattr(module, "__version__", "unknown"))
    return found
