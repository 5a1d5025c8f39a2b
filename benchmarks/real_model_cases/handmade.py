"""Hand-made models and steps of kinds that real code has."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from real_model_cases import Made, case


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase], **arguments: Any) -> None:
        super().__init__()
        self.embed = nn.Embedding(1000, 128)
        self.rnn = kind(128, 256, 2, batch_first=True, **arguments)
        self.head = nn.Linear(512 if arguments.get("bidirectional") else 256, 1000)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.rnn(self.embed(tokens))[0])  # type: ignore[no-any-return]


def recurrent(kind: type[nn.RNNBase], **arguments: Any) -> Any:
    tokens = torch.arange(8 * 32).reshape(8, 32)
    return lambda: (Recurrent(kind, **arguments), {"tokens": tokens})


case("lstm train", "hand-made", recurrent(nn.LSTM))
case("lstm amp", "hand-made", recurrent(nn.LSTM, dropout=0.1), amp="float16")
case("gru bidirectional", "hand-made", recurrent(nn.GRU, bidirectional=True))
case("gru bf16 amp", "hand-made", recurrent(nn.GRU), amp="bfloat16")
case("rnn infer", "hand-made", recurrent(nn.RNN), inference=True)


class Gpt(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5000, 256)
        layer = nn.TransformerEncoderLayer(256, 8, 1024, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
        self.head = nn.Linear(256, 5000)

    def forward(self, tokens: Tensor) -> Tensor:
        length = tokens.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length, device=tokens.device)
        return self.head(self.encoder(self.embed(tokens), mask, is_causal=True))  # type: ignore[no-any-return]


case("gpt of nn.TransformerEncoder", "hand-made",
     lambda: (Gpt(), {"tokens": torch.arange(4 * 512).reshape(4, 512)}))  # fmt: skip


class OwnLoss(nn.Module):
    """nanoGPT's way: with targets, forward gives logits and loss."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(5000, 256), nn.Linear(256, 5000)
        self.register_buffer("bias", torch.tril(torch.ones(256, 256)).view(1, 1, 256, 256))
        self.qkv = nn.Linear(256, 768)

    def forward(self, idx: Tensor, targets: Tensor | None = None) -> Any:
        x = self.embed(idx)
        b, t, c = x.shape
        q, k, v = (part.view(b, t, 8, 32).transpose(1, 2) for part in self.qkv(x).split(c, 2))
        scores = (q @ k.transpose(-2, -1)) * 32**-0.5
        scores = scores.masked_fill(self.bias[:, :, :t, :t] == 0, float("-inf"))
        x = x + (scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, c)
        logits = self.head(x)
        if targets is None:
            return logits[:, [-1], :], None
        loss = functional.cross_entropy(
            logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1
        )
        return logits, loss


def own_loss() -> Made:
    tokens = torch.arange(4 * 256).reshape(4, 256)
    return OwnLoss(), {"idx": tokens, "targets": tokens}


case("nanogpt with targets", "hand-made", own_loss, loss=lambda output: output[1])


class PlainAttributes(nn.Module):
    """Holds a mask as a plain attribute, and moves it."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(512, 512)
        self.mask = torch.ones(1024, 512)

    def forward(self, x: Tensor) -> Tensor:
        position = torch.arange(512, dtype=torch.float32)
        x = self.linear(x) * self.mask.to(x.device) + position.to(x.device)
        return self.linear(x + torch.zeros(1024, 512).to(x.device))  # type: ignore[no-any-return]


case("attribute moved", "hand-made",
     lambda: (PlainAttributes(), {"x": torch.randn(1024, 512)}))  # fmt: skip


class Moves(nn.Module):
    """`.cuda()` in forward, as scripts of one machine have it."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(512, 512)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.shape[0], 512).cuda()
        return self.linear(x) + h


case("cuda() in forward", "hand-made", lambda: (Moves(), {"x": torch.randn(1024, 512)}))


class Ctc(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(80, 256, 5, 2, 2)
        self.head = nn.Linear(256, 40)

    def forward(self, x: Tensor, targets: Tensor, lengths: Tensor, sizes: Tensor) -> Tensor:
        scores = self.head(self.conv(x).transpose(1, 2)).log_softmax(2).transpose(0, 1)
        return functional.ctc_loss(scores, targets, lengths, sizes)


def ctc() -> Made:
    return Ctc(), {
        "x": torch.randn(4, 80, 200), "targets": torch.randint(1, 40, (4, 20)),
        "lengths": torch.full((4,), 100), "sizes": torch.full((4,), 20),
    }  # fmt: skip


case("ctc", "hand-made", ctc, loss=lambda output: output)


class Critic(nn.Module):
    """WGAN-GP's critic, with the penalty inside."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 64, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(64, 128, 4, 2, 1),
            nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(128 * 256, 1),
        )  # fmt: skip

    def forward(self, real: Tensor, fake: Tensor) -> Tensor:
        mix = torch.rand(real.shape[0], 1, 1, 1, device=real.device)
        between = (mix * real + (1 - mix) * fake).requires_grad_()
        scores = self.layers(between)
        gradient = torch.autograd.grad(
            scores, between, torch.ones_like(scores), create_graph=True, retain_graph=True
        )[0]
        penalty = ((gradient.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
        return self.layers(fake).mean() - self.layers(real).mean() + 10 * penalty


case("wgan-gp", "hand-made",
     lambda: (Critic(), {"real": torch.randn(8, 3, 64, 64), "fake": torch.randn(8, 3, 64, 64)}),
     loss=lambda output: output, optimizer="Adam")  # fmt: skip


class Sparse(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(20000, 64, sparse=True, mode="sum")
        self.embed = nn.Embedding(20000, 64, sparse=True)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.bag(tokens) * self.embed(tokens).mean(1)  # type: ignore[no-any-return]


def sparse() -> Made:
    return Sparse(), {"tokens": torch.arange(64 * 20).reshape(64, 20)}


case("sparse embeddings SparseAdam", "hand-made", sparse, optimizer="SparseAdam")
case("sparse embeddings SGD", "hand-made", sparse, optimizer="SGD")


class Spectral(nn.Module):
    """A Fourier neural operator's layer."""

    def __init__(self) -> None:
        super().__init__()
        self.lift, self.down = nn.Conv2d(3, 32, 1), nn.Conv2d(32, 1, 1)
        self.weight = nn.Parameter(torch.randn(32, 32, 12, 12, dtype=torch.cfloat) * 0.02)

    def forward(self, x: Tensor) -> Tensor:
        x = self.lift(x)
        found = torch.fft.rfft2(x)
        kept = torch.zeros_like(found)
        kept[:, :, :12, :12] = torch.einsum("bixy,ioxy->boxy", found[:, :, :12, :12], self.weight)
        return self.down(functional.gelu(torch.fft.irfft2(kept, s=x.shape[-2:]) + x))  # type: ignore[no-any-return]


case("fourier operator", "hand-made", lambda: (Spectral(), {"x": torch.randn(4, 3, 64, 64)}))


class Deformable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        import torchvision

        self.offset = nn.Conv2d(16, 18, 3, padding=1)
        self.conv = torchvision.ops.DeformConv2d(16, 32, 3, padding=1)
        self.first = nn.Conv2d(3, 16, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.conv(x, self.offset(x))  # type: ignore[no-any-return]


case("deformable convolution", "hand-made",
     lambda: (Deformable(), {"x": torch.randn(4, 3, 64, 64)}))  # fmt: skip


class OneHot(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 21, 3, padding=1)

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        scores = self.conv(x).softmax(1)
        wanted = functional.one_hot(target, 21).permute(0, 3, 1, 2).float()
        return 1 - (2 * (scores * wanted).sum() + 1) / (scores.sum() + wanted.sum() + 1)


case("one-hot dice", "hand-made",
     lambda: (OneHot(), {"x": torch.randn(4, 3, 128, 128),
                         "target": torch.randint(0, 21, (4, 128, 128))}),
     loss=lambda output: output)  # fmt: skip


def fast_encoder() -> Made:
    layer = nn.TransformerEncoderLayer(256, 8, 1024, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
    return encoder, {"src": torch.randn(4, 128, 256)}


case("encoder infer, fused", "hand-made", fast_encoder, inference=True)


class Attends(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(256, 8, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, need_weights=False)[0]  # type: ignore[no-any-return]


case("attention infer, fused", "hand-made",
     lambda: (Attends(), {"x": torch.randn(4, 128, 256)}), inference=True)  # fmt: skip
