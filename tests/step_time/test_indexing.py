"""Operators that touch some places of a tensor, against kernels profiled on an H100.

Microseconds are of `benchmarks/data/h100/step_kernels.csv.gz`, fills and copies included.
"""

from types import SimpleNamespace

import pytest
import torch

from nincost._devices.cards import get_gpu
from nincost._devices.target import Target
from nincost._time.kernels import WorkTable, kernel_times
from nincost._time.parameters import fitted_parameters
from nincost._time.work.operators import works_of
from nincost._trace.records import TensorMeta

H100 = get_gpu("h100")
TOKENS, VOCABULARY, WIDTH = 8192, 50257, 768


def tensor(*shape, dtype=torch.float32):
    return TensorMeta(torch.Size(shape), torch.empty(shape, device="meta").stride(), dtype)


def microseconds(name, args, outputs):
    signature = SimpleNamespace(
        name=f"aten.{name}", args=args, kwargs={}, outputs=outputs, is_view=False, on_host=False
    )
    works = works_of(signature, Target(gpu=H100))
    return 1e6 * kernel_times(WorkTable.of(works), H100, fitted_parameters()).seconds.sum(), works


SCORES = tensor(TOKENS, VOCABULARY)
TARGET = tensor(TOKENS, dtype=torch.int64)
WEIGHT, ROWS = tensor(VOCABULARY, WIDTH), tensor(TOKENS, WIDTH)
ONE = tensor()


@pytest.mark.parametrize(
    ("name", "args", "outputs", "measured"),
    [
        ("nll_loss_forward", (SCORES, TARGET, None, 1, -100), (ONE, ONE), 19.0),
        ("nll_loss_backward", (ONE, SCORES, TARGET, None, 1, -100, ONE), (SCORES,), 498.2 + 11.6),
        ("embedding_dense_backward", (ROWS, TARGET, VOCABULARY, -1, False), (WEIGHT,), 47 + 190),
        ("embedding_dense_backward",
         (tensor(1024, WIDTH), tensor(1024, dtype=torch.int64), 1024, -1, False),
         (tensor(1024, WIDTH),), 27.8 + 2),
        ("index_put",
         (tensor(169, 12), (tensor(2401, dtype=torch.int64),), tensor(2401, 12), True),
         (tensor(169, 12),), 25.0),
    ],
)  # fmt: skip
def test_time_follows_from_the_places_touched(name, args, outputs, measured):
    predicted, works = microseconds(name, args, outputs)
    assert measured / 2 < predicted < measured * 2
    assert not any(work.guessed for work in works)


def test_a_look_up_does_not_read_the_whole_table():
    small, _ = microseconds("embedding", (ROWS, TARGET), (ROWS,))
    large, _ = microseconds("embedding", (WEIGHT, TARGET), (ROWS,))
    assert large == small
    bag = (tensor(10_000_000, 16), tensor(2048, dtype=torch.int64), tensor(64, dtype=torch.int64))
    _, works = microseconds("_embedding_bag", bag, (tensor(64, 16),))
    assert works[0].moved < 1e6


def test_what_is_not_in_place_is_copied_first():
    base, index = tensor(1000, 1000), tensor(10, 1000, dtype=torch.int64)
    args = (base, 0, index, tensor(10, 1000))
    _, copied = microseconds("scatter_add", args, (base,))
    _, in_place = microseconds("scatter_add_", args, (base,))
    assert sum(w.moved for w in copied) - sum(w.moved for w in in_place) == 2 * base.bytes
    assert sum(work.moved for work in in_place) < 0.1 * base.bytes


def test_a_mask_stands_for_its_dimensions():
    """`x[mask] = 0`, as a vocabulary that is split over ranks has it."""
    base, mask = tensor(8, 4096, 2048), tensor(8, 4096, dtype=torch.bool)
    _, works = microseconds("index_put_", (base, (mask,), ONE), (base,))
    assert sum(work.moved for work in works) == base.bytes + mask.bytes + 4


def test_padding_fills_and_copies():
    given, made = tensor(8, 100), tensor(8, 300)
    _, works = microseconds("constant_pad_nd", (given, [100, 100], 0.0), (made,))
    assert [work.moved for work in works] == [made.bytes, 2 * given.bytes]


@pytest.mark.parametrize(("name", "taps"), [("nearest", 1), ("bilinear", 4), ("bicubic", 16)])
def test_an_image_scaled_up_is_made_of_few_places(name, taps):
    """The size that it is scaled to is no window: a published step with 20 of these (timm's
    hrnet_w18_small on an RTX 3090, 239.9 ms) was predicted to take 945 ms."""
    x, made = tensor(32, 5, 32, 32), tensor(32, 5, 128, 128)
    predicted, (work,) = microseconds(f"upsample_{name}2d", (x, (128, 128), 4.0, 4.0), (made,))
    assert (work.family, work.units) == ("pooling", made.elements * (12 + taps))
    assert predicted < 100


def test_bfloat16_does_not_hasten_what_waits_for_its_instructions():
    # An H100 took 3,098 us for the gradients of this convolution in float32, 3,107 in bfloat16.
    def backward(dtype):
        grad = tensor(128, 96, 56, 56, dtype=dtype)
        x, weight = tensor(128, 96, 112, 112, dtype=dtype), tensor(96, 1, 3, 3, dtype=dtype)
        rest = ([0], (2, 2), (1, 1), (1, 1), False, (0, 0), 96, (True, True, False))
        return microseconds("convolution_backward", (grad, x, weight, *rest), (x, weight))[0]

    assert backward(torch.float32) == pytest.approx(3098, rel=0.35)
    assert backward(torch.bfloat16) == pytest.approx(backward(torch.float32), rel=0.1)
