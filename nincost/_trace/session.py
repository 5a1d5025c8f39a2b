"""One run of a model, for who records it: on the meta device, or on the CPU where it needs values.

`profile` and `memory` both run a model in a `Session`, so that they agree on what input it
gets, when it runs on the CPU, what an error says and what is left behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from nincost._isolation import collection_paused, unchanged
from nincost._models.build import Model
from nincost._models.copies import copy_structure, copy_with_weights
from nincost._models.import_path import importable
from nincost._models.inputs import ModelInput, float_dtype, make_input, random_input
from nincost._models.made_of_tensors import bytes_of
from nincost._signals import end_if_asked
from nincost._torch.process import compiler_off
from nincost._trace.failure import (
    add_layer,
    explain_failure,
    lacks,
    model_errors,
    refuse_without_channels,
)
from nincost._trace.fallback import (
    REMEDIES,
    SENTENCES,
    Fallback,
    FallbackReason,
    fallback_reason,
    refused_sparse,
)
from nincost._trace.lazy_parameters import AroundLazyParameters, is_lazy_module
from nincost._trace.module_tracker import ModuleTracker
from nincost._trace.named_devices import CudaIsMeta, autocast_of_meta
from nincost._trace.recorder import Recorder
from nincost._trace.records import ModuleInfo
from nincost._trace.values.assumptions import Assumption, Balance
from nincost._trace.values.built import follow_built
from nincost._trace.values.follow import Values
from nincost._trace.values.inputs import follow_inputs
from nincost._trace.values.literals import literals_followed
from nincost.errors import (
    STOPS,
    InputError,
    Interruption,
    ModelError,
    NincostError,
    one_line,
    place_of,
)

R = TypeVar("R", bound=Recorder)
T = TypeVar("T")

#: Bytes of weights up to which a model that cannot run on meta is run on the CPU.
LARGEST_ON_CPU = 4 * 2**30


class Attempt(Generic[R]):
    """A model on one device, with its input and with what records its run.

    Attributes:
        module: nincost's own, which a run may change.
        inputs: its arguments, on the same device.
        fallback: why this is the CPU; None for the meta device.
        values: what tensors on meta are known to hold; None on the CPU.
        recorder, tracker: what operators and module calls are recorded by.
        call: what to call in the module's place.
    """

    recorder: R
    tracker: ModuleTracker
    call: Callable[..., Any]

    def __init__(
        self,
        module: nn.Module,
        inputs: ModelInput,
        make_recorder: Callable[[bool], R],
        fallback: Fallback | None = None,
        values: Values | None = None,
    ) -> None:
        self.module = module
        self.inputs = inputs
        self.fallback = fallback
        self.values = values
        self._make_recorder = make_recorder
        self._track()

    @property
    def on_meta(self) -> bool:
        return self.fallback is None

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the values that the model looked at rest on."""
        return () if self.values is None else self.values.assumptions

    def restart(self) -> None:
        """Forget what was recorded, and track the modules that there are by now."""
        self.tracker.untrack()
        self._track()

    def _track(self) -> None:
        self.recorder = self._make_recorder(self.on_meta)
        self.recorder.values = self.values
        if self.values is not None:
            self.values.literal_made = self.recorder.literal_made
        self.tracker = ModuleTracker(self.recorder)
        self.call = self.tracker.track(self.module, type(self.module).__name__)

    def learn_shapes(self) -> None:
        """Run lazy modules once, and forget what was recorded.

        Tracked, so that an error names its layer; recorded, since torch's own meta kernels of some
        operators, such as relu's, import its compiler, which takes seconds.
        """
        with torch.no_grad(), AroundLazyParameters(self.recorder):
            self.call(*self.inputs.args, **self.inputs.kwargs)
        if self.values is not None:
            self.values.forget()  # it was not followed
            follow_inputs(self.values, self.inputs)
        self.restart()

    @property
    def failed_module(self) -> ModuleInfo | None:
        """The innermost module that an error passed through."""
        failed = self.tracker.failed
        return self.tracker.modules[failed.module] if failed else None


class _NotOnMetaError(Exception):
    """A run on meta failed in a way that a run with values may not.

    `reason` is what the model does that meta tensors cannot serve; `explained` what to raise if
    there is no other way.
    """

    def __init__(self, reason: FallbackReason, explained: NincostError) -> None:
        super().__init__(str(explained))
        self.reason = reason
        self.explained = explained


@dataclass(frozen=True, slots=True, kw_only=True)
class Session(Generic[R]):
    """How a model is to be run.

    Attributes:
        model: what `nincost._models.sources.resolve` gave.
        input: input specs or example tensors; the model's default input where None.
        batch_size: what specs get in front.
        recorder: makes what records, given whether the run is on meta.
        prepare: converts a module in place before it runs, and gives its input converted alike.
        changes_module: whether `prepare` does what a later run of the same module must not find.
        explain: the error to raise for one that comes out of a run, where there is more to say
            than which layer failed on what.
        assume: what is taken of values that depend on weights.
        on_cpu: whether a model that cannot be run on meta is run on the CPU.
        only_on_meta: the option with which a run with values would not serve; empty where it would.
        retry_unknown: whether a RuntimeError that is none of torch's own on meta tensors is tried
            with values, too.
    """

    model: Model
    input: Any
    batch_size: int
    recorder: Callable[[bool], R]
    prepare: Callable[[nn.Module, ModelInput], ModelInput]
    changes_module: bool = False
    explain: Callable[[BaseException, Attempt[R]], NincostError | None] = lambda *_: None
    assume: Balance = "balanced"
    on_cpu: bool = False
    only_on_meta: str = ""
    retry_unknown: bool = False

    def run(self, body: Callable[[Attempt[R]], T]) -> T:
        """Run `body` with the model's structure on meta.

        The user's module is never run: a copy is, or a module that nincost built. With `on_cpu`,
        `body` is called once more, with values, where it fails on meta for the want of them.

        Raises:
            InputError: no input is known, it does not fit, or the model cannot be run on meta, nor
                (where that is wanted) on the CPU.
            ModelError: the model fails for a reason of its own.
        """
        end_if_asked()
        model = self.model
        with (
            unchanged(),
            compiler_off(),
            collection_paused(),
            importable(model.folder),
            model_errors(model.name),
        ):
            if model.own_step is not None and self.input is None:  # it makes its tensors itself
                inputs = ModelInput((), {}, (), self.batch_size)
            else:
                inputs = make_input(self._given(), self.batch_size, float_dtype(model.module))
            try:
                return self._run_on_meta(body, inputs)
            except _NotOnMetaError as error:
                failure = error
            if failure.reason in ("cuda", "devices"):
                try:
                    with CudaIsMeta():
                        return self._run_on_meta(body, inputs)
                except _NotOnMetaError as error:
                    failure = error
            self._check_cpu_run(failure)
            try:
                return self._run_with_values(body, inputs, failure)
            except NincostError as error:
                # Failing on both, it is no matter of the device: what meta said comes with shapes.
                shown = failure.explained if failure.reason == "unknown" else error
                raise shown from failure.__cause__

    def _run_on_meta(self, body: Callable[[Attempt[R]], T], inputs: ModelInput) -> T:
        model, values = self.model, Values(worst=self.assume == "worst")
        reuse = model.owned and not self.changes_module
        module = model.module if reuse else copy_structure(model.module, values.follow_copy)
        if model.rebuild_on_meta is not None:
            follow_built(values, module, model.rebuild_on_meta)
        with literals_followed(values), autocast_of_meta():
            return self._attempt(body, module, inputs, values=values)

    def _given(self) -> Any:
        given = self.model.default_input if self.input is None else self.input
        if isinstance(given, tuple | list) and not given:
            raise InputError(
                f"{self.model.name} does not say what input it takes: give --input, such as "
                "3x224x224 or input_ids=128:int64"
            )
        return given

    def _attempt(
        self,
        body: Callable[[Attempt[R]], T],
        module: nn.Module,
        inputs: ModelInput,
        fallback: Fallback | None = None,
        values: Values | None = None,
    ) -> T:
        inputs = self.prepare(module, inputs)
        if values is not None:
            follow_inputs(values, inputs)
        attempt = Attempt(module, inputs, self.recorder, fallback, values)
        try:
            if is_lazy_module(module):
                attempt.learn_shapes()
            result = body(attempt)
            self._refuse_threads(attempt)
            self._refuse_without_channels(attempt)
            return result
        except NincostError:
            raise
        except STOPS as stop:
            if isinstance(stop, Interruption):
                add_layer(stop, attempt.failed_module)
            raise
        except BaseException as error:
            self._refuse_threads(attempt)
            self._refuse_without_channels(attempt)
            raise self._explained(error, attempt) from error
        finally:
            attempt.tracker.untrack()

    def _explained(self, error: BaseException, attempt: Attempt[R]) -> Exception:
        failed, info = attempt.tracker.failed, attempt.failed_module
        inputs = attempt.inputs
        # Where an input is given that the model's source does not name.
        usual = () if inputs.given or self.input is None else self.model.default_input
        explained = self.explain(error, attempt) or explain_failure(
            error, self.model.name, info, failed, inputs.specs, usual
        )
        reason = fallback_reason(error)
        if not attempt.on_meta:
            return refused_sparse(self.model.name, error) if reason == "sparse" else explained
        if reason is None and self.retry_unknown and isinstance(error, RuntimeError):
            reason = None if lacks(info, failed) else "unknown"
        return explained if reason is None else _NotOnMetaError(reason, explained)

    def _refuse_threads(self, attempt: Attempt[R]) -> None:
        """An operator in another thread would be missed in silence."""
        if attempt.tracker.in_other_thread is not None:
            raise ModelError(
                f"{self.model.name} runs layer {attempt.tracker.in_other_thread.path!r} in a "
                "thread of its own, where its operators cannot be recorded: call it in the thread "
                "that calls the model"
            )

    def _refuse_without_channels(self, attempt: Attempt[R]) -> None:
        """An image without channels may run, and its batch be taken for them."""
        if not attempt.inputs.given:
            tracker = attempt.tracker
            refuse_without_channels(tracker.modules, tracker.calls, attempt.inputs.specs)

    def _check_cpu_run(self, failure: _NotOnMetaError) -> None:
        """Raise where nobody wants a run with values, or where it is too large or no use."""
        weights = _weight_bytes(self.model.module)
        if self.on_cpu and weights <= LARGEST_ON_CPU and not self.only_on_meta:
            return
        if failure.reason == "unknown":
            raise failure.explained from failure.__cause__
        cause = failure.__cause__ or failure
        if failure.reason == "sparse" and not self.on_cpu:
            raise refused_sparse(self.model.name, cause) from failure.__cause__
        remedy, elsewhere = REMEDIES[failure.reason], ""
        if not self.on_cpu:
            remedy += (
                ", or run it on the CPU, on your example tensors or random ones, with --on-cpu "
                "(on_cpu=True)"
            )
        elif self.only_on_meta:
            elsewhere = f", nor on the CPU with {self.only_on_meta}"
            remedy = f"leave {self.only_on_meta} out, or {remedy}"
        else:
            elsewhere = (
                f", nor on the CPU, as its weights of {weights / 2**30:.1f} GiB are more than "
                f"{LARGEST_ON_CPU / 2**30:g} GiB"
            )
        raise InputError(
            f"{self.model.name} cannot be run on the meta device, since "
            f"{SENTENCES[failure.reason]} ({one_line(cause)}{place_of(cause)}){elsewhere}: {remedy}"
        ) from failure.__cause__

    def _run_with_values(
        self, body: Callable[[Attempt[R]], T], inputs: ModelInput, failure: _NotOnMetaError
    ) -> T:
        model = self.model
        fallback = Fallback(failure.reason, one_line(failure.__cause__ or failure))
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            rebuild = model.rebuild if model.owned else None
            module = copy_with_weights(model.module) if rebuild is None else rebuild()
            return self._attempt(body, module, random_input(inputs), fallback)


def _weight_bytes(module: nn.Module) -> int:
    return sum(bytes_of(p) for p in module.parameters() if not is_lazy(p))
