"""Nothing that nincost imports or calls is deprecated by torch or by Python."""

from __future__ import annotations

import subprocess
import sys

#: Imports every module, then profiles and predicts: a warning at a line of nincost is an error. At
#: the end there is one, which has to be.
PROGRAM = """
import importlib, pkgutil, warnings
for kind in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
    warnings.filterwarnings("error", category=kind, module="nincost")
import nincost
for module in pkgutil.walk_packages(nincost.__path__, "nincost."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
nincost.profile("two-1x1", batch_size=2)
nincost.memory("two-1x1", batch_size=2, optimizer="Adam", amp="float16", measure=False)
print("done")
exec(compile("warnings.warn('old', DeprecationWarning)", "own.py", "exec"),
     {"warnings": warnings, "__name__": "nincost.own"})
"""


def test_nothing_deprecated_is_used_and_it_would_be_an_error() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.stdout == "done\n", done.stderr[-2000:]
    assert "DeprecationWarning: old" in done.stderr
