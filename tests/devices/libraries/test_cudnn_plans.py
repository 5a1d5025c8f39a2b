"""Workspaces of cuDNN's plans. No GPU has been asked: what is tested is that cuDNN answers for a
card that is not there, sanely, without leaks, and that its absence is told.

The figures in `DEMO` are a regression check only: they were obtained by an independent script with
the same library (cuDNN 9.24.0), not measured on a card.
"""

from __future__ import annotations

import csv
import gzip
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nincost._devices.cards import get_gpu
from nincost._devices.libraries import cudnn_enums, cudnn_library, cudnn_process
from nincost._devices.libraries.conv_descriptor import (
    CONV_KINDS,
    ConvDescriptor,
    conv_from_plain,
    describe_conv,
    plain_output,
)
from nincost._devices.libraries.cudnn_library import CudnnError
from nincost._devices.libraries.cudnn_plans import ConvPlans
from nincost._devices.libraries.cudnn_process import CudnnProcess, InThisProcess
from nincost._devices.libraries.cudnn_query import PlanFilter, device_json, known_workspace
from nincost.errors import EmulatorError, InputError

LIBRARY, REASON = cudnn_library.load()
needs_cudnn = pytest.mark.skipif(LIBRARY is None, reason=REASON or "no cuDNN")


def problem(
    kind, x, w, *, dtype="float32", stride=1, padding=0, dilation=1, transposed=False, extra=0,
    last=False,
):  # fmt: skip
    dims = len(x) - 2
    many = {
        "stride": (stride,) * dims,
        "padding": (padding,) * dims,
        "dilation": (dilation,) * dims,
    }
    if transposed:  # torch.nn.ConvTranspose2d's documentation
        groups = x[1] // w[0]
        moved = tuple(
            (size - 1) * stride - 2 * padding + dilation * (k - 1) + extra + 1
            for size, k in zip(x[2:], w[2:], strict=True)
        )
        y = (x[0], w[1] * groups, *moved)
    else:
        y = plain_output(x, w, **many)
    return describe_conv(kind, dtype, x, w, y, transposed=transposed, channels_last=last, **many)


# NiN at batch 128: (input, weight, stride, padding)
NIN = {
    "1": ((128, 1, 224, 224), (96, 1, 11, 11), 4, 0),
    "2": ((128, 96, 54, 54), (96, 96, 1, 1), 1, 0),
    "3": ((128, 96, 26, 26), (256, 96, 5, 5), 1, 2),
    "4": ((128, 256, 26, 26), (256, 256, 1, 1), 1, 0),
    "5": ((128, 256, 12, 12), (384, 256, 3, 3), 1, 1),
    "6": ((128, 384, 5, 5), (10, 384, 3, 3), 1, 1),
}

#: (card, dtype, channels-last, layer): bytes of forward, data gradient, filter gradient.
DEMO = {
    ("rtx3060", "float32", False, "1"): (17536, 0, 0),
    ("rtx3060", "float32", False, "2"): (0, 0, 4718592),
    ("rtx3060", "float32", False, "3"): (124289040, 303038464, 290734080),
    ("rtx3060", "bfloat16", False, "4"): (0, 0, 33554432),
    ("rtx3060", "bfloat16", True, "4"): (0, 0, 0),
    ("a100", "float32", False, "2"): (0, 0, 4718592),
    ("a100", "float32", False, "5"): (22413328, 50724880, 50725224),
    ("h100", "float32", False, "3"): (124289171, 125337827, 124289171),
    ("h100", "bfloat16", False, "5"): (25362579, 25362579, 25886931),
    ("rtx4090", "float32", False, "3"): (35684368, 124289040, 169118711),
    ("t4", "float32", False, "6"): (924712, 29601792, 29601792),
    ("b200", "float32", False, "5"): (50724880, 69600464, 54264144),
    ("b200", "bfloat16", True, "5"): (0, 0, 3539264),
}


@needs_cudnn
@pytest.mark.parametrize("case", DEMO, ids=lambda case: "-".join(map(str, case)))
def test_regression_on_nin(case) -> None:
    if LIBRARY.version != 92400:
        pytest.skip(f"the figures are cuDNN 9.24.0's, this is {LIBRARY.version_text}")
    card, dtype, last, layer = case
    plans = ConvPlans(get_gpu(card))
    x, w, stride, padding = NIN[layer]
    for kind, expected in zip(CONV_KINDS, DEMO[case], strict=True):
        asked = problem(kind, x, w, dtype=dtype, stride=stride, padding=padding, last=last)
        answer = plans.workspace(asked)
        assert answer.bytes == answer.low == answer.high == expected
        assert answer.source == "cuDNN 9.24.0, INSTANT heuristic"


#: What an H100 ran: rows of convolutions, with the engine of the plan.
MEASURED = Path(__file__).parents[3] / "benchmarks/data/h100/convolutions.csv.gz"


def measured() -> list[tuple[ConvDescriptor, int, int]]:
    """Convolutions, and the engine and workspace of the plan that the card proposed."""
    found = []
    with gzip.open(MEASURED, "rt") as file:
        for row in csv.DictReader(file):
            given = {name: json.loads(row[name]) for name in ConvDescriptor.__dataclass_fields__}
            conv = conv_from_plain(given)
            found.append((conv, int(row["engine"]), int(row["workspace"])))
    return found


@needs_cudnn
def test_the_engines_are_those_that_an_h100_proposed() -> None:
    """All of them where cuDNN is the one that was measured; another has other preferences."""
    plans = ConvPlans(get_gpu("h100"))
    if not isinstance(plans._library, CudnnProcess):
        pytest.skip("cuDNN is queried in this process")
    rows = measured()[::12]
    same = sum(plans.workspace(conv).engine == engine for conv, engine, _ in rows)
    assert len(rows) == 112
    assert same == 112 if LIBRARY.version == 91900 else same > 75


def test_plans_that_are_not_built_need_what_they_needed_on_an_h100() -> None:
    known = [
        (known_workspace(engine, conv), workspace)
        for conv, engine, workspace in measured()
        if known_workspace(engine, conv) is not None
    ]
    assert len(known) == 176
    assert all(mine == its for mine, its in known)
    assert sum(its > 0 for _, its in known) == 25


@needs_cudnn
def test_the_process_ends_and_is_missed() -> None:
    """A process that died is an error of the query, not of the command."""
    process = CudnnProcess(LIBRARY)
    assert process.version == LIBRARY.version
    process.end()
    asked = problem("forward", (8, 64, 28, 28), (64, 64, 3, 3), padding=1)
    with pytest.raises(CudnnError, match="ended"):
        process.plans(device_json(get_gpu("a100")), asked, PlanFilter(), 1)


@needs_cudnn
def test_without_a_compiler_cudnn_is_queried_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_library: object) -> None:
        raise EmulatorError("no C compiler was found")

    monkeypatch.setattr(cudnn_process, "CudnnProcess", missing)
    monkeypatch.setattr(cudnn_process, "_started", cudnn_process._started.__wrapped__)
    found, reason = cudnn_process.load()
    assert isinstance(found, InThisProcess)
    assert not reason


SORTS = {
    "plain": (((8, 64, 28, 28), (64, 64, 3, 3)), {"padding": 1}),
    "grouped": (((8, 64, 28, 28), (64, 16, 3, 3)), {"padding": 1}),
    "depthwise": (((8, 64, 28, 28), (64, 1, 3, 3)), {"padding": 1}),
    "dilated": (((8, 64, 28, 28), (64, 64, 3, 3)), {"padding": 2, "dilation": 2}),
    "strided": (((8, 3, 224, 224), (64, 3, 7, 7)), {"padding": 3, "stride": 2}),
    "1d": (((8, 64, 400), (64, 64, 3)), {"padding": 1}),
    "3d": (((2, 16, 8, 28, 28), (32, 16, 3, 3, 3)), {"padding": 1}),
    "transposed": (((8, 64, 14, 14), (64, 32, 4, 4)), {"padding": 1, "stride": 2, "transposed": 1}),
    "transposed-extra": (
        ((8, 64, 14, 14), (64, 32, 3, 3)),
        {"padding": 1, "stride": 2, "transposed": True, "extra": 1},
    ),
    "one": (((1, 1, 1, 1), (1, 1, 1, 1)), {}),
}


@needs_cudnn
@pytest.mark.parametrize("kind", CONV_KINDS)
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("last", [False, True], ids=["rows", "channels-last"])
def test_cudnn_accepts(kind, sort: str, dtype: str, last: bool) -> None:
    (x, w), how = SORTS[sort]
    asked = problem(kind, x, w, dtype=dtype, last=last, **how)
    answer = ConvPlans(get_gpu("a100")).workspace(asked)
    assert answer.bytes is not None, answer.reason
    # no workspace that PyTorch would take is beyond a few copies of the tensors
    assert 0 <= answer.bytes <= 8 * asked.model_interval()[1] + 2**20


@needs_cudnn
def test_a_trivial_problem_needs_next_to_nothing() -> None:
    # one multiplication: nothing to hold but a few words
    answer = ConvPlans(get_gpu("rtx3090")).workspace(problem("forward", (1, 1, 1, 1), (1, 1, 1, 1)))
    assert answer.bytes is not None
    assert answer.bytes < 2**20


@needs_cudnn
@pytest.mark.parametrize("card", ["t4", "v100", "a100", "rtx3090", "rtx4090", "h100", "b200",
                                  "rtx5090"])  # fmt: skip
def test_every_generation_answers(card: str) -> None:
    plans = ConvPlans(get_gpu(card))
    asked = problem("filter_gradient", (32, 64, 56, 56), (64, 64, 3, 3), padding=1)
    chosen = plans.workspace(asked)
    low, high = plans.interval(asked)
    assert chosen.bytes is not None, chosen.reason
    assert low <= chosen.bytes <= high
    assert plans.plans(asked)[0].workspace_bytes == chosen.bytes


@needs_cudnn
def test_settings_filter_the_plans() -> None:
    plans = ConvPlans(get_gpu("a100"))
    asked = problem("filter_gradient", (32, 64, 56, 56), (64, 64, 3, 3), padding=1)
    notes = cudnn_enums.NumericalNote
    assert all(notes.DOWN_CONVERT_INPUTS not in plan.notes for plan in plans.plans(asked))
    assert any(notes.TENSOR_CORE in plan.notes for plan in plans.plans(asked))
    exact = plans.plans(asked, allow_tf32=False)
    assert exact
    assert all(notes.TENSOR_CORE not in plan.notes for plan in exact)
    steady = plans.plans(asked, deterministic=True)
    assert steady
    assert all(notes.NONDETERMINISTIC not in plan.notes for plan in steady)
    # TF32 is a matter of float32 alone
    half = problem("forward", (32, 64, 56, 56), (64, 64, 3, 3), padding=1, dtype="float16")
    assert plans.plans(half, allow_tf32=False) == plans.plans(half)


@needs_cudnn
def test_a_transposed_convolution_is_the_gradient_of_a_plain_one() -> None:
    up = problem("forward", (8, 64, 14, 14), (64, 32, 4, 4), stride=2, padding=1, transposed=True)
    down = problem("data_gradient", (8, 32, 28, 28), (64, 32, 4, 4), stride=2, padding=1)
    assert up == down


@needs_cudnn
def test_one_dimension_is_two_with_a_height_of_one() -> None:
    line = problem("forward", (8, 64, 400), (64, 64, 3), padding=1)
    assert line.input == (8, 64, 1, 400)
    assert (line.padding, line.stride, line.dilation) == ((0, 1), (1, 1), (1, 1))


@needs_cudnn
def test_answers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = ConvPlans(get_gpu("a100"))
    asked = problem("forward", (8, 64, 28, 28), (64, 64, 3, 3), padding=1)
    first = plans.workspace(asked)
    monkeypatch.setattr(plans, "_query", lambda *_: pytest.fail("asked again"))
    assert plans.workspace(asked) is first


def test_what_no_card_holds_is_not_asked() -> None:
    answer = ConvPlans(get_gpu("a100")).workspace(
        problem("forward", (2**30, 2**12, 8, 8), (4, 2**12, 3, 3))
    )
    assert answer.bytes is None
    assert answer.high > 2**40


def test_no_elements_need_no_library() -> None:
    answer = ConvPlans(get_gpu("a100")).workspace(problem("forward", (0, 3, 8, 8), (4, 3, 3, 3)))
    assert (answer.bytes, answer.low, answer.high) == (0, 0, 0)


def test_without_a_library_the_model_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cudnn_library, "load", lambda: (None, "no cuDNN 9 library: gone"))
    plans = ConvPlans(get_gpu("a100"))
    asked = problem("forward", (2, 3, 8, 8), (4, 3, 3, 3))
    answer = plans.workspace(asked)
    assert not plans.available
    assert (answer.bytes, answer.source, answer.reason) == (None, "model", plans.reason)
    # 2*3*8*8 input, 2*4*6*6 output, twice 4*3*3*3 weight, 4 bytes each
    assert (answer.low, answer.high) == (0, 4 * (384 + 288 + 2 * 108))
    assert plans.interval(asked) == (answer.low, answer.high)


def test_a_missing_or_old_library_is_a_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nonsense = tmp_path / "libcudnn.so.9"
    nonsense.write_bytes(b"not a library")
    for paths in ([], [str(tmp_path / "absent.so")], [str(nonsense)]):
        monkeypatch.setattr(cudnn_library, "_paths", lambda paths=paths: paths)
        library, reason = cudnn_library.load.__wrapped__()
        assert library is None
        assert reason


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "sideways"},
        {"dtype": "int8"},
        {"output": (2, 4, 7, 6)},
        {"weight": (4, 2, 3, 3)},
        {"stride": (0, 1)},
        {"padding": (-1, 0)},
        {"stride": (1,)},
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object]) -> None:
    given = {
        "kind": "forward", "dtype": "float32", "input": (2, 3, 8, 8), "weight": (4, 3, 3, 3),
        "output": (2, 4, 6, 6), "stride": (1, 1), "padding": (0, 0), "dilation": (1, 1),
    }  # fmt: skip
    with pytest.raises(InputError, match="convolution"):
        describe_conv(**(given | change))


@needs_cudnn
def test_the_numbers_are_those_of_the_installed_header() -> None:
    spec = importlib.util.find_spec("nvidia.cudnn")
    header = spec and Path(next(iter(spec.submodule_search_locations)), "include/cudnn_graph.h")
    if not header or not header.is_file():
        pytest.skip("cuDNN's headers are not installed")
    found = dict(re.findall(r"\b(CUDNN_\w+)\s*=\s*(\d+)", header.read_text()))
    named = (
        (cudnn_enums.DescriptorType, "CUDNN_BACKEND_{}_DESCRIPTOR"),
        (cudnn_enums.AttributeName, "CUDNN_ATTR_{}"),
        (cudnn_enums.AttributeType, "CUDNN_TYPE_{}"),
        (cudnn_enums.NumericalNote, "CUDNN_NUMERICAL_NOTE_{}"),
        (cudnn_enums.HeuristicMode, "CUDNN_HEUR_MODE_{}"),
        (cudnn_enums.DataType, "CUDNN_DATA_{}"),
    )
    for enumeration, pattern in named:
        for member in enumeration:
            assert found[pattern.format(member.name)] == str(int(member)), member
    assert found["CUDNN_CROSS_CORRELATION"] == str(cudnn_enums.CROSS_CORRELATION)


@needs_cudnn
def test_every_descriptor_is_destroyed(monkeypatch: pytest.MonkeyPatch) -> None:
    alive = [0]
    make, destroy = (
        cudnn_library.BackendDescriptor.__init__,
        cudnn_library.BackendDescriptor.destroy,
    )

    def count_made(self, *args) -> None:
        make(self, *args)
        alive[0] += 1

    def count_gone(self) -> None:
        alive[0] -= bool(self.pointer)
        destroy(self)

    monkeypatch.setattr(cudnn_library.BackendDescriptor, "__init__", count_made)
    monkeypatch.setattr(cudnn_library.BackendDescriptor, "destroy", count_gone)
    monkeypatch.setattr(cudnn_process, "_started", lambda _: None)  # here is where they are counted
    plans = ConvPlans(get_gpu("t4"))
    plans.workspace(problem("forward", (8, 64, 28, 28), (64, 64, 3, 3), padding=1))
    # no bfloat16 on a T4: an answer without a plan must give all back as well
    none = problem("forward", (8, 64, 28, 28), (64, 64, 3, 3), padding=1, dtype="bfloat16")
    assert plans.workspace(none).bytes is None
    assert alive == [0]


HAMMER = """
import random, resource, sys
from nincost._devices.libraries.conv_descriptor import CONV_KINDS, describe_conv, plain_output
from nincost._devices.libraries.cudnn_plans import ConvPlans
from nincost._devices.cards import GPUS
rng = random.Random(int(sys.argv[1]))
plans = {name: ConvPlans(card) for name, card in GPUS.items()}
def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
def ask():
    dims = rng.choice([2, 2, 3])
    groups = rng.choice([1, 1, 1, 2, 7])
    cin, cout = groups * rng.choice([1, 3, 17, 64, 512]), groups * rng.choice([1, 10, 33, 256])
    k = tuple(rng.choice([1, 2, 3, 5, 11]) for _ in range(dims))
    how = {"stride": tuple(rng.choice([1, 2, 9]) for _ in range(dims)),
           "padding": tuple(rng.choice([0, 1, 4]) for _ in range(dims)),
           "dilation": tuple(rng.choice([1, 1, 3]) for _ in range(dims))}
    x = (rng.choice([1, 3, 64, 4096]), cin, *(rng.choice([1, 5, 13, 64, 513]) for _ in range(dims)))
    w = (cout, cin // groups, *k)
    y = plain_output(x, w, **how)
    if min(y) < 1:
        return
    problem = describe_conv(rng.choice(CONV_KINDS), rng.choice(["float32", "float16", "bfloat16",
        "float64"]), x, w, y, channels_last=rng.random() < .5, **how)
    one = plans[rng.choice(list(plans))]
    one.workspace(problem)
    one._known.clear()
for _ in range(int(sys.argv[2])): ask()
first = rss()
for _ in range(int(sys.argv[2])): ask()
print((rss() - first) // 2**20)
"""


def hammer(seed: int, times: int) -> int:
    root = Path(__file__).resolve().parents[3]
    ended = subprocess.run(
        [sys.executable, "-c", HAMMER, str(seed), str(times)],
        capture_output=True, text=True, cwd=root, timeout=600, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-2000:]
    return int(ended.stdout)


@needs_cudnn
def test_odd_problems_do_not_harm_the_process() -> None:
    assert hammer(1, 150) < 64  # MiB: cuDNN fills its own tables as it goes


@needs_cudnn
@pytest.mark.slow
def test_ten_thousand_queries_do_not_grow() -> None:
    assert hammer(2, 5000) < 64


@needs_cudnn
def test_it_works_beside_a_torch_that_is_loaded() -> None:
    assert torch.zeros(1).sum() == 0  # torch is in this process; its cuDNN must be the same one
    if torch.backends.cudnn.is_available():
        assert torch.backends.cudnn.version() == LIBRARY.version


PRELOADED = """
import nincost, nincost._cli.memory, nincost._cli.fit
from nincost._devices.libraries.cudnn_plans import preload
for name in ("__version__", "profile", "memory"):
    getattr(nincost, name)
    print(preload.cache_info().currsize)
"""


def test_cudnn_is_preloaded_for_a_prediction_and_never_by_an_import() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PRELOADED], capture_output=True, text=True, timeout=120, check=True,
        cwd=Path(__file__).resolve().parents[3],
    )  # fmt: skip
    assert ended.stdout.split() == ["0", "0", "1"]
