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


def sharded(how):
    """A model as `how(module, mesh)` leaves it, on one rank of four that are not there."""
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.testing._internal.distributed.fake_pg import FakeStore

    dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=4)
    try:
        model = nn.Sequential(nn.Linear(8, 8), nn.ReLU())
        how(model, init_device_mesh("cpu", (4,)))
        nincost.profile(model, input=IMAGE)
    finally:
        dist.destroy_process_group()


def tensor_parallel(model, mesh):
    from torch.distributed.tensor.parallel import ColwiseParallel, parallelize_module

    parallelize_module(model, mesh, {"0": ColwiseParallel()})


def fully_sharded(model, mesh):
    from torch.distributed.fsdp import fully_shard

    fully_shard(model[0], mesh=mesh)


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
        "tensor parallel", lambda _: sharded(tensor_parallel),
        ["0.weight is a DTensor", "before fully_shard", "nincost run --ranks"],
    ),
    PythonCase("FSDP", lambda _: sharded(fully_sharded), ["0 is sharded by FSDP", "--ranks N"]),
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
    PythonCase("input", lambda _: nincost.profile(NET, input=3), ["input is 3", "3x224x224"]),
    PythonCase("no tensor", lambda _: nincost.profile(NET, input=(3,)), ["holds no tensor"]),
    PythonCase(
        "two batches", lambda _: nincost.profile(NET, input=IMAGE, batch_size=2),
        ["already have their batch", "leave batch_size out"],
    ),
    PythonCase("mode", lambda _: nincost.profile(mode="test"), ["mode is 'test'", "eval"]),
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
