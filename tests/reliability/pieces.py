"""What random networks are made of: the registry of pieces, and what every shape can take.

A piece is a function of a random generator and the tensor that has arrived; it gives Python text.
A *layer* gives an expression that makes a module (`nn.Conv2d(4, 8, 3)`), a *function* gives lines
of `__init__` and lines of `forward`, in which `{n}` stands for the step's number. None, or text
that fails when it is run, means that the piece does not fit here; the network goes on without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from torch import Tensor

LayerPiece = Callable[[Random, Tensor], "str | None"]
Lines = tuple[tuple[str, ...], tuple[str, ...]]
FunctionPiece = Callable[[Random, Tensor], "Lines | None"]


@dataclass(frozen=True)
class Registered:
    """A piece, the ranks of tensors that it takes, and how often it is chosen."""

    kind: str
    ranks: tuple[int, ...]
    weight: int
    run: LayerPiece | FunctionPiece


LAYERS: list[Registered] = []
FUNCTIONS: list[Registered] = []

IMAGES = (3, 4, 5)
ANY = (2, 3, 4, 5)


def layer(kind: str, *ranks: int, weight: int = 1) -> Callable[[LayerPiece], LayerPiece]:
    """Register a piece that is a module."""

    def keep(run: LayerPiece) -> LayerPiece:
        LAYERS.append(Registered(kind, ranks, weight, run))
        return run

    return keep


def function(kind: str, *ranks: int, weight: int = 1) -> Callable[[FunctionPiece], FunctionPiece]:
    """Register a piece that is lines of code."""

    def keep(run: FunctionPiece) -> FunctionPiece:
        FUNCTIONS.append(Registered(kind, ranks, weight, run))
        return run

    return keep


def divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if number % d == 0]


def flag(rng: Random) -> bool:
    return rng.choice((True, False))


def seldom(rng: Random) -> bool:
    return rng.randrange(4) == 3


@layer("activation", *ANY, weight=4)
def activation(rng: Random, x: Tensor) -> str:
    return rng.choice(
        (
            "nn.ReLU()", "nn.ReLU(inplace=True)", "nn.GELU()", "nn.SiLU()", "nn.Tanh()",
            "nn.Sigmoid()", "nn.LeakyReLU(0.1)", "nn.ELU()", "nn.Hardswish()", "nn.Softplus()",
            "nn.Softmax(-1)", "nn.LogSoftmax(1)", "nn.ReLU6(inplace=True)", "nn.Mish()",
            "nn.Softsign()", "nn.LogSigmoid()", "nn.CELU()", "nn.SELU()", "nn.Hardtanh()",
            "nn.Hardsigmoid()", "nn.Threshold(0.1, 0.0)", "nn.Hardshrink()", "nn.Softshrink()",
            "nn.Tanhshrink()", "nn.RReLU()", "nn.PReLU()", f"nn.PReLU({x.shape[1]})",
            "nn.GELU('tanh')", "nn.Softmin(-1)",
        )
    )  # fmt: skip


@layer("dropout", *ANY)
def dropout(rng: Random, x: Tensor) -> str:
    return rng.choice(
        ("nn.Dropout(0.3)", "nn.AlphaDropout(0.2)", "nn.Dropout(0.1, inplace=True)",
         "nn.Dropout(0.0)", "nn.FeatureAlphaDropout(0.2)", "nn.Identity()")
    )  # fmt: skip


@layer("linear", *ANY, weight=3)
def linear(rng: Random, x: Tensor) -> str:
    return f"nn.Linear({x.shape[-1]}, {rng.choice((4, 6, 8, 12))}, bias={flag(rng)})"


@layer("layer_norm", *ANY, weight=2)
def layer_norm(rng: Random, x: Tensor) -> str:
    kept = rng.randint(1, x.dim() - 1)
    shape = tuple(x.shape[-kept:])
    if seldom(rng):
        return f"nn.RMSNorm({shape}, elementwise_affine={flag(rng)})"
    return f"nn.LayerNorm({shape}, elementwise_affine={flag(rng)}, bias={flag(rng)})"


@layer("glu", *ANY)
def glu(rng: Random, x: Tensor) -> str | None:
    even = [dim for dim in range(1, x.dim()) if x.shape[dim] % 2 == 0]
    return f"nn.GLU({rng.choice(even)})" if even else None


@function("arithmetic", *ANY, weight=2)
def arithmetic(rng: Random, x: Tensor) -> Lines:
    return (), (
        rng.choice(
            (
                "x = x * 2 + 1", "x = x * torch.sigmoid(x)", "x = x / (1 + x.abs())",
                "x = x - x.mean(-1, keepdim=True)", "x = (x ** 2 + 1e-3).rsqrt() * x",
                "x = x.clamp(-1, 1)", "x = torch.where(x > 0, x, x * 0.1)", "x = 1 - x",
                "x = F.normalize(x, dim=-1)", "x = F.relu(x)", "x = x.relu_()",
                "x = x.clone().mul_(0.5)", "x = x + torch.ones_like(x)",
                "x = x.masked_fill(x > 1, 0.0)", "x = torch.addcmul(x, x, x, value=0.1)",
                "x = x.cumsum(1)", "x = torch.lerp(x, x.tanh(), 0.3)", "x = x.flip(1)",
                "x = x.roll(1, 1)", "x = torch.maximum(x, -x)", "x = x.softmax(1)",
                "x = x.sort(dim=-1).values", "x = x.logsumexp(1, keepdim=True) + x",
                "x = F.dropout(x, 0.2, training=self.training)", "x = x.contiguous()",
                "x = F.gelu(x).add_(x)", "x = x.std(1, keepdim=True) * x",
                "x = x + torch.zeros(x.shape[-1], dtype=x.dtype, device=x.device)",
            )
        ),
    )  # fmt: skip


@function("own_parameter", *ANY)
def own_parameter(rng: Random, x: Tensor) -> Lines:
    size = x.shape[-1]
    return (f"self.p{{n}} = nn.Parameter(torch.randn({size}))",), (
        rng.choice(("x = x * self.p{n}", "x += self.p{n}", "x = torch.sigmoid(self.p{n}) * x")),
    )


@function("own_buffer", *ANY)
def own_buffer(rng: Random, x: Tensor) -> Lines:
    return (f"self.register_buffer('b{{n}}', torch.randn({x.shape[-1]}))",), ("x = x + self.b{n}",)


@function("matmul", *ANY, weight=2)
def matmul(rng: Random, x: Tensor) -> Lines:
    last, out = x.shape[-1], rng.choice((3, 5, 8))
    setup = f"self.p{{n}} = nn.Parameter(torch.randn({last}, {out}))"
    how = rng.choice(
        ("x = x @ self.p{n}", "x = torch.matmul(x, self.p{n})", "x = F.linear(x, self.p{n}.t())",
         "x = torch.tensordot(x, self.p{n}, dims=1)",
         "x = torch.einsum('...i,io->...o', x, self.p{n})")
    )  # fmt: skip
    return (setup,), (how,)


@function("vector_product", *ANY)
def vector_product(rng: Random, x: Tensor) -> Lines:
    setup = f"self.p{{n}} = nn.Parameter(torch.randn({x.shape[-1]}))"
    how = rng.choice(
        ("x = x + (x @ self.p{n}).unsqueeze(-1)", "x = x * torch.dot(self.p{n}, self.p{n})",
         "x = x + torch.outer(self.p{n}, self.p{n})[0]",
         "x = x * torch.vdot(self.p{n}, self.p{n})",
         "x = x + torch.mv(x.flatten(0, -2), self.p{n}).sum()",
         "x = x + torch.inner(x, self.p{n}).unsqueeze(-1)")
    )  # fmt: skip
    return (setup,), (how,)


@layer("bilinear", 2, 3)
def bilinear(rng: Random, x: Tensor) -> str:
    return (
        f"Twice(nn.Bilinear({x.shape[-1]}, {x.shape[-1]}, {rng.choice((3, 6))}, bias={flag(rng)}))"
    )


@function("rearrange", *ANY, weight=2)
def rearrange(rng: Random, x: Tensor) -> Lines | None:
    choices = [f"x = x[:, : {max(1, x.shape[1] // 2)}]", "x = torch.cat([x, x], 1)"]
    if x.dim() >= 3:
        choices += ["x = x.transpose(1, 2)", "x = x.transpose(-1, -2).contiguous()"]
        choices += ["x = x[..., ::2]", "x = x.flatten(1)", "x = x.flatten(-2)", "x = x.mean(-1)"]
        choices += ["x = x.amax(-1)", "x = x.unbind(1)[0]", "x = x.movedim(1, -1)"]
    if x.dim() == 4:
        choices += ["x = x.flatten(2).transpose(1, 2)", "x = x.mean((2, 3))"]
        choices += [
            "x = x.permute(0, 2, 3, 1)",
            "x = x.contiguous(memory_format=torch.channels_last)",
        ]
    if x.dim() == 5:
        choices += [
            "x = x.flatten(2)",
            "x = x.mean((2, 3, 4))",
            "x = x.permute(0, 2, 1, 3, 4)[:, 0]",
        ]
    if x.dim() < 5 and x.shape[-1] % 2 == 0:
        choices += ["x = x.unflatten(-1, (2, -1))", "a{n}, b{n} = x.chunk(2, -1); x = a{n} * b{n}"]
        choices += [f"x = torch.stack(x.split({x.shape[-1] // 2}, -1), 1).sum(1)"]
    if x.dim() < 4:
        choices += ["x = x.unsqueeze(1)", "x = x.unsqueeze(-1).expand(*x.shape, 3)"]
        choices += ["x = x.repeat(1, 2, *[1] * (x.dim() - 2))"]
    return (), (rng.choice(choices),)


@layer("parametrized", *ANY)
def parametrized(rng: Random, x: Tensor) -> str:
    wrap = rng.choice(("P.weight_norm", "P.spectral_norm", "nn.utils.weight_norm"))
    return f"{wrap}(nn.Linear({x.shape[-1]}, {rng.choice((4, 6))}))"


@layer("own_class", *ANY, weight=2)
def own_class(rng: Random, x: Tensor) -> str:
    size = x.shape[-1]
    return rng.choice(
        (f"Scale({size})", f"Gate({size}, nn.Linear({size}, {size}))", f"Mix({size}, {size})",
         f"Residual(nn.Linear({size}, {size}), nn.ReLU(), nn.LayerNorm({size}))")
    )  # fmt: skip
