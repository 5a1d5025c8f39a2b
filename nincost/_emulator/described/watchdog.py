"""Lets NCCL's watchdog look between steps: it holds a step's tensors until it does."""

from __future__ import annotations

import time

import torch.distributed as dist

from nincost._emulator.observe.phases import WATCHDOG_SECONDS
from nincost._step.silent_observer import SilentObserver


def let_watchdog_look(number: int) -> None:
    """Wait before step `number`, counted from 1, as long as the watchdog sleeps (100 ms)."""
    if number > 1 and dist.is_initialized():
        time.sleep(WATCHDOG_SECONDS)


class WatchdogObserver(SilentObserver):
    """Leaves all to those who watch the process, but for waiting."""

    def step_begins(self, number: int) -> None:
        let_watchdog_look(number)
