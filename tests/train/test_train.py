"""Trainings of a second: they learn, repeat themselves, and go on where they stopped."""

from __future__ import annotations

import json
import math
import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from support.tiny_net import Explodes, Guess, Tiny
from support.trainings import (
    MADE_UP,
    SMALL,
    TINY,
    RecordingCallbacks,
    figures,
    same,
    small,
    weights,
)
from torch import nn

import nincost
from nincost._train import checkpoint
from nincost._train.data import Dataset, synthetic, to_input
from nincost._train.train import train
from nincost.errors import (
    InputError,
    InterruptedTrainingError,
    ModelError,
    OutputError,
    TrainingError,
)


def test_it_learns_from_real_images(fashion: Dataset) -> None:
    callbacks = RecordingCallbacks()
    result = train(
        TINY, data=fashion, **{**SMALL, "limit": 2000, "test_limit": 1000, "epochs": 3},
        progress=callbacks,
    )  # fmt: skip
    assert result.last.test_accuracy > 0.6  # chance is 0.1
    losses = [row.train_loss for row in result.epochs]
    assert losses == sorted(losses, reverse=True)
    assert not result.not_learning
    assert callbacks.rows == list(result.epochs)
    assert callbacks.steps == 3 * math.ceil(2000 / 32)
    assert (callbacks.messages, callbacks.closed) == ([], 1)
    # The test's figures once more, without the loop.
    assert result.module is not None
    with torch.no_grad():
        scores = result.module(to_input(fashion.test_images[:1000], 28, 1))
    labels = fashion.test_labels[:1000]
    assert result.last.test_accuracy == (scores.argmax(1) == labels).sum().item() / 1000
    expected = nn.functional.cross_entropy(scores, labels).item()
    assert result.last.test_loss == pytest.approx(expected, rel=1e-6)


def test_an_epoch_is_what_a_plain_loop_gives() -> None:
    """The textbook's loop, with the same order of examples, no dropout and the same weights."""
    from nincost._train.data import epoch_order

    net = Tiny(dropout=0.0)
    result = small(model=net, init=None, epochs=1, optimizer="SGD", lr=0.1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    data = MADE_UP.first(250, 100)
    total = 0.0
    for chosen in epoch_order(250, 0, 0).split(32):
        loss = nn.functional.cross_entropy(
            net(to_input(data.train_images[chosen], 28, 1)), data.train_labels[chosen]
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(chosen)
    assert result.last.train_loss == pytest.approx(total / 250, rel=1e-5)
    for name, value in weights(result).items():
        torch.testing.assert_close(value, net.state_dict()[name], rtol=1e-4, atol=1e-6)


def test_one_seed_gives_the_same_twice_and_another_gives_another() -> None:
    one = small()
    torch.manual_seed(123)
    torch.rand(7)
    same(one, small())
    assert figures(one) != figures(small(seed=1))


class StopError(Exception):
    pass


def crash() -> None:
    raise StopError


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("at", [1, 5, 8, 11, 16])
def test_after_ctrl_c_resuming_gives_the_same_to_the_bit(tmp_path: Path, at: int) -> None:
    """8 steps an epoch: in the middle, at the end of an epoch, and before the last test."""
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(InterruptedTrainingError, match="--resume") as caught:
        small(folder=tmp_path / "run", progress=RecordingCallbacks(at, interrupt))
    assert caught.value.exit_status == 130
    assert signal.getsignal(signal.SIGINT) is handler
    resumed = small(folder=tmp_path / "run", resume=True)
    same(resumed, small())


def test_after_a_crash_it_goes_on_from_the_last_save(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        small(folder=tmp_path, save_every=3, progress=RecordingCallbacks(13, crash))
    assert checkpoint.load(tmp_path / "checkpoint.pt").place == "step 3 of epoch 2"
    callbacks = RecordingCallbacks()
    resumed = small(folder=tmp_path, resume=True, progress=callbacks)
    assert callbacks.steps == 5
    same(resumed, small())


def test_a_second_ctrl_c_ends_at_once() -> None:
    def twice() -> None:
        interrupt()
        interrupt()

    with pytest.raises(KeyboardInterrupt):
        small(progress=RecordingCallbacks(2, twice))


def test_more_epochs_go_on_as_if_they_had_been_asked_for(tmp_path: Path) -> None:
    small(folder=tmp_path, epochs=1)
    same(small(folder=tmp_path, resume=True, epochs=3), small(epochs=3))
    again = small(folder=tmp_path, resume=True, epochs=3)  # nothing left to do
    same(again, small(epochs=3))
    with pytest.raises(InputError, match=r"epochs 2 \(there 3 are complete"):
        small(folder=tmp_path, resume=True, epochs=2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lr": 0.02, "seed": 3}, r"lr 0.02 \(there 0.01\); seed 3 \(there 0\)"),
        ({"batch_size": 16}, r"batch-size 16 \(there 32\)"),
        ({"limit": 200}, "limit 200"),
        ({"data": synthetic(301, 100)}, "the data"),
        ({"optimizer": "SGD"}, "optimizer SGD"),
        ({"init": "default"}, "init default"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    small(folder=tmp_path, epochs=1)
    with pytest.raises(InputError, match=words):
        small(folder=tmp_path, resume=True, **changes)


def test_a_folder_in_use_is_not_overwritten(tmp_path: Path) -> None:
    first = small(folder=tmp_path, epochs=1)
    with pytest.raises(OutputError, match="--resume"):
        small(folder=tmp_path)
    assert len(small(folder=tmp_path, force=True).epochs) == 2
    assert first.epochs
    with pytest.raises(InputError, match="folder"):
        small(resume=True)
    with pytest.raises(InputError, match="no checkpoint"):
        small(folder=tmp_path / "other", resume=True)


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    """The first's results were lost and logs interleaved; both said that all was well."""
    refused = []

    def second() -> None:
        for more in ({}, {"force": True}, {"resume": True}):
            with pytest.raises(OutputError, match="another training is writing") as caught:
                small(folder=tmp_path, **more)
            refused.append(str(caught.value))

    result = small(folder=tmp_path, progress=RecordingCallbacks(3, second))
    assert len(refused) == 3
    assert (tmp_path / "epochs.csv").read_text() == result.to_csv()
    assert figures(result) == figures(small())
    assert small(folder=tmp_path, force=True).epochs  # it is free again


def test_the_folder_holds_log_tables_and_curves(tmp_path: Path) -> None:
    result = small(folder=tmp_path)
    events = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == [
        "start", "epoch", "checkpoint", "epoch", "checkpoint", "end",
    ]  # fmt: skip
    assert events[1]["train_loss"] == result.epochs[0].train_loss
    assert (tmp_path / "epochs.csv").read_text() == result.to_csv()
    assert json.loads((tmp_path / "result.json").read_text()) == result.to_dict()
    result.plot(tmp_path / "again.svg")
    assert (tmp_path / "curves.svg").read_bytes() == (tmp_path / "again.svg").read_bytes()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_loss_that_is_not_finite_stops_the_training_and_is_located(tmp_path: Path) -> None:
    small(model=Tiny(), folder=tmp_path, epochs=1)
    with pytest.raises(TrainingError, match="at step 4 of 8 in epoch 1") as caught:
        small(model=Explodes(3), folder=tmp_path / "new")
    assert caught.value.exit_status == 1
    assert "there is no checkpoint yet" in str(caught.value)
    with pytest.raises(TrainingError, match="at step 3 of 8 in epoch 2") as caught:
        small(model=Explodes(10), folder=tmp_path / "later")
    assert "is of the end of epoch 1" in str(caught.value)
    assert "smaller --lr" in str(caught.value)
    kept = checkpoint.load(tmp_path / "later" / "checkpoint.pt")
    assert all(value.isfinite().all() for value in kept.model.values())
    assert kept.place == "the end of epoch 1"


def test_weights_that_are_not_finite_are_never_saved(tmp_path: Path) -> None:
    """The last step of an epoch is good by its loss, and leaves weights that are not."""
    with pytest.raises(TrainingError, match="became NaN or infinite"):
        small(folder=tmp_path, optimizer="SGD", lr=1e38, batch_size=250)
    assert not (tmp_path / "checkpoint.pt").exists()


def test_it_says_when_it_does_not_learn() -> None:
    callbacks = RecordingCallbacks()
    result = small(model=Guess(), epochs=2, progress=callbacks)
    assert result.not_learning
    (message,) = callbacks.messages
    assert (
        "not learning: after epoch 1 the test loss is 2.3026, no better than the ln 10" in message
    )
    assert "all scores are equal" in message
    assert "--init xavier" in message
    small(model=Guess(), init="xavier", epochs=1, optimizer="SGD", progress=callbacks)
    assert "--optimizer Adam" in callbacks.messages[1]
    assert "--init xavier" not in callbacks.messages[1]


def test_a_module_is_left_as_it_was_and_a_copy_is_trained() -> None:
    net = Tiny().eval()
    net[0].weight.requires_grad_(False)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    result = small(model=net, epochs=1)
    assert result.module is not net
    assert not net.training
    assert all(parameter.grad is None for parameter in net.parameters())
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name
    changed = [
        name for name, value in weights(result).items() if not torch.equal(value, before[name])
    ]
    assert changed == ["0.bias", "2.weight", "2.bias", "6.weight", "6.bias"]
    assert result.params == 1802 - 200


def test_a_modules_weights_stay_unless_xavier_is_asked_for() -> None:
    net = Tiny()
    kept = small(model=net, epochs=1, lr=1e-30)
    assert torch.equal(weights(kept)["0.weight"], net[0].weight)
    drawn = small(model=net, epochs=1, lr=1e-30, init="xavier")
    found = weights(drawn)["0.weight"]
    bound = math.sqrt(6 / (25 + 8 * 25))
    assert not torch.equal(found, net[0].weight)
    assert 0.9 * bound < found.abs().max() <= bound
    assert torch.equal(weights(drawn)["0.bias"], net[0].bias)


def test_global_state_is_as_it_was() -> None:
    def state() -> tuple[Any, ...]:
        return (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark,
            torch.utils.deterministic.fill_uninitialized_memory, torch.get_num_threads(),  # type: ignore[attr-defined]
            torch.get_rng_state().tolist(), random.getstate(), torch.get_default_dtype(),
            signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM),
        )  # fmt: skip

    bad = Explodes(2)
    before = state()
    small(epochs=1)
    assert state() == before
    with pytest.raises(TrainingError):
        small(model=bad)
    assert state() == before


def test_inference_mode_around_a_training_changes_nothing() -> None:
    outside = small(epochs=1)
    with torch.inference_mode(), torch.autocast("cpu"):
        inside = small(epochs=1)
    assert figures(inside) == figures(outside)


@pytest.mark.slow
def test_a_compiled_model_trains_the_same() -> None:
    net = Tiny(dropout=0.0)
    compiled, plain = small(compile=True, model=net, epochs=1), small(model=net, epochs=1)
    assert any("torch.compile's time" in note for note in compiled.notes)
    assert compiled.memory.predicted_bytes is None
    assert compiled.last.train_loss == pytest.approx(plain.last.train_loss, rel=1e-4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch_size": 251}, "a batch of 251 is larger than the 250 training examples"),
        ({"batch_size": 0}, "batch-size is 0"),
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": True}, "epochs is True"),
        ({"lr": 0.0}, "lr is 0.0"),
        ({"lr": float("nan")}, "lr is nan"),
        ({"seed": -1}, "seed is -1"),
        ({"limit": 0}, "limit is 0"),
        ({"init": "xaver"}, "did you mean 'xavier'"),
        ({"amp": "float"}, "unknown amp"),
        ({"optimizer": "Adamm"}, "did you mean 'Adam"),
        ({"optimizer_arg": {"momentun": 0.9}, "optimizer": "SGD"}, "momentum"),
        ({"optimizer_arg": {"lr": 0.9}}, "given twice"),
        ({"device": "cuda:77"}, "GPU"),
        ({"device": "gpu"}, "device 'gpu'"),
        ({"device": "meta"}, "no values"),
        ({"save_every": 0}, "save-every is 0"),
        ({"resize": 8}, "--resize"),
        ({"channels": 3}, "--channels"),
        ({"model": "two-1x1", "resize": 64}, "--resize"),
        ({"model": nn.Linear(28, 3)}, "expected 2 rows of at least 10 scores"),
        ({"model": Tiny().to("meta")}, "on the meta device"),
        ({"data": 5}, "expected a folder"),
        ({"model": Tiny().requires_grad_(False)}, "nothing would train"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        small(**changes)


def test_half_precision_trains() -> None:
    result = small(amp="bfloat16", epochs=1)
    assert math.isfinite(result.last.train_loss)
    assert abs(result.last.train_loss - small(epochs=1).last.train_loss) < 0.2


def test_lazy_layers_and_channels_of_the_models_source() -> None:
    net = nn.Sequential(nn.Flatten(), nn.LazyLinear(10))
    result = small(model=net, epochs=1, lr=0.001)
    assert result.params == 7850
    assert isinstance(net[1], nn.LazyLinear)


def test_speed_and_memory_stand_beside_what_is_predicted() -> None:
    result = small(epochs=1)
    # By hand: 12x12 outputs of 25 x 8 and 8 x 16 products, and 3x3 outputs of 144 x 10.
    assert result.speed.forward_macs == 144 * (200 + 128) + 9 * 1440
    assert result.speed.backward_macs == 144 * 200 + 2 * (144 * 128 + 9 * 1440)
    speed = result.speed
    assert speed.flops_per_second == pytest.approx(
        2 * (60192 + 91584) * result.last.examples / result.last.seconds
    )
    assert 0 < speed.loading_share < 1
    assert (speed.peak_flops, speed.peak_share) == (None, None)
    assert result.memory.measured_bytes is None


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("tf32", [True, False])
def test_memory_is_predicted_for_torchs_settings_of_the_training(
    monkeypatch: pytest.MonkeyPatch, deterministic: bool, tf32: bool
) -> None:
    """Which plans cuDNN may take hangs on both settings."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", tf32)

    def predicted(**settings: bool) -> int:
        return nincost.memory(
            TINY, input="1x28x28", batch_size=32, optimizer="Adam", measure=False,
            zero_grad_before_forward=True, **settings,
        ).totals.peak_allocated_bytes  # fmt: skip

    result = small(epochs=1, deterministic=deterministic)
    assert result.memory.predicted_bytes == predicted(deterministic=deterministic, tf32=tf32)
