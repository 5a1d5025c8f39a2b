"""What a PyTorch model costs, layer by layer, before it touches a GPU.

>>> import nincost
>>> nincost.profile("two-1x1").totals.params
1992166

Importing this package imports no torch: each name below is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nincost.environment import __version__
from nincost.errors import (
    ExpressionError,
    InputError,
    InterruptedTrainingError,
    ModelError,
    NincostError,
    OutputError,
    TrainingError,
    UncountedError,
)

if TYPE_CHECKING:
    from nincost.comparison.compare import compare
    from nincost.comparison.results import Comparison
    from nincost.cost.profile import profile
    from nincost.cost.results import LayerCost, Profile, Totals
    from nincost.cost.view import View
    from nincost.footprint.fit import fit
    from nincost.footprint.fit_results import Fit
    from nincost.footprint.measuring.validate import Validation, validate
    from nincost.footprint.predict import memory
    from nincost.footprint.results import Memory
    from nincost.hand.check import Check, check
    from nincost.homework.audit import audit
    from nincost.homework.explain import explain
    from nincost.homework.explanation import Explained
    from nincost.homework.grades import Audit
    from nincost.models.catalogue import variants
    from nincost.reporting.report import report
    from nincost.reporting.results import Report
    from nincost.training.compare_runs import TrainTable, train_table
    from nincost.training.data import Dataset
    from nincost.training.results import Training
    from nincost.training.train import train

_WHERE = {
    "profile": "nincost.cost.profile",
    "Profile": "nincost.cost.results",
    "LayerCost": "nincost.cost.results",
    "Totals": "nincost.cost.results",
    "View": "nincost.cost.view",
    "memory": "nincost.footprint.predict",
    "Memory": "nincost.footprint.results",
    "fit": "nincost.footprint.fit",
    "Fit": "nincost.footprint.fit_results",
    "validate": "nincost.footprint.measuring.validate",
    "Validation": "nincost.footprint.measuring.validate",
    "check": "nincost.hand.check",
    "Check": "nincost.hand.check",
    "explain": "nincost.homework.explain",
    "Explained": "nincost.homework.explanation",
    "compare": "nincost.comparison.compare",
    "Comparison": "nincost.comparison.results",
    "audit": "nincost.homework.audit",
    "Audit": "nincost.homework.grades",
    "report": "nincost.reporting.report",
    "Report": "nincost.reporting.results",
    "variants": "nincost.models.catalogue",
    "train": "nincost.training.train",
    "Training": "nincost.training.results",
    "train_table": "nincost.training.compare_runs",
    "TrainTable": "nincost.training.compare_runs",
    "Dataset": "nincost.training.data",
}

__all__ = [
    "Audit",
    "Check",
    "Comparison",
    "Dataset",
    "Explained",
    "ExpressionError",
    "Fit",
    "InputError",
    "InterruptedTrainingError",
    "LayerCost",
    "Memory",
    "ModelError",
    "NincostError",
    "OutputError",
    "Profile",
    "Report",
    "Totals",
    "TrainTable",
    "Training",
    "TrainingError",
    "UncountedError",
    "Validation",
    "View",
    "__version__",
    "audit",
    "check",
    "compare",
    "explain",
    "fit",
    "memory",
    "profile",
    "report",
    "train",
    "train_table",
    "validate",
    "variants",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        value = getattr(importlib.import_module(_WHERE[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'nincost' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
