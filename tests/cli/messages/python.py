"""What only Python can say wrongly: the command line's types and choices rule it out there."""

import torch
from support.messages import PythonCase
from torch import nn

import nincost
from nincost._devices.target import Target
from nincost._emulator.values.kernels import parse_fraction
from nincost._memory.record import record
from nincost._result import render
from nincost._step.loss import take_loss
from nincost._step.request import make_request
from nincost._validate.results import Validation

NET = nn.Linear(4, 4)
IMAGE = torch.zeros(2, 4)
SGD = torch.optim.SGD(NET.parameters(), 0.1)


def forward_only(net, optimizer, x):
    net(x)


class FSDPModule(nn.Linear):
    """As `fully_shard` names what it makes; the real one is in tests/models/test_sharded.py."""


def on_cpu(_):
    request = make_request("two-1x1", amp="bfloat16")
    record(request.step, Target(device="cpu"))


def into_a_file(folder):
    (folder / "file").write_text("")
    Validation("A", {}, ()).save(folder / "file" / "reports")


def bytes_on_a_terminal(_):
    import sys
    from unittest import mock

    from nincost._cli.options import Output

    output = Output("png", None, False, True, False, False, None)
    with mock.patch.object(sys.stdout, "isatty", return_value=True, create=True):
        output.show(nincost.profile())


CASES = [
    PythonCase("assume", lambda _: parse_fraction("most"), ["assume is 'most'", "all, half"]),
    PythonCase("model", lambda _: nincost.profile(3), ["model is 'int'", "nn.Module"]),
    PythonCase(
        "FSDP", lambda _: nincost.profile(nn.Sequential(FSDPModule(4, 4)), input=IMAGE),
        ["0 is sharded by FSDP", "before fully_shard", "nincost run --ranks N"],
    ),
    *[
        PythonCase(f"own step: {says}", lambda _, given=given: nincost.memory(**given), [says])
        for given, says in (
            ({"step": forward_only}, "models is empty"),
            ({"step": NET, "models": [NET]}, "step is 'Linear'"),
            ({"step": forward_only, "models": [3]}, "models holds 'int'"),
            ({"step": forward_only, "models": {"net": NET}, "optimizers": [SGD]}, "in two ways"),
            ({"step": forward_only, "models": {"forward": NET}}, "cannot be called 'forward'"),
            (
                {"step": forward_only, "models": [nn.Linear(4, 4)], "optimizers": [SGD]},
                "parameters of none of the models",
            ),
            (
                {"step": forward_only, "models": [NET], "optimizers": [SGD]},
                "missing a required argument: 'x'; give what else it takes",
            ),
            (
                {"step": forward_only, "models": [NET], "optimizers": [SGD], "input": "4"},
                "never called backward",
            ),
            (
                {"step": forward_only, "models": [NET], "optimizer": "Adam", "input": "4"},
                "leave the option out",
            ),
            ({"step": forward_only, "models": [NET], "model": "one-1x1"}, "give its models"),
            ({"models": [NET]}, "give the function as step"),
            ({"step": forward_only, "models": [NET], "what_if": "one-1x1"}, "what_if is not known"),
        )
    ],
    PythonCase("arg", lambda _: nincost.profile(arg=[1]), ["arg is [1]", "expected a dict"]),
    PythonCase("arg and module", lambda _: nincost.profile(NET, arg={"a": 1}), ["leave it out"]),
    PythonCase("quantize", lambda _: nincost.memory(quantize=4), ["quantize is 4", "nf4,double"]),
    PythonCase("input", lambda _: nincost.profile(NET, input=3), ["input is 3", "3x224x224"]),
    PythonCase("no tensor", lambda _: nincost.profile(NET, input=(3,)), ["holds no tensor"]),
    PythonCase(
        "two batches", lambda _: nincost.profile(NET, input=IMAGE, batch_size=2),
        ["already have their batch", "leave batch_size out"],
    ),
    PythonCase("mode", lambda _: nincost.profile(mode="test"), ["mode is 'test'", "eval"]),
    PythonCase("topic", lambda _: nincost.explain(topic="paddin"), ["is 'paddin'", "padding"]),
    PythonCase("lang", lambda _: nincost.explain(lang="fr"), ["lang is 'fr'", "zh"]),
    PythonCase("what", lambda _: nincost.audit("1", what="x"), ["what is 'x'", "params"]),
    PythonCase("file", lambda _: nincost.audit("none.txt"), ["there is no file 'none.txt'"]),
    PythonCase(
        "no batch", lambda _: nincost.fit(NET, input=torch.tensor(1.0), gpu="1GiB"),
        ["no dimension that could be the batch", "3x224x224"],
    ),
    PythonCase(
        "loss", lambda _: nincost.memory(loss=lambda output: output),
        ["the loss function gave shape (1, 10)", "output.sum()"],
    ),
    PythonCase("loss of no kind", lambda _: nincost.memory(loss=3), ["loss is 3", "a function"]),
    PythonCase(
        "loss of text", lambda _: nincost.memory(loss=lambda output: "x"),
        ["the loss function gave <class 'str'>", "output.sum()"],
    ),
    PythonCase(
        "optimizer_arg", lambda _: nincost.memory(optimizer_arg=[1]),
        ["optimizer_arg is [1]", "{'momentum': 0.9}"],
    ),
    PythonCase(
        "switch", lambda _: nincost.memory(channels_last="yes"), ["expected True or False"]
    ),
    PythonCase("text", lambda _: nincost.memory(alloc_conf=3), ["alloc_conf is 3", "a text"]),
    PythonCase(
        "no such option", lambda _: nincost.memory(optimzer="Adam"),
        ["no option 'optimzer'", "did you mean 'optimizer'"],
    ),
    PythonCase(
        "renamed", lambda _: nincost.fit(checkpoint=True),
        ["checkpoint was renamed: use activation_checkpointing=\"blocks\""],
    ),
    PythonCase("no target", lambda _: take_loss("mse", IMAGE, None), ["loss mse needs a target"]),
    PythonCase("amp on the CPU", on_cpu, ["amp is known for CUDA only", "dtype"]),
    PythonCase("reports", into_a_file, ["cannot be made", "choose another"]),
    PythonCase("no picture", lambda _: nincost.variants().plot(), ["variants has no picture"]),
    PythonCase(
        "no format", lambda _: render(nincost.profile(), "latx"),
        ["profile has no format 'latx'", "did you mean 'latex'"],
    ),
    PythonCase(
        "no option", lambda _: render(nincost.profile(), "csv", depth=1),
        ["has no option 'depth'", "choose view"],
    ),
    PythonCase("bytes", bytes_on_a_terminal, ["a terminal cannot show png", "--output FILE"]),
]  # fmt: skip
