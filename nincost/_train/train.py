"""`nincost.train`: trains a network on Fashion-MNIST."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch

from nincost._environment import environment
from nincost._isolation import collection_paused
from nincost._models.build import Model
from nincost._models.import_path import importable
from nincost._models.nin import DEFAULT_MODEL
from nincost._step.optimizer import make_optimizer
from nincost._step.step import Step
from nincost._train import predicted
from nincost._train.build import find, image_size, make_module
from nincost._train.callbacks import Callbacks
from nincost._train.checkpoint import Checkpoint
from nincost._train.convergence import is_guessing
from nincost._train.data import Dataset, load
from nincost._train.distributed import Ranks, chosen, has_batch_norm, joined, pick_device
from nincost._train.folder import Folder
from nincost._train.interrupt import listening
from nincost._train.loop import Job, Loop
from nincost._train.results import Training
from nincost._train.seeds import settings_restored
from nincost._train.settings import Settings
from nincost.errors import (
    InputError,
    ModelError,
    NincostError,
    TrainingError,
    described,
    one_line,
    place_of,
)


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
    Under `torchrun` each process trains its share of each batch; loss and accuracy are those that
    one process gets, but for rounding and layers that look at a whole batch.

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
        deterministic: ask torch for kernels that give the same each time.
        seed: of weights, order and dropout.
        device: `cpu`, `cuda` or `cuda:1`; a GPU where there is one if None.
        limit, test_limit: how many training and test examples to use, from the first on.
        folder: where checkpoint, log, tables and curves go; nothing is written where None.
        resume: go on from the folder's checkpoint, as if the training had not stopped.
        force: begin anew in a folder that holds a training.
        save_every: save each so many steps, too, and not at the end of an epoch only.
        progress: who is told how far it has come.

    Returns:
        A `Training`: a row for each epoch, speed and memory measured beside predicted.

    Raises:
        TrainingError: the loss became NaN or infinite; the last checkpoint stays.
        InterruptedTrainingError: Ctrl-C or SIGTERM; the state was saved before.
        NincostError: something that does not fit; its message says what to try.

    Example:
        >>> nincost.train("two-1x1", limit=2000, resize=96, epochs=1).last.test_accuracy
    """
    watch = progress or Callbacks()
    if save_every is not None and (isinstance(save_every, bool) or save_every < 1):
        raise InputError(f"save-every is {save_every!r}: expected a number of steps, such as 100")
    found = find(model, arg)
    side, depth = image_size(found, resize, channels)
    if init is None:
        init = "xavier" if found.rebuild is not None else "default"
    settings = Settings(
        model=found.name, arg=dict(arg or {}), epochs=epochs, batch_size=batch_size, lr=lr,
        optimizer=optimizer, optimizer_arg=_mapping(optimizer_arg), resize=side, channels=depth,
        init=init, amp=amp, compile=bool(compile), deterministic=bool(deterministic), seed=seed,
        limit=limit, test_limit=test_limit,
    )  # fmt: skip
    where = pick_device(device)
    dataset = _cut(load(data, download=download), settings)
    with (
        importable(found.folder), chosen(where), joined(where) as ranks, listening() as stop,
    ):  # fmt: skip
        place = Folder(
            Path(folder).expanduser() if folder is not None else None, watch, writes=ranks.first
        )
        place.prepare(resume=resume, force=force)
        with settings_restored(deterministic=settings.deterministic) as heard:
            job = _start(found, settings, dataset, where, ranks, place, watch)
            job.stop, job.save_every = stop, save_every
            _run(job, resume=resume)
        result = _result(model, arg, found, job, heard)
        place.finish(result)
    return result


def _mapping(given: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The optimizer's arguments as a dict of their own; what is none is left for Settings."""
    return dict(given) if isinstance(given, Mapping) else given or {}


def _cut(dataset: Dataset, settings: Settings) -> Dataset:
    """The examples that are used."""
    dataset = dataset.first(settings.limit, settings.test_limit)
    examples = len(dataset.train_labels)
    if settings.batch_size > examples:
        raise InputError(
            f"a batch of {settings.batch_size} is larger than the {examples} training examples: "
            "give a smaller --batch-size" + (" or a larger --limit" if settings.limit else "")
        )
    return dataset


def _start(
    found: Model,
    settings: Settings,
    dataset: Dataset,
    device: torch.device,
    ranks: Ranks,
    folder: Folder,
    watch: Callbacks,
) -> Job:
    """Data and network on the device, and an optimizer."""
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
    assert optimizer is not None  # make_module saw to it that something trains
    return Job(
        settings, dataset, module, optimizer, device, ranks, folder, watch,
        digest=digest, before_bytes=before,
    )  # fmt: skip


def _run(job: Job, *, resume: bool) -> None:
    """Train, from the beginning or from where the folder's checkpoint stands."""
    try:
        loop = Loop(job)
        if resume:
            kept = job.folder.load()
            _check_same(kept, job)
            loop.restore(kept)
            job.watch.say(f"going on from {kept.place}")
            job.folder.log("resumed", place=kept.place)
        else:
            job.folder.log("start", settings=job.settings.to_dict(), processes=job.ranks.world)
        loop.run()
    except NincostError:
        raise
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"the GPU's memory is too small for batch {job.settings.batch_size} at "
            f"{job.settings.resize} pixels ({one_line(error)}): give a smaller --batch-size; "
            "nincost fit tells the largest"
        ) from error
    except Exception as error:
        raise ModelError(
            f"{job.settings.model} failed while training: {described(error)}{place_of(error)}"
            + ("; try without --compile" if job.settings.compile else "")
        ) from error
    finally:
        job.watch.close()


def _check_same(kept: Checkpoint, job: Job) -> None:
    """Refuse a checkpoint of another training, and say what differs."""
    different = job.settings.differences(kept.settings)
    if kept.data != job.digest:
        different.append("the data (other images or labels)")
    if kept.epoch > job.settings.epochs or (kept.epoch == job.settings.epochs and kept.step):
        different.append(f"epochs {job.settings.epochs} (there {kept.epoch} are done already)")
    if different:
        raise InputError(
            f"the checkpoint {str(job.folder.checkpoint)!r} is of another training: "
            f"{'; '.join(different)}: give the same options, or another --folder"
        )


def _result(
    given: Any, arg: Mapping[str, Any] | None, found: Model, job: Job, heard: list[str]
) -> Training:
    settings, processes = job.settings, job.ranks.world
    module = job.module.eval()
    measured = None if job.peak_bytes is None else (job.peak_bytes, job.before_bytes)
    with collection_paused():
        speed, notes = predicted.speed(found, settings, job.rows, job.device, processes)
        memory, more = predicted.step_memory(given, arg, settings, processes, measured)
    notes += more
    notes += [f"not the same each time: {text}" for text in heard]
    if processes > 1 and has_batch_norm(module):
        notes.append(
            f"batch norm takes its statistics over each process's rows, so {processes} processes "
            "do not train as one does"
        )
    if settings.compile:
        notes.append("the first epoch's speed has torch.compile's time in it")
    return Training(
        model=settings.model,
        settings=settings.to_dict(),
        data={
            "name": job.dataset.name,
            "train_examples": len(job.dataset.train_labels),
            "test_examples": len(job.dataset.test_labels),
            "classes": job.dataset.classes,
            "sha256": job.digest,
        },
        params=sum(p.numel() for p in module.parameters() if p.requires_grad),
        epochs=tuple(job.rows),
        speed=speed,
        memory=memory,
        not_learning=is_guessing(job.rows[-1], job.dataset.classes),
        unsaved=job.folder.unsaved,
        notes=tuple(notes),
        processes=processes,
        environment=environment(),
        module=module,
    )
