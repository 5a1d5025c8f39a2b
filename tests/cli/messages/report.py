"""`nincost report`, and the pages of `compare`."""

import sys
from pathlib import Path
from unittest import mock

import torch
from support.messages import Case, PythonCase

import nincost
from nincost._render.page import shell, vega
from nincost._report.batches import batch_curve
from nincost._step.request import make_request


def missing(name):
    return lambda: mock.patch.dict(sys.modules, {name: None})


def without_jinja(_: Path) -> None:
    shell._environment.cache_clear()
    shell._environment()


def other_vega(_: Path) -> None:
    """A vl-convert that bundles other versions than those that nincost asks for."""
    vega.library.cache_clear()
    try:
        vega.library()
    finally:
        vega.library.cache_clear()


def same_at_every_batch(_: Path) -> None:
    """`report` says this in its `missing`; the curve alone raises it."""
    net = torch.nn.Linear(1, 1)
    batch_curve(make_request(net, "rtx4090", input="1", loss="sum"), {})


CASES = [
    Case("report --output x.htm", ["'x.htm'", ".html"]),
    Case("report two-1x2", ["unknown model 'two-1x2'", "two-1x1"]),
    Case(
        "compare two-1x1 one-1x1 --no-memory --format html",
        ["a page needs vl_convert", "pip install jinja2 'vl-convert-python<2'"],
        around=missing("vl_convert"),
    ),
    PythonCase(
        "no templates", without_jinja, ["a page needs jinja2", "pip install jinja2"],
        around=missing("jinja2"),
    ),
    PythonCase(
        "another Vega", other_vega, ["vega-interpreter", "fresh environment"],
        around=lambda: mock.patch("vl_convert.javascript_bundle", side_effect=ValueError),
    ),
    PythonCase(
        "a curve of tensors",
        lambda _: batch_curve(
            make_request("zero-1x1", "rtx4090", input=(torch.zeros(1, 1, 224, 224),)), {}
        ),
        ["example tensors have a batch of their own"],
    ),
    PythonCase("no curve", same_at_every_batch, ["it is the same from batch 1 to 1,024"]),
    PythonCase("report's model", lambda _: nincost.report(3), ["model is 'int'", "nn.Module"]),
]  # fmt: skip
