"""The training itself: epochs, steps, tests, and when to save or stop."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from nincost._devices.settings import Settings
from nincost._step.loss import output_tensor
from nincost._train.callbacks import Callbacks
from nincost._train.checkpoint import Checkpoint, no_checkpoint
from nincost._train.convergence import is_guessing, not_learning
from nincost._train.data import Dataset, epoch_order, to_input
from nincost._train.distributed import GlobalDropout, Ranks, data_parallel
from nincost._train.folder import RunFolder
from nincost._train.interrupt import StopRequest
from nincost._train.metrics import NEVER, Metrics
from nincost._train.results import Epoch
from nincost._train.seeds import seed_all
from nincost._train.settings import TrainSettings
from nincost.errors import InterruptedTrainingError, TrainingError, one_line

#: Steps between two readings of the loss; reading makes the program wait for the GPU.
_READ_EVERY = 20


@dataclass(slots=True)
class TrainingRun:
    """What is trained, on what, and what has been reached.

    Attributes:
        settings: what the numbers follow from.
        dataset: on the device, cut to the examples that are used.
        module: on the device; trained in place.
        optimizer: of the module's trainable parameters.
        device: where it runs.
        ranks: this process among those that train together.
        folder: where files go.
        callbacks: what is called on the way.
        stop: whether somebody asked for a stop.
        save_every: steps between two checkpoints within an epoch; None for each epoch's end alone.
        digest: the dataset's checksum.
        torch_settings: torch's own settings during the training.
        epochs: a row for each epoch that is complete.
        before_bytes: on a GPU, what was allocated before the network.
        peak_bytes: on a GPU, the most that was allocated in a training step; else None.
    """

    settings: TrainSettings
    dataset: Dataset
    module: nn.Module
    optimizer: torch.optim.Optimizer
    device: torch.device
    ranks: Ranks
    folder: RunFolder
    callbacks: Callbacks
    stop: StopRequest = field(default_factory=StopRequest)
    save_every: int | None = None
    digest: str = ""
    torch_settings: Settings = field(default_factory=Settings)
    epochs: list[Epoch] = field(default_factory=list)
    before_bytes: int = 0
    peak_bytes: int | None = None

    @property
    def steps(self) -> int:
        """Steps of an epoch; the last batch may be smaller."""
        return math.ceil(len(self.dataset.train_labels) / self.settings.batch_size)


class TrainingLoop:
    """Trains a run. `epoch` epochs are complete, and `step` steps of the next."""

    def __init__(self, run: TrainingRun) -> None:
        self.run = run
        self.epoch = 0
        self.step = 0
        self.metrics = Metrics(run.device)
        self._warned = False  # that it is not learning
        half = run.settings.amp == "float16"
        self.scaler = torch.amp.GradScaler(run.device.type, enabled=half)  # type: ignore[attr-defined]
        self.forward: Callable[..., Any] = data_parallel(run.module, run.ranks, run.device)
        if run.settings.compile:
            self.forward = torch.compile(self.forward)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from where the checkpoint was written.

        Raises:
            InputError: what it holds is not of this training.
        """
        run = self.run
        if checkpoint.step > run.steps:
            raise no_checkpoint(
                run.folder.checkpoint,
                f"it is of step {checkpoint.step} in an epoch, which has {run.steps}",
            )
        try:
            run.module.load_state_dict(checkpoint.model)
            run.optimizer.load_state_dict(checkpoint.optimizer)
            self.scaler.load_state_dict(checkpoint.scaler)
            run.epochs[:] = [Epoch.from_dict(row) for row in checkpoint.epochs]
        except Exception as error:  # whatever torch makes of a value that is not what it saved
            raise no_checkpoint(
                run.folder.checkpoint, f"its state is not this model's ({one_line(error)})"
            ) from error
        run.peak_bytes = checkpoint.peak_bytes if run.device.type == "cuda" else None
        self.epoch, self.step = checkpoint.epoch, checkpoint.step
        sums = dict(checkpoint.metrics)
        if not run.ranks.is_first:  # the sums over all ranks go on in the first one
            sums |= {"loss": 0.0, "correct": 0}
        self.metrics = Metrics(run.device, sums)

    def train(self) -> None:
        """Train until all epochs are complete.

        Raises:
            TrainingError: the loss became NaN or infinite.
            InterruptedTrainingError: a stop was requested; the state was saved before.
        """
        run, callbacks = self.run, self.run.callbacks
        examples, classes = len(run.dataset.train_labels), run.dataset.classes
        while self.epoch < run.settings.epochs:
            callbacks.on_epoch_begin(
                self.epoch + 1, run.settings.epochs, examples, self.metrics.examples
            )
            self._train_epoch()
            callbacks.on_test_begin()
            row = self._epoch_row(*self._test())
            run.epochs.append(row)
            self.epoch, self.step = self.epoch + 1, 0
            self.metrics = Metrics(run.device)
            callbacks.on_epoch_end(row)
            run.folder.log("epoch", **row.to_dict())
            if is_guessing(row, classes) and not self._warned:
                self._warned = True
                callbacks.on_message(not_learning(row, run.settings, classes))
                run.folder.log("not learning", epoch=row.epoch)
            self._save()

    def _train_epoch(self) -> None:
        """The remaining steps of an epoch."""
        run, settings = self.run, self.run.settings
        examples = len(run.dataset.train_labels)
        order = epoch_order(examples, settings.seed, self.epoch).to(run.device)
        run.module.train()
        if run.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(run.device)
        self.metrics.start()
        while self.step < run.steps:
            batch = order[self.step * settings.batch_size :][: settings.batch_size]
            self._train_step(batch)
            self.step += 1
            reads = self.step % _READ_EVERY == 0 or self.step == run.steps
            run.callbacks.on_step_end(len(batch), self._mean_loss() if reads else None)
            due = run.save_every is not None and self.step % run.save_every == 0
            self._check(reads, save=due and self.step < run.steps)
        self.metrics.stop()
        if run.device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(run.device)
            run.peak_bytes = max(run.peak_bytes or 0, peak)

    def _train_step(self, batch: Tensor) -> None:
        """A step on this rank's rows of a batch, which is the examples' indices."""
        run = self.run
        seed_all("step", run.settings.seed, self.epoch, self.step)
        rows = run.ranks.shard(len(batch))
        with self.metrics.loading():
            mine = batch[rows]
            images = to_input(
                run.dataset.train_images[mine], run.settings.resize, run.settings.channels
            )
            labels = run.dataset.train_labels[mine]
        run.optimizer.zero_grad(set_to_none=True)
        with self._autocast():
            if run.ranks.world_size > 1:
                with GlobalDropout(rows, len(batch)):
                    scores = output_tensor(self.forward(images))
            else:
                scores = output_tensor(self.forward(images))
            loss = functional.cross_entropy(scores, labels, reduction="sum")
        # DistributedDataParallel divides the gradients' sum by the number of ranks.
        scaled: Any = self.scaler.scale(loss * (run.ranks.world_size / len(batch)))
        scaled.backward()
        self.scaler.step(run.optimizer)
        self.scaler.update()
        self.metrics.add(self.step, loss, scores, labels, len(batch))

    def _autocast(self) -> torch.autocast:
        amp = self.run.settings.amp
        dtype = getattr(torch, amp) if amp else None
        return torch.autocast(self.run.device.type, dtype=dtype, enabled=amp is not None)

    def _mean_loss(self) -> float:
        """The epoch's loss so far, over this rank's rows."""
        rows = max(self.metrics.examples // self.run.ranks.world_size, 1)
        return self.metrics.loss.item() / rows

    def _check(self, reads: bool, *, save: bool) -> None:
        """Check that the loss is still finite and whether to stop, and save where due.

        Several ranks check at the same steps, as a request to one of them stops all.
        """
        run = self.run
        stop = run.stop.requested
        if run.ranks.world_size > 1:
            if not (reads or save):
                return
            goes_on = torch.tensor(int(not stop), device=run.device)
            stop = not int(run.ranks.all_reduce(goes_on, "min"))
        if reads or save or stop:
            first = int(run.ranks.all_reduce(self.metrics.first_nonfinite, "min"))
            if first != NEVER:
                raise self._diverged(
                    f"at step {first + 1} of {run.steps} in epoch {self.epoch + 1}"
                )
        if save or stop:
            self.metrics.stop()
            self._save()
            self.metrics.start()
        if stop:
            raise self._interrupted()

    @torch.no_grad()
    def _test(self) -> tuple[float, float]:
        """Loss and accuracy over the test set, in eval mode."""
        run, settings = self.run, self.run.settings
        run.module.eval()
        examples = len(run.dataset.test_labels)
        mine = run.ranks.shard(examples)
        size = max(settings.batch_size // run.ranks.world_size, 1)
        sums = Metrics(run.device)
        for begin in range(mine.start, mine.stop, size):
            rows = slice(begin, min(begin + size, mine.stop))
            images = to_input(run.dataset.test_images[rows], settings.resize, settings.channels)
            labels = run.dataset.test_labels[rows]
            with self._autocast():
                scores = output_tensor(run.module(images))
                loss = functional.cross_entropy(scores, labels, reduction="sum")
            sums.add(0, loss, scores, labels, rows.stop - rows.start)
            if run.stop.requested and run.ranks.world_size == 1:
                self._save()
                raise self._interrupted()
        loss_sum, correct = sums.totals(run.ranks)
        if not math.isfinite(loss_sum):
            raise self._diverged(f"after the last step of epoch {self.epoch + 1}")
        return loss_sum / examples, correct / examples

    def _epoch_row(self, test_loss: float, test_accuracy: float) -> Epoch:
        loss, correct = self.metrics.totals(self.run.ranks)
        examples = self.metrics.examples
        return Epoch(
            epoch=self.epoch + 1,
            train_loss=loss / examples,
            train_accuracy=correct / examples,
            test_loss=test_loss,
            test_accuracy=test_accuracy,
            examples=examples,
            seconds=self.metrics.seconds,
            loading_seconds=self.metrics.loading_seconds,
        )

    def _save(self) -> None:
        """Write a checkpoint of this moment, unless a weight is NaN or infinite."""
        run = self.run
        if run.folder.path is None:
            return
        finite = [parameter.isfinite().all() for parameter in run.module.parameters()]
        if not bool(torch.stack(finite).all()):
            raise self._diverged(f"after step {self.step} of {run.steps} in epoch {self.epoch + 1}")
        metrics = self.metrics.state_dict(run.ranks)  # all ranks sum up, the first one writes
        run.folder.save(
            Checkpoint(
                settings=run.settings.to_dict(),
                data=run.digest,
                epoch=self.epoch,
                step=self.step,
                metrics=metrics,
                epochs=[row.to_dict() for row in run.epochs],
                peak_bytes=run.peak_bytes,
                model=run.module.state_dict(),
                optimizer=run.optimizer.state_dict(),
                scaler=self.scaler.state_dict(),
            )
        )

    def _diverged(self, when: str) -> TrainingError:
        settings = self.run.settings
        tries = [f"a smaller --lr than {settings.lr:g}"]
        tries += ["--amp bfloat16"] if settings.amp == "float16" else []
        tries += ["--init xavier"] if settings.init != "xavier" else ["another --seed"]
        self.run.folder.log("diverged", when=when)
        return TrainingError(
            f"the loss became NaN or infinite {when}, so the training was stopped; "
            f"{self.run.folder.last_checkpoint}; try {', or '.join(tries)}"
        )

    def _interrupted(self) -> InterruptedTrainingError:
        where = f"step {self.step} of {self.run.steps} in epoch {self.epoch + 1}"
        self.run.folder.log("interrupted", epoch=self.epoch + 1, step=self.step)
        return InterruptedTrainingError(
            f"interrupted after {where}; {self.run.folder.how_to_resume}"
        )
