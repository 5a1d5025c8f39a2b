"""Pieces for tensors of batch x length x features, and for whole numbers."""

from __future__ import annotations

from random import Random

from torch import Tensor

from reliability.pieces import Lines, divisors, flag, function, layer, seldom


def _heads(rng: Random, width: int) -> int:
    return rng.choice([d for d in divisors(width) if d <= 4])


@layer("attention", 3, weight=4)
def attention(rng: Random, x: Tensor) -> str:
    width = x.shape[-1]
    if not flag(rng):
        return (
            f"Attend(nn.MultiheadAttention({width}, {_heads(rng, width)}, batch_first={flag(rng)}, "
            f"bias={flag(rng)}, add_bias_kv={seldom(rng)}, add_zero_attn={seldom(rng)}, "
            f"dropout={rng.choice((0.0, 0.1))}), weights={flag(rng)})"
        )
    key, value = rng.choice((3, 5)), rng.choice((3, 4))
    return (
        f"Cross({width}, {_heads(rng, width)}, {key}, {value}, weights={flag(rng)}, "
        f"length={rng.choice((1, 3, 6))})"
    )


@layer("transformer", 3, weight=3)
def transformer(rng: Random, x: Tensor) -> str:
    width = x.shape[-1]
    options = (
        f"{width}, {_heads(rng, width)}, {rng.choice((6, 16))}, dropout={rng.choice((0.0, 0.1))}, "
        f"batch_first={flag(rng)}, norm_first={flag(rng)}, bias={flag(rng)}, "
        f"activation={rng.choice(('relu', 'gelu'))!r}"
    )
    if seldom(rng):
        return f"Twice(nn.TransformerDecoderLayer({options}))"
    if seldom(rng):
        return f"nn.TransformerEncoder(nn.TransformerEncoderLayer({options}), 2)"
    return f"nn.TransformerEncoderLayer({options})"


@layer("recurrent", 3, weight=4)
def recurrent(rng: Random, x: Tensor) -> str:
    kind = rng.choice(("RNN", "LSTM", "GRU"))
    hidden = rng.choice((4, 6))
    extra = ""
    if kind == "LSTM" and flag(rng):
        extra = f", proj_size={rng.choice((2, 3))}"
    if kind == "RNN" and flag(rng):
        extra = ", nonlinearity='relu'"
    return (
        f"First(nn.{kind}({x.shape[-1]}, {hidden}, num_layers={rng.choice((1, 1, 2))}, "
        f"bias={flag(rng)}, batch_first={flag(rng)}, bidirectional={flag(rng)}, "
        f"dropout={rng.choice((0.0, 0.2))}{extra}))"
    )


@layer("recurrent_cell", 2, weight=2)
def recurrent_cell(rng: Random, x: Tensor) -> str:
    kind = rng.choice(("RNNCell", "LSTMCell", "GRUCell"))
    return f"First(nn.{kind}({x.shape[-1]}, {rng.choice((3, 5))}, bias={flag(rng)}))"


@function("cells_in_a_loop", 3)
def cells_in_a_loop(rng: Random, x: Tensor) -> Lines:
    return (f"self.m{{n}} = nn.GRUCell({x.shape[-1]}, 4)",), (
        "s{n} = [self.m{n}(x[:, 0])]",
        "for t in range(1, x.shape[1]): s{n}.append(self.m{n}(x[:, t], s{n}[-1]))",
        "x = torch.stack(s{n}, 1)",
    )


@function("fused_attention", 3, weight=3)
def fused_attention(rng: Random, x: Tensor) -> Lines:
    width, length = x.shape[-1], x.shape[1]
    heads = _heads(rng, width)
    lines = [f"h{{n}} = x.unflatten(-1, ({heads}, -1)).transpose(1, 2)"]
    key = "h{n}"
    if seldom(rng) and heads % 2 == 0:  # grouped queries
        key = f"h{{n}}[:, :: {2}]"
    options = ", enable_gqa=True" if key != "h{n}" else ""
    how = rng.choice(("", ", is_causal=True", ", attn_mask=m{n}", ", scale=0.5"))
    if "attn_mask" in how:
        kind = rng.choice(("bool", "x.dtype"))
        lines.append(
            f"m{{n}} = torch.ones({length}, {length}, device=x.device)"
            f".to({'torch.bool' if kind == 'bool' else kind})"
        )
    lines.append(f"y{{n}} = F.scaled_dot_product_attention(h{{n}}, {key}, {key}{how}{options})")
    lines.append("x = y{n}.transpose(1, 2).flatten(-2)")
    return (), tuple(lines)


@function("attention_by_hand", 3, weight=2)
def attention_by_hand(rng: Random, x: Tensor) -> Lines:
    return (), (
        rng.choice(
            (
                "x = (x @ x.transpose(1, 2)).softmax(-1) @ x",
                "x = torch.bmm(torch.bmm(x, x.mT).softmax(-1), x)",
                "x = torch.einsum('bij,bjk->bik', torch.einsum('bik,bjk->bij', x, x), x)",
                "x = torch.baddbmm(x, x @ x.mT, x)",
                "x = x + torch.addbmm(x[0], x, x.mT @ x)",
                "x = torch.cdist(x, x)",
                "x = torch.einsum('bij,bkj,bkl->bil', x, x, x)",
                "x = torch.linalg.multi_dot([x[0], x[0].T, x[0]]).expand_as(x)",
                "x = x @ x[0].T",
                "x = torch.chain_matmul(x[0], x[0].T) + x @ x.mT",
                "x = torch.func.vmap(lambda r: r @ r.T)(x)",
            )
        ),
    )


@function("conv_over_time", 3)
def conv_over_time(rng: Random, x: Tensor) -> Lines:
    return (f"self.m{{n}} = nn.Conv1d({x.shape[-1]}, 6, 3, padding=1)",), (
        "x = self.m{n}(x.transpose(1, 2)).transpose(1, 2)",
    )


@function("vectors", 2, weight=2)
def vectors(rng: Random, x: Tensor) -> Lines:
    width = x.shape[-1]
    setup = (f"self.p{{n}} = nn.Parameter(torch.randn({width}, 5))",)
    return rng.choice(
        (
            (setup, ("x = torch.addmm(x[:, :1], x, self.p{n})",)),
            (setup, ("x = torch.addmm(x.new_zeros(5), x, self.p{n}, beta=0.5)",)),
            (setup, ("x = torch.mm(x, self.p{n})",)),
            (setup, ("x = x + torch.addmv(x[0], self.p{n}, x.new_zeros(5))",)),
            ((), ("x = torch.addr(x, x[:, 0], x[0])",)),
            ((), ("x = x @ x.T @ x",)),
            ((), ("x = torch.kron(x, x)[:, : 8]",)),
            ((), ("x = F.cosine_similarity(x[:, None], x[None], dim=-1)",)),
            ((), ("x = torch.cov(x.T)",)),
            ((), ("x = torch.outer(x[:, 0], x[0])",)),
        )
    )


@function("lookup", 2, 3)
def lookup(rng: Random, x: Tensor) -> Lines:
    """Numbers made of values, looked up in a table."""
    tokens = "t{n} = (x > 0).long()"
    if x.dim() == 2 and flag(rng):
        mode = rng.choice(("sum", "mean", "max"))
        return (f"self.m{{n}} = nn.EmbeddingBag(10, 6, mode={mode!r})",), (
            tokens,
            "x = self.m{n}(t{n})",
        )
    if x.dim() == 3:
        tokens = "t{n} = (x.sum(-1) > 0).long()"
    options = rng.choice(("", ", padding_idx=0", ", sparse=True", ", scale_grad_by_freq=True"))
    return (f"self.m{{n}} = nn.Embedding(10, {rng.choice((4, 8))}{options})",), (
        tokens,
        "x = self.m{n}(t{n})",
    )
