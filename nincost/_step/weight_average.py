"""An exponential moving average of the weights: torch's or timm's own class, updated each step."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn
from torch.optim import swa_utils

from nincost._models.copies import copy_structure
from nincost.errors import ModelError

#: How much of the average stays; no figure depends on it.
_DECAY = 0.999


class WeightAverage:
    """A second copy of a model's weights on its device, as `--ema` names it.

    Args:
        kind: `torch` (`torch.optim.swa_utils.AveragedModel`) or `timm` (`timm.utils.ModelEmaV2`).
        module: the model that is trained.
        on_meta: whether the copy is made without recording it, for `tensors` to be placed.

    Raises:
        ModelError: timm is wanted and not installed.
    """

    def __init__(self, kind: str, module: nn.Module, *, on_meta: bool) -> None:
        average: Any = swa_utils.AveragedModel if kind == "torch" else _timm_class()
        make_rule: Any = swa_utils.get_ema_multi_avg_fn
        known: dict[str, Any] = (
            {"multi_avg_fn": make_rule(_DECAY)} if kind == "torch" else {"decay": _DECAY}
        )
        if on_meta:  # deepcopy would copy what follows the module's calls, too
            empty = average(nn.Module(), **known)
            empty.module = copy_structure(module)
            self._average = empty
        else:
            self._average = average(module, **known)
        self._update = self._average.update_parameters if kind == "torch" else self._average.update

    def update(self, module: nn.Module) -> None:
        """Take the weights into the average, as a script does behind the optimizer's step."""
        self._update(module)

    def tensors(self) -> Iterator[Tensor]:
        """The copy's parameters and buffers, in the order in which deepcopy makes them."""
        for part in self._average.module.modules():
            for tensor in (*part._parameters.values(), *part._buffers.values()):
                if tensor is not None:
                    yield tensor


def _timm_class() -> Any:
    try:
        return importlib.import_module("timm.utils").ModelEmaV2
    except ImportError as error:
        raise ModelError(
            "ema timm is timm's ModelEmaV2, and timm is not installed: pip install timm, or choose "
            "torch"
        ) from error
