"""`nincost.train`: trains a network on Fashion-MNIST."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch

from nincost._devices.settings import Settings
from nincost._environment import environment
from nincost._isolation import collection_paused, in_own_mode
from nincost._models.build import Model
from nincost._models.import_path import importable
from nincost._models.nin import DEFAULT_MODEL
from nincost._step.optimizer import make_optimizer
from nincost._step.step_options import Step
from nincost._train import predicted
from nincost._train.build import find, image_size, make_module
from nincost._train.callbacks import Callbacks
from nincost._train.checkpoint import Checkpoint
from nincost._train.convergence import is_guessing
from nincost._train.data import Dataset, load
from nincost._train.distributed import (
    Ranks,
    has_batch_norm,
    join_ranks,
    pick_device,
    use_device,
)
from nincost._train.folder import RunFolder
from nincost._train.interrupt import stop_on_signals
from nincost._train.loop import TrainingLoop, TrainingRun
from nincost._train.results import Training
from nincost._train.seeds import global_settings
from nincost._train.settings import TrainSettings
from nincost.errors import (
    InputError,
    ModelError,
    NincostError,
    TrainingError,
    described,
    one_line,
    place_of,
)


@in_own_mode
def train(
    model: Any = DEFAULT_MODEL,
    *,
    data: Any = None,
    download: bool = False,
    arg: Mapping[str, Any] | None = None,
    epochs: int = 10,
    batch_size: int = 128,
    lr: float = 0.1,
    optimizer: str = "SGD",
    optimizer_arg: Mapping[str, Any] | None = None,
    resize: int | None = None,
    channels: int | None = None,
    init: Literal["xavier", "default"] | None = None,
    amp: Literal["float16", "bfloat16"] | None = None,
    compile: bool = False,
    deterministic: bool = True,
    seed: int = 0,
    device: str | None = None,
    limit: int | None = None,
    test_limit: int | None = None,
    folder: str | Path | None = None,
    resume: bool = False,
    force: bool = False,
    save_every: int | None = None,
    progress: Callbacks | None = None,
) -> Training:
    """Train a network on Fashion-MNIST, by the textbook's settings unless others are given.

    One seed gives the same numbers each time on the same machine, versions and number of threads.
    Under `torchrun` each process trains its shard of each batch; loss and accuracy are those of
    one process, but for rounding and layers that compute over a whole batch.

    Args:
        model: a name as in `nincost.profile`, or an `nn.Module`, which is left as it is: a copy
            of it is trained, and is the result's `module`.
        data: the folder of Fashion-MNIST's four IDX files, `synthetic`, or a `Dataset`; the
            folder that NINCOST_DATA names, or else Debian's, where None.
        download: let torchvision fetch the files into that folder where they are missing.
        arg: keyword arguments for the model's factory.
        epochs, batch_size, lr, optimizer: as in the textbook unless given; `batch_size` is for
            all processes together.
        optimizer_arg: more arguments of the optimizer's, such as `{"momentum": 0.9}`.
        resize: side of the images in pixels; what the model's source says (NiN: 224) where None.
        channels: of the images, grey in each; what the model's source says where None.
        init: `xavier`, or `default` for weights as the model has them. None: xavier for a model
            made by its name, and a module's own weights.
        amp: `float16` or `bfloat16` for autocast.
        compile: use `torch.compile`.
        deterministic: use deterministic kernels where torch has them.
        seed: of weights, order and dropout.
        device: `cpu`, `cuda` or `cuda:1`; a GPU where there is one if None.
        limit, test_limit: how many training and test examples to use, from the first on.
        folder: where checkpoint, log, tables and curves go; nothing is written where None.
        resume: continue from the folder's checkpoint, as if the training had not stopped.
        force: begin anew in a folder that holds a training.
        save_every: save a checkpoint each so many steps, besides each epoch's end.
        progress: called as the training goes on; a `Callbacks`.

    Returns:
        A `Training`: a row for each epoch, speed and memory measured beside predicted.

    Raises:
        TrainingError: the loss became NaN or infinite; the last checkpoint stays.
        InterruptedTrainingError: Ctrl-C or SIGTERM; the state was saved before.
        NincostError: an argument that does not fit, or a model that fails; the message says what
            to try.

    Examples:
        >>> nincost.train("two-1x1", limit=2000, resize=96, epochs=1).last.test_accuracy
    """
    callbacks = progress or Callbacks()
    if save_every is not None and (isinstance(save_every, bool) or save_every < 1):
        raise InputError(f"save-every is {save_every!r}: expected a number of steps, such as 100")
    found = find(model, arg)
    side, image_channels = image_size(found, resize, channels)
    if init is None:
        init = "xavier" if found.rebuild is not None else "default"
    settings = TrainSettings(
        model=found.name, arg=dict(arg or {}), epochs=epochs, batch_size=batch_size, lr=lr,
        optimizer=optimizer, optimizer_arg=_mapping(optimizer_arg), resize=side,
        channels=image_channels, init=init, amp=amp, compile=bool(compile),
        deterministic=bool(deterministic), seed=seed, limit=limit, test_limit=test_limit,
    )  # fmt: skip
    where = pick_device(device)
    dataset = _used(load(data, download=download), settings)
    with (
        importable(found.folder), use_device(where), join_ranks(where) as ranks,
        stop_on_signals() as stop,
    ):  # fmt: skip
        path = Path(folder).expanduser() if folder is not None else None
        files = RunFolder(path, callbacks, writes=ranks.is_first)
        with files.prepared(resume=resume, force=force):
            with global_settings(deterministic=settings.deterministic) as nondeterministic:
                run = _prepare(found, settings, dataset, where, ranks, files, callbacks)
                run.stop, run.save_every, run.torch_settings = stop, save_every, Settings.read()
                _train(run, resume=resume)
            return files.finish(_result(model, arg, found, run, nondeterministic))


def _mapping(given: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The optimizer's arguments as a dict of their own; `TrainSettings` refuses anything else."""
    return dict(given) if isinstance(given, Mapping) else given or {}


def _used(dataset: Dataset, settings: TrainSettings) -> Dataset:
    """The examples that are used."""
    dataset = dataset.first(settings.limit, settings.test_limit)
    examples = len(dataset.train_labels)
    if settings.batch_size > examples:
        raise InputError(
            f"a batch of {settings.batch_size} is larger than the {examples} training examples: "
            "give a smaller --batch-size" + (" or a larger --limit" if settings.limit else "")
        )
    return dataset


def _prepare(
    found: Model,
    settings: TrainSettings,
    dataset: Dataset,
    device: torch.device,
    ranks: Ranks,
    folder: RunFolder,
    callbacks: Callbacks,
) -> TrainingRun:
    """Put data and network on the device, and make an optimizer."""
    digest = dataset.digest()
    dataset = dataset.to(device)
    before = torch.cuda.memory_allocated(device) if device.type == "cuda" else 0
    module = make_module(found, settings, device, dataset.classes)
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    step = Step(
        found, optimizer=settings.optimizer,
        optimizer_arg={**settings.optimizer_arg, "lr": settings.lr},
    )  # fmt: skip
    optimizer = make_optimizer(step, trained, implementation="")
    assert optimizer is not None  # make_module has checked that something trains
    return TrainingRun(
        settings, dataset, module, optimizer, device, ranks, folder, callbacks,
        digest=digest, before_bytes=before,
    )  # fmt: skip


def _train(run: TrainingRun, *, resume: bool) -> None:
    """Train, from the beginning or from the folder's checkpoint."""
    try:
        loop = TrainingLoop(run)
        if resume:
            checkpoint = run.folder.load()
            _check_same(checkpoint, run)
            loop.restore(checkpoint)
            run.callbacks.on_message(f"resuming from {checkpoint.place}")
            run.folder.log("resumed", place=checkpoint.place)
        else:
            settings = run.settings.to_dict()
            run.folder.log("start", settings=settings, processes=run.ranks.world_size)
        loop.train()
    except NincostError:
        raise
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"the GPU's memory is too small for batch {run.settings.batch_size} at "
            f"{run.settings.resize} pixels ({one_line(error)}): give a smaller --batch-size; "
            "nincost fit finds the largest"
        ) from error
    except Exception as error:
        raise ModelError(
            f"{run.settings.model} failed while training: {described(error)}{place_of(error)}"
            + ("; try without --compile" if run.settings.compile else "")
        ) from error
    finally:
        run.callbacks.on_train_end()


def _check_same(checkpoint: Checkpoint, run: TrainingRun) -> None:
    """Refuse a checkpoint of another training, and list what differs."""
    different = run.settings.differences(checkpoint.settings)
    epochs, complete = run.settings.epochs, checkpoint.epoch
    if checkpoint.data != run.digest:
        different.append("the data (other images or labels)")
    if complete > epochs or (complete == epochs and checkpoint.step):
        different.append(f"epochs {epochs} (there {complete} are complete already)")
    if different:
        raise InputError(
            f"the checkpoint {str(run.folder.checkpoint)!r} is of another training: "
            f"{'; '.join(different)}: give the same options, or another --folder"
        )


def _result(
    given: Any,
    arg: Mapping[str, Any] | None,
    found: Model,
    run: TrainingRun,
    nondeterministic: list[str],
) -> Training:
    settings, processes = run.settings, run.ranks.world_size
    module = run.module.eval()
    with collection_paused():
        speed, notes = predicted.speed(found, run)
        memory, more = predicted.step_memory(given, arg, run)
        rate, unknown = predicted.predicted_rate(given, arg, run)
        speed = replace(speed, predicted_examples_per_second=rate)
    notes += [*more, *unknown]
    notes += [f"not the same each time: {text}" for text in nondeterministic]
    if processes > 1 and has_batch_norm(module):
        notes.append(
            f"batch norm computes its statistics over each process's rows, so {processes} "
            "processes do not train as one does"
        )
    if settings.compile:
        notes.append("the first epoch's speed includes torch.compile's time")
    return Training(
        model=settings.model,
        settings=settings.to_dict(),
        data={
            "name": run.dataset.name,
            "train_examples": len(run.dataset.train_labels),
            "test_examples": len(run.dataset.test_labels),
            "classes": run.dataset.classes,
            "sha256": run.digest,
        },
        params=sum(p.numel() for p in module.parameters() if p.requires_grad),
        epochs=tuple(run.epochs),
        speed=speed,
        memory=memory,
        not_learning=is_guessing(run.epochs[-1], run.dataset.classes),
        unsaved=run.folder.unsaved,
        notes=tuple(notes),
        processes=processes,
        environment=environment(),
        module=module,
    )
