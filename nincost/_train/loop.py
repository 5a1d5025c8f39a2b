"""The training itself: epochs, steps, tests, and when to save or stop."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from nincost._step.loss import output_tensor
from nincost._train.callbacks import Callbacks
from nincost._train.checkpoint import Checkpoint
from nincost._train.convergence import is_guessing, not_learning
from nincost._train.data import Dataset, epoch_order, to_input
from nincost._train.distributed import GlobalDropout, Ranks, wrapped
from nincost._train.folder import Folder
from nincost._train.interrupt import Stop
from nincost._train.metrics import NEVER, Metrics
from nincost._train.results import Epoch
from nincost._train.seeds import seed_all
from nincost._train.settings import Settings
from nincost.errors import InterruptedTrainingError, TrainingError

#: Steps between two looks at the loss; looking makes the program wait for the GPU.
_LOOK_EVERY = 20


@dataclass(slots=True)
class Job:
    """What is trained, on what, and who is told."""

    settings: Settings
    dataset: Dataset  # on the device, cut to what is used
    module: nn.Module  # on the device; trained in place
    optimizer: torch.optim.Optimizer
    device: torch.device
    ranks: Ranks
    folder: Folder
    watch: Callbacks
    stop: Stop = field(default_factory=Stop)
    save_every: int | None = None
    digest: str = ""
    rows: list[Epoch] = field(default_factory=list)
    before_bytes: int = 0  # on a GPU, what was allocated before the network
    peak_bytes: int | None = None  # on a GPU, the most that was allocated in a training step

    @property
    def steps(self) -> int:
        """Steps of an epoch; the last batch may be smaller."""
        return math.ceil(len(self.dataset.train_labels) / self.settings.batch_size)


class Loop:
    """A training while it runs. `epoch` are done, and `step` steps of the next."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.epoch = 0
        self.step = 0
        self._told = False  # that it is not learning
        self.tally = Metrics(job.device)
        half = job.settings.amp == "float16"
        self.scaler = torch.amp.GradScaler(job.device.type, enabled=half)  # type: ignore[attr-defined]
        self.runner: Callable[..., Any] = wrapped(job.module, job.ranks, job.device)
        if job.settings.compile:
            self.runner = torch.compile(self.runner)

    def restore(self, kept: Checkpoint) -> None:
        """Stand where the checkpoint stood."""
        job = self.job
        job.module.load_state_dict(kept.model)
        job.optimizer.load_state_dict(kept.optimizer)
        self.scaler.load_state_dict(kept.scaler)
        job.rows[:] = [Epoch.from_dict(row) for row in kept.epochs]
        job.peak_bytes = kept.peak_bytes if job.device.type == "cuda" else None
        self.epoch, self.step = kept.epoch, kept.step
        tally = dict(kept.tally)
        if not job.ranks.first:  # the sums over all ranks go on in the first one
            tally |= {"loss": 0.0, "correct": 0}
        self.tally = Metrics(job.device, tally)

    def run(self) -> None:
        """Train until all epochs are done.

        Raises:
            TrainingError: the loss is no number any more.
            InterruptedTrainingError: somebody asked to stop; the state was saved before.
        """
        job = self.job
        while self.epoch < job.settings.epochs:
            done = self.tally.examples
            job.watch.begin(
                self.epoch + 1, job.settings.epochs, len(job.dataset.train_labels), done
            )
            self._train()
            job.watch.testing()
            row = self._row(*self._test())
            job.rows.append(row)
            self.epoch, self.step = self.epoch + 1, 0
            self.tally = Metrics(job.device)
            job.watch.end(row)
            job.folder.log("epoch", **row.to_dict())
            if is_guessing(row, job.dataset.classes) and not self._told:
                self._told = True
                job.watch.say(not_learning(row, job.settings, job.dataset.classes))
                job.folder.log("not learning", epoch=row.epoch)
            self._save()

    def _train(self) -> None:
        """The rest of an epoch's steps."""
        job, settings = self.job, self.job.settings
        examples = len(job.dataset.train_labels)
        order = epoch_order(examples, settings.seed, self.epoch).to(job.device)
        job.module.train()
        if job.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(job.device)
        self.tally.start()
        while self.step < job.steps:
            chosen = order[self.step * settings.batch_size :][: settings.batch_size]
            self._take_step(chosen)
            self.step += 1
            looked = self.step % _LOOK_EVERY == 0 or self.step == job.steps
            job.watch.step(len(chosen), self._mean() if looked else None)
            due = job.save_every is not None and self.step % job.save_every == 0
            self._look(looked, save=due and self.step < job.steps)
        self.tally.stop()
        if job.device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(job.device)
            job.peak_bytes = max(job.peak_bytes or 0, peak)

    def _take_step(self, chosen: Tensor) -> None:
        job = self.job
        seed_all("step", job.settings.seed, self.epoch, self.step)
        rows = job.ranks.share(len(chosen))
        with self.tally.making_a_batch():
            mine = chosen[rows]
            images = to_input(
                job.dataset.train_images[mine], job.settings.resize, job.settings.channels
            )
            labels = job.dataset.train_labels[mine]
        job.optimizer.zero_grad(set_to_none=True)
        with self._precision():
            if job.ranks.world > 1:
                with GlobalDropout(rows, len(chosen)):
                    scores = output_tensor(self.runner(images))
            else:
                scores = output_tensor(self.runner(images))
            loss = functional.cross_entropy(scores, labels, reduction="sum")
        # DistributedDataParallel divides the gradients' sum by the number of ranks.
        scaled: Any = self.scaler.scale(loss * (job.ranks.world / len(chosen)))
        scaled.backward()
        self.scaler.step(job.optimizer)
        self.scaler.update()
        self.tally.add(self.step, loss, scores, labels, len(chosen))

    def _precision(self) -> torch.autocast:
        amp = self.job.settings.amp
        dtype = getattr(torch, amp) if amp else None
        return torch.autocast(self.job.device.type, dtype=dtype, enabled=amp is not None)

    def _mean(self) -> float:
        """The loss so far, over this rank's rows."""
        rows = max(self.tally.examples // self.job.ranks.world, 1)
        return self.tally.loss.item() / rows

    def _look(self, looked: bool, *, save: bool) -> None:
        """See whether the loss is a number still and whether to stop, and save where due.

        Several ranks look at the same steps, as each must hear the others.
        """
        job = self.job
        wish = job.stop.asked
        if job.ranks.world > 1:
            if not (looked or save):
                return
            wish = not int(job.ranks.smallest(torch.tensor(int(not wish), device=job.device)))
        if looked or save or wish:
            bad = int(job.ranks.smallest(self.tally.bad))
            if bad != NEVER:
                raise self._diverged(f"at step {bad + 1} of {job.steps} in epoch {self.epoch + 1}")
        if save or wish:
            self.tally.stop()
            self._save()
            self.tally.start()
        if wish:
            raise self._interrupted()

    @torch.no_grad()
    def _test(self) -> tuple[float, float]:
        """Loss and accuracy over the test set, in eval mode."""
        job, settings = self.job, self.job.settings
        job.module.eval()
        examples = len(job.dataset.test_labels)
        mine = job.ranks.share(examples)
        size = max(settings.batch_size // job.ranks.world, 1)
        sums = Metrics(job.device)
        for begin in range(mine.start, mine.stop, size):
            rows = slice(begin, min(begin + size, mine.stop))
            images = to_input(job.dataset.test_images[rows], settings.resize, settings.channels)
            labels = job.dataset.test_labels[rows]
            with self._precision():
                scores = output_tensor(job.module(images))
                loss = functional.cross_entropy(scores, labels, reduction="sum")
            sums.add(0, loss, scores, labels, rows.stop - rows.start)
            if job.stop.asked and job.ranks.world == 1:
                self._save()
                raise self._interrupted()
        loss_sum, correct = sums.totals(job.ranks)
        if not math.isfinite(loss_sum):
            raise self._diverged(f"after the last step of epoch {self.epoch + 1}")
        return loss_sum / examples, correct / examples

    def _row(self, test_loss: float, test_accuracy: float) -> Epoch:
        loss, correct = self.tally.totals(self.job.ranks)
        examples = self.tally.examples
        return Epoch(
            epoch=self.epoch + 1,
            train_loss=loss / examples,
            train_accuracy=correct / examples,
            test_loss=test_loss,
            test_accuracy=test_accuracy,
            examples=examples,
            seconds=self.tally.seconds,
            loading_seconds=self.tally.loading,
        )

    def _save(self) -> None:
        """Write a checkpoint of this moment, unless its weights are no numbers."""
        job = self.job
        if not job.folder.wanted:
            return
        finite = [parameter.isfinite().all() for parameter in job.module.parameters()]
        if not bool(torch.stack(finite).all()):
            raise self._diverged(f"after step {self.step} of {job.steps} in epoch {self.epoch + 1}")
        tally = self.tally.kept(job.ranks)  # all ranks add up, the first one writes
        job.folder.save(
            Checkpoint(
                settings=job.settings.to_dict(),
                data=job.digest,
                epoch=self.epoch,
                step=self.step,
                tally=tally,
                epochs=[row.to_dict() for row in job.rows],
                peak_bytes=job.peak_bytes,
                model=job.module.state_dict(),
                optimizer=job.optimizer.state_dict(),
                scaler=self.scaler.state_dict(),
            )
        )

    def _diverged(self, when: str) -> TrainingError:
        settings = self.job.settings
        tries = [f"a smaller --lr than {settings.lr:g}"]
        tries += ["--amp bfloat16"] if settings.amp == "float16" else []
        tries += ["--init xavier"] if settings.init != "xavier" else ["another --seed"]
        self.job.folder.log("diverged", when=when)
        return TrainingError(
            f"the loss is no number any more (NaN or infinite) {when}, so the training was "
            f"stopped; {self.job.folder.last_words}; try {', or '.join(tries)}"
        )

    def _interrupted(self) -> InterruptedTrainingError:
        where = f"step {self.step} of {self.job.steps} in epoch {self.epoch + 1}"
        self.job.folder.log("interrupted", epoch=self.epoch + 1, step=self.step)
        return InterruptedTrainingError(
            f"interrupted after {where}; {self.job.folder.words_after_stop}"
        )
