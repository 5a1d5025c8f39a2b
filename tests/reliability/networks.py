"""Random networks as plain data, and as the small program that makes the same one again.

`random_network(random.Random(1234))` gives the same network each time; so does hypothesis, through
`st.randoms(use_true_random=False)`, which makes a failing one smaller too.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from reliability import pieces_image, pieces_sequence  # noqa: F401  (register)
from reliability.pieces import FUNCTIONS, LAYERS, Registered, flag, seldom

_LARGEST = 20_000  # elements of a tensor between two steps

PRELUDE = """
import dataclasses
import torch
import torch.nn.utils.parametrizations as P
from torch import nn
from torch.nn import functional as F

class First(nn.Module):  # of what the inner module gives
    def __init__(self, inner):
        super().__init__()
        self.inner = inner
    def forward(self, x):
        out = self.inner(x)
        return out[0] if isinstance(out, tuple) else out

class Twice(nn.Module):  # gives one tensor twice
    def __init__(self, inner):
        super().__init__()
        self.inner = inner
    def forward(self, x):
        return self.inner(x, x)

class Attend(nn.Module):
    def __init__(self, inner, weights):
        super().__init__()
        self.inner, self.weights = inner, weights
    def forward(self, x):
        return self.inner(x, x, x, need_weights=self.weights)[0]

class Cross(nn.Module):
    def __init__(self, width, heads, key, value, weights, length):
        super().__init__()
        self.inner = nn.MultiheadAttention(width, heads, kdim=key, vdim=value, batch_first=True)
        self.key, self.value = nn.Linear(width, key), nn.Linear(width, value)
        self.weights, self.length = weights, length
    def forward(self, x):
        y = x[:, : self.length]
        return self.inner(x, self.key(y), value=self.value(y), need_weights=self.weights)[0]

class Scale(nn.Module):  # a leaf with a parameter of its own
    def __init__(self, size):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(size))
    def forward(self, x):
        return x * self.scale

class Mix(nn.Module):  # a leaf that multiplies matrices
    def __init__(self, size, out):
        super().__init__()
        self.w = nn.Parameter(torch.randn(size, out))
        self.register_buffer("shift", torch.zeros(out))
    def forward(self, x):
        return torch.relu(x @ self.w + self.shift)

class Gate(nn.Module):  # a parameter beside a module
    def __init__(self, size, inner):
        super().__init__()
        self.gate, self.inner = nn.Parameter(torch.zeros(size)), inner
    def forward(self, x):
        return self.inner(x) * torch.sigmoid(self.gate)

class Residual(nn.Module):
    def __init__(self, *parts):
        super().__init__()
        self.parts = nn.ModuleList(parts)
    def forward(self, x):
        for part in self.parts:
            x = x + part(x)
        return x

class Branches(nn.Module):
    def __init__(self, **parts):
        super().__init__()
        self.parts = nn.ModuleDict(parts)
    def forward(self, x):
        return {name: part(x) for name, part in self.parts.items()}

@dataclasses.dataclass
class Answer:
    logits: torch.Tensor
    more: tuple = ()
"""


@dataclass(frozen=True)
class Argument:
    """An argument of `forward`: whole numbers where `tokens`, else of the network's own type."""

    name: str
    shape: tuple[int, ...]
    tokens: bool = False


@dataclass(frozen=True)
class Step:
    """Lines of `__init__` and of `forward`, and what they are called in a table."""

    kinds: tuple[str, ...]
    setup: tuple[str, ...]
    forward: tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """A network: what it takes, its steps, what it gives.

    `passing` says how the arguments go in: `args`, `kwargs`, or one `dict`.
    """

    arguments: tuple[Argument, ...]
    steps: tuple[Step, ...]
    result: str = "x"
    dtype: str = "float32"
    mode: str = "eval"
    passing: str = "args"

    @property
    def source(self) -> str:
        """The program text of `class Net`."""
        setup = [line for step in self.steps for line in step.setup]
        body = [line for step in self.steps for line in step.forward]
        names = ", ".join(argument.name for argument in self.arguments)
        if self.passing == "dict":
            body = [f"{names}, = [batch[k] for k in {[a.name for a in self.arguments]!r}]", *body]
            names = "batch"
        lines = ["class Net(nn.Module):", "    def __init__(self):", "        super().__init__()"]
        lines += [f"        {line}" for line in setup]
        lines += [f"    def forward(self, {names}):"]
        lines += [f"        {line}" for line in (*body, f"return {self.result}")]
        return PRELUDE + "\n" + "\n".join(lines) + "\n"

    @property
    def program(self) -> str:
        """`source`, and lines that profile it: what to run to see a failure again."""
        return (
            f"{self.source}\nnet = Net().to(torch.{self.dtype})\n"
            f"arguments = {self.arguments!r}  # {self.passing}, {self.mode} mode\n"
        )

    @property
    def kinds(self) -> Counter[str]:
        kinds = Counter(kind for step in self.steps for kind in step.kinds)
        kinds[f"dtype {self.dtype}"] += 1
        kinds[f"mode {self.mode}"] += 1
        kinds[f"arguments as {self.passing}"] += 1
        return kinds

    def build(self) -> nn.Module:
        """The module, with weights drawn from seed 0."""
        namespace: dict[str, Any] = {"__name__": "fuzzed"}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            exec(_compiled(self.source), namespace)
            net: nn.Module = namespace["Net"]().to(getattr(torch, self.dtype))
        return net.train(self.mode == "train")

    def inputs(self) -> Any:
        """What `nincost.profile(net, input=...)` takes: a tuple of arguments, or a dict of them."""
        made = {argument.name: _tensor(argument, self.dtype) for argument in self.arguments}
        if self.passing == "kwargs":
            return made
        return (made,) if self.passing == "dict" else tuple(made.values())

    def without(self, position: int) -> Network:
        return replace(self, steps=self.steps[:position] + self.steps[position + 1 :])


def call(net: nn.Module, inputs: Any) -> Any:
    """Run `net` on what `Network.inputs` gave."""
    return net(**inputs) if isinstance(inputs, dict) else net(*inputs)


def _compiled(source: str) -> Any:
    return compile(source, "<fuzzed>", "exec", dont_inherit=True)


def _tensor(argument: Argument, dtype: str) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    if argument.tokens:
        return torch.randint(0, 10, argument.shape, generator=generator)
    return torch.randn(argument.shape, generator=generator).to(getattr(torch, dtype))


_NAMESPACE: dict[str, Any] = {"__name__": "fuzzed"}
exec(_compiled(PRELUDE), _NAMESPACE)


@dataclass
class _Builder:
    """A network while it is put together: each step is tried on real tensors at once."""

    rng: Random
    dtype: torch.dtype
    training: bool
    allowed: Callable[[str], bool]
    values: dict[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    reusable: list[tuple[str, str]] = field(default_factory=list)  # name, expression

    @property
    def x(self) -> Tensor:
        found: Tensor = self.values["x"]
        return found

    def pick(self, table: list[Registered]) -> Registered | None:
        fits = [
            piece for piece in table if self.x.dim() in piece.ranks and self.allowed(piece.kind)
        ]
        if not fits:
            return None
        return self.rng.choice([piece for piece in fits for _ in range(piece.weight)])

    def try_step(
        self, kinds: tuple[str, ...], setup: tuple[str, ...], lines: tuple[str, ...]
    ) -> bool:
        """Take the step if it runs on the CPU and gives an `x` that can go on."""
        number = str(len(self.steps))
        setup = tuple(line.replace("{n}", number) for line in setup)
        lines = tuple(line.replace("{n}", number) for line in lines)
        scope = {**_NAMESPACE, **self.values}
        try:
            with torch.no_grad():
                exec("\n".join(setup), scope)
                scope["self"].to(self.dtype).train(self.training)
                exec("\n".join(lines), scope)
        except Exception:
            return False
        x = scope.get("x")
        fits = (
            isinstance(x, Tensor)
            and x.dtype is self.dtype
            and 2 <= x.dim() <= 5
            and 0 < x.numel() <= _LARGEST
        )
        if fits:
            self.values = {k: v for k, v in scope.items() if k not in _NAMESPACE or k == "x"}
            self.steps.append(Step(kinds, setup, lines))
        return fits

    def expression(self, table: list[Registered]) -> tuple[str, str] | None:
        """A layer that may fit the tensor that has arrived: kind and text."""
        piece = self.pick(table)
        text = piece.run(self.rng, self.x) if piece else None
        return (piece.kind, text) if piece and isinstance(text, str) else None

    def add(self) -> None:
        """One more step, of a random form."""
        form = self.rng.choice(_FORMS)
        form(self)


def _one(b: _Builder) -> None:
    found = b.expression(LAYERS)
    if found and b.try_step((found[0],), (f"self.m{{n}} = {found[1]}",), ("x = self.m{n}(x)",)):
        b.reusable.append((f"self.m{len(b.steps) - 1}", found[1]))


def _function(b: _Builder) -> None:
    piece = b.pick(FUNCTIONS)
    lines = piece.run(b.rng, b.x) if piece else None
    if piece and isinstance(lines, tuple):
        b.try_step((piece.kind,), *lines)


def _sequential(b: _Builder) -> None:
    before, kinds, parts = b.values, [], []
    length = len(b.steps)
    for _ in range(b.rng.randint(2, 3)):
        found = b.expression(LAYERS)
        if found and b.try_step((), (f"self.trial = {found[1]}",), ("x = self.trial(x)",)):
            kinds.append(found[0])
            parts.append(found[1])
    del b.steps[length:]
    b.values = before
    if len(parts) > 1:
        text = f"nn.Sequential({', '.join(parts)})"
        b.try_step((*kinds, "form Sequential"), (f"self.m{{n}} = {text}",), ("x = self.m{n}(x)",))


def _residual(b: _Builder) -> None:
    found = b.expression(LAYERS)
    if found:
        line = b.rng.choice(("x = x + self.m{n}(x)", "x = self.m{n}(x).add_(x)"))
        b.try_step((found[0], "form residual"), (f"self.m{{n}} = {found[1]}",), (line,))


def _branches(b: _Builder) -> None:
    first, second = b.expression(LAYERS), b.expression(LAYERS)
    if first and second:
        setup = (f"self.m{{n}} = Branches(left={first[1]}, right={second[1]})",)
        joined = b.rng.choice(
            ("x = torch.cat(list(y{n}.values()), 1)", "x = y{n}['left'] * y{n}['right']")
        )
        kinds = (first[0], second[0], "form dict of branches")
        b.try_step(kinds, setup, ("y{n} = self.m{n}(x)", joined))


def _again(b: _Builder) -> None:
    """A module that is there already, called once more or given its weights to another."""
    if not b.reusable:
        return
    name, text = b.rng.choice(b.reusable)
    if flag(b.rng):
        b.try_step(("form module reused",), (), (f"x = {name}(x)",))
    elif seldom(b.rng):
        b.try_step(("form same module twice",), (f"self.m{{n}} = {name}",), ("x = self.m{n}(x)",))
    else:
        setup = (f"self.m{{n}} = {text}", f"self.m{{n}}.weight = {name}.weight")
        b.try_step(("form tied weight",), setup, ("x = self.m{n}(x)",))


def _frozen(b: _Builder) -> None:
    found = b.expression(LAYERS)
    if found:
        setup = (f"self.m{{n}} = {found[1]}.requires_grad_(False)",)
        b.try_step((found[0], "form frozen"), setup, ("x = self.m{n}(x)",))


def _in_a_list(b: _Builder) -> None:
    found = b.expression(LAYERS)
    if found:
        setup = (f"self.m{{n}} = nn.ModuleList([{found[1]} for _ in range(2)])",)
        lines = ("for layer in self.m{n}: x = layer(x)",)
        b.try_step((found[0], "form ModuleList"), setup, lines)


_FORMS: tuple[Callable[[_Builder], None], ...] = (
    _one, _one, _one, _one, _function, _function, _function, _sequential, _residual, _branches,
    _again, _again, _frozen, _in_a_list,
)  # fmt: skip

#: What a network begins with: its first argument's shape, without the batch.
_SHAPES = ((3, 8, 8), (4, 7, 6), (4, 9), (6, 8), (2, 4, 4, 5), (12,), (1, 10, 10), (8, 4))

_DTYPES = ("float32", "float32", "float32", "float32", "bfloat16", "float16", "float64")


def random_network(
    rng: Random, *, most: int = 8, allowed: Callable[[str], bool] = lambda _kind: True
) -> Network:
    """A random network of up to `most` steps that runs on the CPU.

    `allowed` says which kinds of pieces it may have.
    """
    dtype = rng.choice(_DTYPES)
    mode = rng.choice(("eval", "train"))
    batch = rng.choice((2, 1, 3))
    arguments = [Argument("x", (batch, *rng.choice(_SHAPES)))]
    if seldom(rng) and allowed("lookup"):
        arguments = [Argument("x", (batch, rng.choice((5, 7))), tokens=True)]
    if seldom(rng):
        arguments.append(Argument("y", arguments[0].shape, tokens=seldom(rng)))
    made = {argument.name: _tensor(argument, dtype) for argument in arguments}
    builder = _Builder(rng, getattr(torch, dtype), mode == "train", allowed)
    builder.values = {"self": nn.Module(), **made}
    with torch.random.fork_rng(devices=[]), contextlib.ExitStack() as stack:
        stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
        torch.manual_seed(0)
        if arguments[0].tokens:
            builder.try_step(
                ("embedding",), (f"self.m{{n}} = nn.Embedding(10, {rng.choice((4, 8))})",),
                ("x = self.m{n}(x)",),
            )  # fmt: skip
        if len(arguments) == 2:
            builder.try_step(("form two inputs",), (), (rng.choice(("x = x + y", "x = y * x")),))
        for _ in range(rng.randint(1, most)):
            builder.add()
    result = rng.choice(
        ("x", "x", "x", "(x, x.sum())", "{'out': x, 'all': [x, x * 2]}", "Answer(x, (x + 1,))")
    )
    return Network(
        tuple(arguments), tuple(builder.steps), result, dtype, mode,
        rng.choice(("args", "args", "kwargs", "dict")),
    )  # fmt: skip
