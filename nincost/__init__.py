"""What a PyTorch model costs, layer by layer, before it touches a GPU.

>>> import nincost
>>> nincost.profile("two-1x1").totals.params
1992166

Importing this package imports no torch: each name below is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nincost._environment import __version__
from nincost.errors import (
    ExpressionError,
    InputError,
    InterruptedTrainingError,
    ModelError,
    NincostError,
    OutputError,
    TorchVersionError,
    TrainingError,
    UncountedError,
)

if TYPE_CHECKING:
    from nincost._audit.audit import audit
    from nincost._audit.results import Audit
    from nincost._closed_form.check import check
    from nincost._closed_form.check_results import Check
    from nincost._compare.compare import compare
    from nincost._compare.results import Comparison
    from nincost._compare.view import ComparisonView
    from nincost._emulator.results import Run
    from nincost._emulator.run import run
    from nincost._emulator.verification.results import Verification
    from nincost._emulator.verification.verify import verify
    from nincost._engines.fit import fit
    from nincost._engines.memory import memory
    from nincost._engines.time import time
    from nincost._explain.explain import explain
    from nincost._explain.results import Explained
    from nincost._explain.topics.results import ExplainedTopic
    from nincost._memory.fit_results import Fit
    from nincost._memory.results import Memory
    from nincost._plan.plan import plan
    from nincost._plan.plan_results import Plan
    from nincost._plan.sweep import sweep
    from nincost._plan.sweep_results import Sweep
    from nincost._profile.profile import profile
    from nincost._profile.results import LayerCost, Profile, Totals
    from nincost._profile.variants import Variants, variants
    from nincost._profile.view import View
    from nincost._report.report import report
    from nincost._report.results import Report
    from nincost._time.results import StepTime
    from nincost._train.compare_runs import TrainTable, train_table
    from nincost._train.data import Dataset
    from nincost._train.results import Training
    from nincost._train.train import train
    from nincost._validate.results import Validation
    from nincost._validate.validate import validate

_WHERE = {
    "profile": "nincost._profile.profile",
    "Profile": "nincost._profile.results",
    "LayerCost": "nincost._profile.results",
    "Totals": "nincost._profile.results",
    "View": "nincost._profile.view",
    "memory": "nincost._engines.memory",
    "Memory": "nincost._memory.results",
    "fit": "nincost._engines.fit",
    "Fit": "nincost._memory.fit_results",
    "time": "nincost._engines.time",
    "StepTime": "nincost._time.results",
    "plan": "nincost._plan.plan",
    "Plan": "nincost._plan.plan_results",
    "sweep": "nincost._plan.sweep",
    "Sweep": "nincost._plan.sweep_results",
    "run": "nincost._emulator.run",
    "Run": "nincost._emulator.results",
    "verify": "nincost._emulator.verification.verify",
    "Verification": "nincost._emulator.verification.results",
    "validate": "nincost._validate.validate",
    "Validation": "nincost._validate.results",
    "check": "nincost._closed_form.check",
    "Check": "nincost._closed_form.check_results",
    "explain": "nincost._explain.explain",
    "Explained": "nincost._explain.results",
    "ExplainedTopic": "nincost._explain.topics.results",
    "compare": "nincost._compare.compare",
    "Comparison": "nincost._compare.results",
    "ComparisonView": "nincost._compare.view",
    "audit": "nincost._audit.audit",
    "Audit": "nincost._audit.results",
    "report": "nincost._report.report",
    "Report": "nincost._report.results",
    "variants": "nincost._profile.variants",
    "Variants": "nincost._profile.variants",
    "train": "nincost._train.train",
    "Training": "nincost._train.results",
    "train_table": "nincost._train.compare_runs",
    "TrainTable": "nincost._train.compare_runs",
    "Dataset": "nincost._train.data",
}

__all__ = [
    "Audit",
    "Check",
    "Comparison",
    "ComparisonView",
    "Dataset",
    "Explained",
    "ExplainedTopic",
    "ExpressionError",
    "Fit",
    "InputError",
    "InterruptedTrainingError",
    "LayerCost",
    "Memory",
    "ModelError",
    "NincostError",
    "OutputError",
    "Plan",
    "Profile",
    "Report",
    "Run",
    "StepTime",
    "Sweep",
    "TorchVersionError",
    "Totals",
    "TrainTable",
    "Training",
    "TrainingError",
    "UncountedError",
    "Validation",
    "Variants",
    "Verification",
    "View",
    "__version__",
    "audit",
    "check",
    "compare",
    "explain",
    "fit",
    "memory",
    "plan",
    "profile",
    "report",
    "run",
    "sweep",
    "time",
    "train",
    "train_table",
    "validate",
    "variants",
    "verify",
]


#: Functions that predict memory, for which cuDNN is queried.
_QUERY_CUDNN = frozenset({"memory", "fit", "report", "validate", "verify"})


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        if name in _QUERY_CUDNN:
            from nincost._devices.libraries.cudnn_plans import preload

            preload()  # in a thread, while torch is imported
        value = getattr(importlib.import_module(_WHERE[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'nincost' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
