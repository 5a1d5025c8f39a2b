"""How well `nincost time` predicts measured kernels and steps that no parameter was fitted to.

    python benchmarks/step_time.py --measured FOLDER --cache FOLDER --report reports/step_time.md

`--measured` and `--cache` as in `fit_time.py`, which records and fits. Tested are: the half of
timm's models, and of those on the H100, that were not fitted to; kernels and whole transformers of
each card of NeuSight's, by parameters fitted again without that card. Beside them, on the same
rows, a plain roofline: the slower of FLOPs over peak and bytes over bandwidth of each kernel.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fit_time import (
    KernelSet,
    NetworkSet,
    StepSet,
    fit_cores,
    hidden,
    kernel_set,
    read_values,
)
from step_time_cases.cards import CARDS, card_of
from step_time_cases.h100 import read_steps
from step_time_cases.kernels import launches, read_kernels, sample
from step_time_cases.latency import LatencyRow, read_latency
from step_time_cases.libraries import of_then
from step_time_cases.search import Values
from step_time_cases.timm_rows import GPU as RTX3090
from step_time_cases.timm_rows import LAYOUTS, read_rows

from nincost._devices.cards import Gpu
from nincost._time.kernels import WorkTable, kernel_times
from nincost._time.parameters import Parameters
from nincost._time.peaks import peak_of
from nincost._time.queue import run_queue
from nincost._time.work.kinds import Work

#: Rows of an operator and card that are tested on; drawn with another seed than those fitted to.
EACH = 300
#: Pairs of models that differ by more than this must come in the right order.
APART = 1.2
#: Cards on which the textbook's readers may have trained.
TEXTBOOK_CARDS = ("t4", "rtx2060", "rtx2080ti", "v100", "rtx3090", "a100")

Row = tuple[str, ...]


def roofline(works: Iterable[Work], gpu: Gpu) -> Any:
    """Seconds of each kernel at the peaks of the data sheet."""
    return np.array([
        max(work.flops / peak_of(gpu, work.precision).flops, work.moved / gpu.bandwidth)
        for work in works
    ])  # fmt: skip


def off(predicted: Any, measured: Any) -> Any:
    """Each row's error, a share of what was measured."""
    return np.abs(np.asarray(predicted) / np.asarray(measured) - 1)


def figures(errors: Any) -> Row:
    """Rows, median, mean, ninetieth percentile."""
    return (
        str(len(errors)), f"{np.median(errors):.1%}", f"{np.mean(errors):.1%}",
        f"{np.quantile(errors, 0.9):.1%}",
    )  # fmt: skip


def timm(values: Values, cache: Path) -> tuple[list[Row], list[Row], str, list[Row]]:
    """Errors by split and layout, the pairs in order, and the worst rows."""
    parameters = Parameters.from_dict(values)
    rows = read_rows(cache)
    table, beside, worst = [], [], []
    order = ""
    for title, chosen in (
        ("fitted to", [row for row in rows if row.for_fit]),
        ("not fitted to", [row for row in rows if not row.for_fit]),
        *((f"not fitted to, {layout}",
           [row for row in rows if not row.for_fit and row.layout == layout])
          for layout in LAYOUTS),
    ):  # fmt: skip
        networks = NetworkSet(chosen)
        predicted = networks.predicted(parameters)
        table.append((title, *figures(off(predicted, networks.seconds))))
        plain = [
            sum(roofline(row.works, RTX3090) * np.array(list(row.works.values()))) for row in chosen
        ]
        beside.append((title, *figures(off(plain, networks.seconds))))
        if title == "not fitted to":
            order = ordered(chosen, predicted)
            errors = predicted / networks.seconds - 1
            ranked = sorted(range(len(chosen)), key=lambda at: -abs(errors[at]))[:12]
            worst = [
                (chosen[at].model, chosen[at].layout, f"{networks.seconds[at] * 1e3:,.0f} ms",
                 f"{predicted[at] * 1e3:,.0f} ms", f"{errors[at]:+.0%}")
                for at in ranked
            ]  # fmt: skip
    return table, beside, order, worst


def ordered(rows: Sequence[Any], predicted: Any) -> str:
    """Of pairs of models in one layout whose examples a second differ, how many are in order."""
    right = count = 0
    for first, second in itertools.combinations(range(len(rows)), 2):
        if rows[first].layout != rows[second].layout:
            continue
        measured = [rows[at].seconds / rows[at].batch for at in (first, second)]
        if max(measured) / min(measured) <= APART:
            continue
        found = [predicted[at] / rows[at].batch for at in (first, second)]
        count += 1
        right += (measured[0] < measured[1]) == (found[0] < found[1])
    return f"{right:,} of {count:,} pairs ({right / count:.1%})"


def h100(values: Values, cache: Path) -> tuple[list[Row], list[Row]]:
    """Errors of steps on the H100 by split and setting; the steps that were not fitted to."""
    parameters = Parameters.from_dict(values)
    steps = read_steps(cache)
    table: list[Row] = []
    each: list[Row] = []
    for title, chosen in (
        ("fitted to", [step for step in steps if step.for_fit]),
        ("not fitted to", [step for step in steps if not step.for_fit]),
        ("not fitted to, larger batch",
         [step for step in steps if not step.for_fit and step.batch > 8]),
        ("not fitted to, batch 8 or less",
         [step for step in steps if not step.for_fit and step.batch <= 8]),
    ):  # fmt: skip
        measured = StepSet(chosen)
        queues = [measured.queue(at, parameters) for at in range(len(chosen))]
        predicted = np.array([queue.seconds for queue in queues])
        table.append((title, *figures(off(predicted, measured.seconds))))
        if title == "not fitted to":
            for step, queue in zip(chosen, queues, strict=True):
                each.append((
                    step.model, str(step.batch), step.setting, f"{step.seconds * 1e3:.2f} ms",
                    f"{queue.seconds * 1e3:.2f} ms", f"{queue.seconds / step.seconds - 1:+.0%}",
                    f"{step.host_seconds * 1e3:.1f} ms", f"{queue.host_seconds * 1e3:.1f} ms",
                ))  # fmt: skip
    return table, each


def left_out(
    values: Values, measured: Path, cache: Path, sweeps: int
) -> tuple[list[Row], list[Row], list[Row]]:
    """Kernels and whole transformers of each card by parameters fitted without it."""
    every = read_kernels(measured / "kernels")
    beside = launches(every)
    rows = sample(every, EACH, seed=1)
    tested, elsewhere = KernelSet(rows, beside), KernelSet(rows, _others(beside))
    fitting = kernel_set(measured)
    networks = list(read_latency(measured, cache))
    kernels: list[Row] = []
    wholes: list[Row] = []
    each: list[Row] = []
    for card in CARDS:
        fitted = of_then(fit_cores(values, fitting, without=card, sweeps=sweeps))
        keys = [key for key in tested.tables if key[1] == card]
        errors = {key[0]: off(tested.predicted(key, fitted), tested.seconds[key]) for key in keys}
        if errors:
            plain = np.concatenate([
                off(_plain(key, rows, beside), tested.seconds[key]) for key in keys
            ])  # fmt: skip
            other = np.concatenate([
                off(elsewhere.predicted(key, fitted), tested.seconds[key]) for key in keys
            ])  # fmt: skip
            groups = [("element-wise", [e for n, e in errors.items()
                       if n not in ("softmax", "ln", "linear", "bmm", "conv")])]  # fmt: skip
            groups += [(n, [errors[n]]) for n in ("softmax", "ln", "linear", "bmm", "conv")
                       if n in errors]  # fmt: skip
            cells = {n: f"{np.median(np.concatenate(e)):.1%}" for n, e in groups if e}
            names = ("element-wise", "softmax", "ln", "linear", "bmm", "conv")
            whole = np.concatenate(list(errors.values()))
            kernels.append((
                card, *(cells.get(name, "-") for name in names), f"{np.median(whole):.1%}",
                f"{np.median(plain):.1%}", f"{np.median(other):.1%}",
            ))  # fmt: skip
        chosen = [row for row in networks if card_of(row.card).name == card_of(card).name]
        for row in chosen:
            found, plain_seconds = _whole(row, fitted), _whole_roofline(row)
            each.append((
                row.card.replace("_", " "), row.case, f"{row.seconds * 1e3:,.0f} ms",
                f"{found * 1e3:,.0f} ms", f"{found / row.seconds - 1:+.1%}",
                f"{plain_seconds / row.seconds - 1:+.1%}",
            ))  # fmt: skip
    for title, column in (("nincost, card left out", 4), ("roofline", 5)):
        errors_ = np.array([abs(float(row[column].rstrip("%"))) / 100 for row in each])
        wholes.append((title, *figures(errors_), f"{errors_.max():.1%}"))
    return kernels, wholes, each


def _others(beside: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """What a launch takes by the median of the other cards: it is the host's, which varies."""
    return {
        (name, card): float(np.median([
            seconds for (n, c), seconds in beside.items() if n == name and c != card
        ]))
        for name, card in beside
    }  # fmt: skip


def _plain(key: tuple[str, str], rows: Sequence[Any], beside: dict[tuple[str, str], float]) -> Any:
    works = [row.work for row in rows if (row.operator, row.card) == key]
    times = roofline(works, card_of(key[1]))
    return beside[key] + np.maximum(times - hidden(beside, key[1]), 0)


def _whole(row: LatencyRow, parameters: Parameters) -> float:
    operators = row.operators
    each = kernel_times(WorkTable.of(operators.works), row.gpu, parameters).seconds
    on_card = [float(sum(each[work] for work in one.works)) for one in operators.launched]
    kernels = [sum(operators.works[work].launches for work in one.works)
               for one in operators.launched]  # fmt: skip
    return run_queue(operators.launched, on_card, kernels, parameters.host).seconds


def _whole_roofline(row: LatencyRow) -> float:
    each = roofline(row.operators.works, row.gpu)
    return float(sum(each[work] for one in row.operators.launched for work in one.works))


def speed() -> list[Row]:
    """What a prediction takes beyond the recording, in milliseconds."""
    import nincost
    from nincost._time.describe import describe
    from nincost._time.predict import time_recording

    found = []
    for model, options in (
        ("torchvision:resnet50", {"batch_size": 64}),
        ("torchvision:vit_l_16", {"batch_size": 64, "amp": "bfloat16"}),
    ):  # fmt: skip
        timing = nincost.time(model, gpu="h100", **options).timing  # type: ignore[arg-type]
        assert timing is not None
        took = []
        for _ in range(5):
            began = time.process_time()
            describe(time_recording(timing.request, timing.recording))
            took.append(time.process_time() - began)
        found.append(
            (model, f"{len(timing.timed.operators.launched):,}", f"{1e3 * np.median(took):.0f} ms")
        )
    return found


def textbook() -> list[Row]:
    """Examples a second of NiN with two 1x1 convolutions and with one, batch 128, float32, SGD."""
    import nincost

    found = []
    for card in TEXTBOOK_CARDS:
        two, one = (
            nincost.time(model, batch_size=128, gpu=card).totals for model in ("two-1x1", "one-1x1")
        )
        ratio = two.examples_per_second / one.examples_per_second
        found.append((
            card, f"{one.examples_per_second:,.0f}", f"{two.examples_per_second:,.0f}",
            f"{ratio:.2f}", one.bound_by, two.bound_by,
        ))  # fmt: skip
    return found


def table(headings: Sequence[str], rows: Iterable[Row]) -> list[str]:
    """A Markdown table."""
    return [
        f"| {' | '.join(headings)} |", f"|{' --- |' * len(headings)}",
        *(f"| {' | '.join(row)} |" for row in rows), "",
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--measured", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--sweeps", type=int, default=6)
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    values = read_values()
    split = ("rows", "median", "mean", "90%")
    by_layout, plain, order, worst = timm(values, options.cache)
    of_h100, steps = h100(values, options.cache)
    kernels, wholes, each = left_out(values, options.measured, options.cache, options.sweeps)
    lines = [
        "# Predicted and measured times", "",
        f"Made by `benchmarks/step_time.py` on {date.today()}. Errors are shares of what was "
        "measured. What was fitted, and to what, is in `nincost/_time/parameters.toml`; how far "
        "the rows were held out, in docs/time.md.", "",
        "## timm's training steps on an RTX 3090 (AMP float16)", "",
        *table(("models", *split), by_layout),
        "A plain roofline on the same rows:", "", *table(("models", *split), plain),
        f"In the right order, of models that differ by more than {APART - 1:.0%} in examples per "
        f"second and were not fitted to: {order}.", "",
        "The worst of those that were not fitted to:", "",
        *table(("model", "layout", "measured", "predicted", "error"), worst),
        "## Steps on an H100 (float32 and bfloat16 autocast, contiguous)", "",
        *table(("models", *split), of_h100),
        "All that were not fitted to:", "",
        *table(("model", "batch", "type", "measured", "predicted", "error", "host measured",
                "host predicted"), steps),
        "## Kernels of a card that was left out of the fit (float32, medians)", "",
        "What the host takes to launch a row's kernel is read off the smallest rows of the same "
        "machine, since the card has no part in it; in the last column it is the median of the "
        "other machines'.", "",
        *table(("card", "element-wise", "softmax", "layer norm", "linear", "bmm", "convolution",
                "all rows", "roofline, all rows", "all rows, another host"), kernels),
        "## Whole transformers, their card left out of the fit (float32, forward)", "",
        *table(("", *split, "worst"), wholes),
        *table(("card", "case", "measured", "predicted", "error", "roofline"), each),
        "## The textbook's two variants", "",
        "A reader measured 1759.6 examples per second with one 1x1 convolution and 1287.0 with "
        "two, a ratio of 0.73, on a card that is not named, data loading included. On the H100 the "
        "steps give 0.82 in float32 at batch 128. Predicted:", "",
        *table(("card", "one-1x1", "two-1x1", "ratio", "one waits for", "two waits for"),
               textbook()),
        "## What a prediction takes beyond the recording", "",
        *table(("model", "operators", "processor time"), speed()),
    ]  # fmt: skip
    text = "\n".join(lines).rstrip("\n") + "\n"
    if options.report:
        options.report.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
