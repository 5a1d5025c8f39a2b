"""Leaves the process as it was: random numbers, torch's global settings, Python's own."""

from __future__ import annotations

import contextlib
import functools
import gc
import logging
import os
import random
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_lock = threading.Lock()
_inside = 0
_before: list[Callable[[], None]] = []


def in_own_mode(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function of the public interface do the same whatever mode it is called in.

    Inside `torch.inference_mode()` nothing would be kept for backward, inside autocast convolutions
    would be of another type, under a default device tensors would be made there. All of these are
    left for the call and entered again after it, as are functorch's transforms, dispatch and
    function modes, hooks for saved tensors, and warnings made errors. What is set for the whole
    process (the default dtype, deterministic algorithms, TF32, cuDNN's switches) the caller's own
    step would obey: it stays.
    """

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        if "torch" not in sys.modules:
            return function(*args, **kwargs)
        with _own_mode():
            return function(*args, **kwargs)

    return called


@contextlib.contextmanager
def _own_mode() -> Iterator[None]:
    """The modes of a thread that has just begun."""
    import torch

    from nincost._torch.process import default_device_context, modes_set_aside

    with contextlib.ExitStack() as around:
        if any(action == "error" for action, *_ in warnings.filters):
            around.enter_context(warnings.catch_warnings())
            warnings.simplefilter("default")
        device, autocast = default_device_context(), _autocast()
        if device is not None:
            around.callback(torch.set_default_device, device.device)
            torch.set_default_device(None)
        if torch.is_anomaly_enabled():
            checks_nan = torch.is_anomaly_check_nan_enabled()
            around.callback(torch.set_anomaly_enabled, True, checks_nan)
            torch.set_anomaly_enabled(False)
        caches, enabled, dtypes = autocast
        if any(enabled) or not caches:
            around.callback(_set_autocast, autocast)
            _set_autocast((True, (False,) * len(enabled), dtypes))
        around.enter_context(modes_set_aside())
        around.enter_context(torch.inference_mode(False))
        around.enter_context(torch.enable_grad())
        yield


@contextlib.contextmanager
def unchanged() -> Iterator[None]:
    """Restore random states and global settings on leaving, also after an error.

    A model may change any of them in its forward. They belong to the process: where several threads
    are inside at once, the first to enter notes them and the last to leave restores them. Gradient
    mode, autocast and the default device belong to a thread, as do dispatch modes, which restore
    themselves.
    """
    global _inside, _before  # noqa: PLW0603
    import torch

    from nincost._torch.process import default_device_context

    with _lock:
        if _inside == 0:
            _before = [*_random_states(), *_settings()]
        _inside += 1
    grad, device, autocast = torch.is_grad_enabled(), default_device_context(), _autocast()
    try:
        yield
    finally:
        if default_device_context() is not device:
            torch.set_default_device(None if device is None else device.device)
        if torch.is_grad_enabled() is not grad:
            torch.set_grad_enabled(grad)
        if _autocast() != autocast:
            _set_autocast(autocast)
        with _lock:
            _inside -= 1
            if _inside == 0:
                with contextlib.ExitStack() as all_of_them:  # each, also where one of them fails
                    for restore in reversed(_before):
                        all_of_them.callback(restore)
                    _before = []


def _random_states() -> Iterator[Callable[[], None]]:
    import torch

    python, own = random.getstate(), torch.get_rng_state()
    yield lambda: random.setstate(python)
    yield lambda: torch.set_rng_state(own)  # type: ignore[no-untyped-call]
    # numpy loads its random part when it is first used: who has not used it has no state.
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        state = numpy_random.get_state()
        yield lambda: numpy_random.set_state(state)


def _settings() -> Iterator[Callable[[], None]]:
    """What puts each setting back, where it is another one by then."""
    import torch

    cudnn, cuda, mha = torch.backends.cudnn, torch.backends.cuda, torch.backends.mha
    kept: list[tuple[Callable[[], Any], Callable[[Any], Any]]] = [
        (sys.getrecursionlimit, sys.setrecursionlimit),  # first: what follows needs some depth
        (torch.get_default_dtype, torch.set_default_dtype),
        (torch.get_num_threads, torch.set_num_threads),
        (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
        (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
        (
            lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
            lambda value: torch.set_anomaly_enabled(*value),
        ),
        *(
            (functools.partial(getattr, cudnn, name), functools.partial(setattr, cudnn, name))
            for name in ("benchmark", "deterministic", "enabled", "allow_tf32")
        ),
        (
            functools.partial(getattr, torch.backends.mkldnn, "enabled"),
            functools.partial(setattr, torch.backends.mkldnn, "enabled"),
        ),
        (cuda.flash_sdp_enabled, cuda.enable_flash_sdp),
        (cuda.math_sdp_enabled, cuda.enable_math_sdp),
        (cuda.mem_efficient_sdp_enabled, cuda.enable_mem_efficient_sdp),
        (cuda.cudnn_sdp_enabled, cuda.enable_cudnn_sdp),
        (mha.get_fastpath_enabled, mha.set_fastpath_enabled),
        *_module_hooks(),
        (_folder, _go_to),
        (lambda: list(warnings.filters), _set_filters),
    ]
    for get, put in kept:
        yield _restorer(get, put, get())


def _restorer(get: Callable[[], Any], put: Callable[[Any], Any], value: Any) -> Callable[[], None]:
    def restore() -> None:
        if get() != value:
            put(value)

    return restore


#: Devices on which autocast is left and restored.
_AUTOCAST_DEVICES = ("cpu", "cuda")


def _autocast() -> tuple[Any, ...]:
    """Whether autocast caches in this thread, is on for each device, and its types."""
    import torch

    return (
        torch.is_autocast_cache_enabled(),
        tuple(torch.is_autocast_enabled(device) for device in _AUTOCAST_DEVICES),
        tuple(torch.get_autocast_dtype(device) for device in _AUTOCAST_DEVICES),
    )


def _set_autocast(state: tuple[Any, ...]) -> None:
    import torch

    caches, enabled, dtypes = state
    torch.set_autocast_cache_enabled(caches)
    for device, is_on, dtype in zip(_AUTOCAST_DEVICES, enabled, dtypes, strict=True):
        torch.set_autocast_enabled(device, is_on)
        torch.set_autocast_dtype(device, dtype)
    torch.clear_autocast_cache()


def _module_hooks() -> Iterator[tuple[Callable[[], Any], Callable[[Any], Any]]]:
    """The hooks that run for all modules."""
    from nincost._torch.modules import global_module_hooks

    def put(table: dict[Any, Any], value: dict[Any, Any]) -> None:
        table.clear()
        table.update(value)

    for table in global_module_hooks():
        yield functools.partial(dict, table), functools.partial(put, table)


def _go_to(folder: str) -> None:
    with contextlib.suppress(OSError):  # it is gone: there is nothing to go back to
        os.chdir(folder)


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it has been deleted
        return ""


def _set_filters(filters: list[Any]) -> None:
    warnings.filters[:] = filters  # type: ignore[index]
    mutated = getattr(warnings, "_filters_mutated", None)  # Python 3.14 has no need of it
    if mutated is not None:
        mutated()


@contextlib.contextmanager
def collection_paused() -> Iterator[None]:
    """Hold back Python's cycle collector, and leave it as it was.

    A trace makes thousands of small records that live, and each few hundred of them would have the
    collector walk through all of torch: half of a trace's time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextlib.contextmanager
def logging_from(level: int, package: str) -> Iterator[None]:
    """Let a library log nothing below `level`, as `logging.ERROR`."""
    log = logging.getLogger(package)
    before = log.level
    log.setLevel(level)
    try:
        yield
    finally:
        log.setLevel(before)
