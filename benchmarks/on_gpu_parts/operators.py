"""What operators allocate, each by itself: a line of JSON for each on stdout, or FILE (.gz).

    python benchmarks/on_gpu_parts/operators.py FILE                        # on a GPU
    nincost run --gpu h100 --until-exit benchmarks/on_gpu_parts/operators.py FILE

For what the libraries under PyTorch take for themselves (cuFFT's plans, cuSOLVER's and cuSPARSE's
buffers, cuDNN's recurrent layers, scratch of sorts and scans), and for kernels that are chosen by
shapes (attention, normalization). Each case runs twice: a first call may load a library and keep a
workspace. Bytes: the peak beyond what was there before, of the first and the second call.
"""

from __future__ import annotations

import gc
import gzip
import json
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TextIO

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

Case = tuple[str, Callable[[], Any]]
BF16, F16, F32 = torch.bfloat16, torch.float16, torch.float32


def draw(*shape: int, dtype: torch.dtype = F32, grad: bool = False) -> Tensor:
    return torch.randn(shape, device="cuda", dtype=dtype).requires_grad_(grad)


def ids(most: int, *shape: int) -> Tensor:
    return torch.randint(0, most, shape, device="cuda")


def trained(made: Any) -> None:
    """Backward of the sum of what was made."""
    if isinstance(made, Tensor):
        made = (made,)
    sum(one.float().sum() for one in made if one.is_floating_point()).backward()


def fft() -> Iterator[Case]:
    for shape in ((64, 256), (64, 1024), (16, 4096), (4, 65536), (2, 1 << 20), (64, 1000), (64, 97),
                  (8, 10007), (32, 480), (16, 224 * 3)):  # fmt: skip
        x = draw(*shape)
        yield f"rfft {shape}", lambda x=x: torch.fft.rfft(x)
        yield f"fft {shape}", lambda x=x: torch.fft.fft(x)
        spectrum = torch.fft.rfft(x)
        yield f"irfft {shape}", lambda s=spectrum, n=shape[-1]: torch.fft.irfft(s, n)
    for shape in ((8, 16, 64, 64), (8, 3, 224, 224), (4, 8, 128, 128), (4, 4, 32, 32, 32),
                  (2, 2, 100, 100), (1, 2, 1024, 1024), (16, 64, 85, 85)):  # fmt: skip
        x = draw(*shape)
        axes = tuple(range(2, len(shape)))
        yield f"rfftn {shape}", lambda x=x, d=axes: torch.fft.rfftn(x, dim=d)
        yield f"fftn {shape}", lambda x=x, d=axes: torch.fft.fftn(x, dim=d)
        spectrum = torch.fft.rfftn(x, dim=axes)
        yield (
            f"irfftn {shape}",
            lambda s=spectrum, d=axes, n=shape[2:]: torch.fft.irfftn(s, s=n, dim=d),
        )
    x = draw(8, 16000)
    window = torch.hann_window(400, device="cuda")
    yield "stft", lambda: torch.stft(x, 400, 160, window=window, return_complex=True)
    complexes = torch.fft.fft(draw(64, 512))
    yield "ifft half precision", lambda: torch.fft.fft(draw(64, 512).half())
    yield "fft first axis", lambda: torch.fft.fft(complexes, dim=0)
    wave = draw(8, 32, 64, 64, grad=True)
    weight = torch.randn(32, 32, 16, 16, device="cuda", dtype=torch.complex64).requires_grad_()

    def fourier() -> None:
        spectrum = torch.fft.rfft2(wave)
        made = torch.zeros_like(spectrum)
        made[..., :16, :16] = torch.einsum("bixy,ioxy->boxy", spectrum[..., :16, :16], weight)
        trained(torch.fft.irfft2(made, s=(64, 64)))

    yield "fourier layer", fourier


def algebra() -> Iterator[Case]:
    for shape in ((16, 16), (128, 128), (512, 512), (2048, 2048), (64, 32, 32), (8, 256, 256)):
        a = draw(*shape)
        positive = a @ a.mT + 10 * torch.eye(shape[-1], device="cuda")
        b = draw(*shape[:-1], 4)
        for name, call in (
            ("cholesky", lambda p=positive: torch.linalg.cholesky(p)),
            ("inv", lambda p=positive: torch.linalg.inv(p)),
            ("solve", lambda p=positive, b=b: torch.linalg.solve(p, b)),
            ("lu", lambda p=positive: torch.linalg.lu_factor(p)),
            ("det", lambda p=positive: torch.linalg.det(p)),
            ("qr", lambda a=a: torch.linalg.qr(a)),
            ("eigh", lambda p=positive: torch.linalg.eigh(p)),
            ("svd", lambda a=a: torch.linalg.svd(a, full_matrices=False)),
            ("cholesky_solve", lambda p=positive, b=b: torch.cholesky_solve(b, p)),
            ("triangular", lambda p=positive, b=b: torch.linalg.solve_triangular(p, b, upper=True)),
        ):
            if shape[-1] < 2048 or name in ("cholesky", "inv", "solve", "qr"):
                yield f"{name} {shape}", call
    yield "lstsq", lambda: torch.linalg.lstsq(draw(256, 64), draw(256, 4))
    yield "pinv", lambda: torch.linalg.pinv(draw(128, 64))
    yield "matrix_exp", lambda: torch.matrix_exp(draw(16, 32, 32))
    yield "matrix_power", lambda: torch.linalg.matrix_power(draw(64, 64), 5)
    yield "householder", lambda: torch.nn.init.orthogonal_(torch.empty(256, 256, device="cuda"))
    yield "cdist", lambda: trained(torch.cdist(draw(512, 64, grad=True), draw(700, 64)))


def choosing() -> Iterator[Case]:
    for shape in ((1 << 20,), (64, 50257), (4096, 128), (1000, 1000), (8, 8, 4096)):
        x = draw(*shape)
        for name, call in (
            ("sort", lambda x=x: x.sort(-1)),
            ("stable", lambda x=x: x.sort(dim=-1, stable=True)),
            ("topk", lambda x=x: x.topk(50, -1)),
            ("cumsum", lambda x=x: x.cumsum(-1)),
            ("cumsum first", lambda x=x: x.cumsum(0)),
            ("cumprod", lambda x=x: x.cumprod(-1)),
            ("median", lambda x=x: x.median(-1)),
            ("kthvalue", lambda x=x: x.kthvalue(7, -1)),
            ("logcumsumexp", lambda x=x: x.logcumsumexp(-1)),
            ("unique", lambda x=x: (10 * x).long().unique(return_inverse=True, return_counts=True)),
            ("nonzero", lambda x=x: (x > -9).nonzero()),
            ("masked_select", lambda x=x: x[x > -9]),
            ("sum", lambda x=x: x.sum()), ("sum last", lambda x=x: x.sum(-1)),
            ("sum first", lambda x=x: x.sum(0)), ("norm", lambda x=x: x.norm()),
            ("var", lambda x=x: x.var(-1)), ("argmax", lambda x=x: x.argmax(-1)),
            ("logsumexp", lambda x=x: x.logsumexp(-1)),
            ("quantile", lambda x=x: x[..., :1000].quantile(0.3, -1)),
        ):  # fmt: skip
            yield f"{name} {shape}", call
    numbers = ids(1000, 1 << 20)
    yield "bincount", lambda: numbers.bincount(minlength=1000)
    yield "histc", lambda: draw(1 << 20).histc(100)
    yield "searchsorted", lambda: torch.searchsorted(torch.arange(1000, device="cuda"), numbers)
    yield "randperm", lambda: torch.randperm(1_000_000, device="cuda")
    yield "randperm small", lambda: torch.randperm(5000, device="cuda")
    yield "multinomial", lambda: torch.multinomial(draw(64, 10_000).abs(), 16)
    yield "multinomial again", lambda: torch.multinomial(draw(64, 10_000).abs(), 16, True)
    yield "mode", lambda: ids(10, 64, 512).mode(-1)


def recurrent() -> Iterator[Case]:
    for kind in (nn.LSTM, nn.GRU, nn.RNN):
        for batch, length, width, hidden, extra in (
            (32, 64, 128, 256, {}), (64, 128, 512, 1024, {"num_layers": 2, "dropout": 0.1}),
            (16, 50, 300, 512, {"bidirectional": True}), (8, 200, 64, 64, {"num_layers": 3}),
            (128, 20, 256, 128, {"bidirectional": True, "num_layers": 2}), (1, 100, 40, 512, {}),
            (256, 10, 1024, 1024, {}), (20, 35, 200, 200, {"num_layers": 2}),
        ):  # fmt: skip
            for dtype in (F32, BF16, F16):
                layer = kind(width, hidden, **extra).cuda().to(dtype)
                x = draw(length, batch, width, dtype=dtype)
                words = f"{kind.__name__} {batch}x{length}x{width}x{hidden} {extra} {dtype}"
                yield f"{words} train", lambda m=layer, x=x: trained(m(x)[0])
                yield f"{words} evaluate", lambda m=layer, x=x: _evaluate(m, x)
                if dtype is F32 and batch > 1:
                    lengths = torch.arange(batch) % length + 1
                    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
                    yield f"{words} packed", lambda m=layer, x=packed: trained(m(x)[0].data)
    layer = nn.LSTM(128, 256, proj_size=64).cuda()
    yield "LSTM projected", lambda: trained(layer(draw(40, 16, 128))[0])


def _evaluate(module: nn.Module, *given: Tensor) -> None:
    with torch.no_grad():
        module.eval()(*given)
    module.train()


def attention() -> Iterator[Case]:
    from torch.nn.attention import SDPBackend, sdpa_kernel

    for backend in ("FLASH_ATTENTION", "EFFICIENT_ATTENTION", "CUDNN_ATTENTION", "MATH"):
        for batch, heads, length, width in (
            (4, 8, 512, 64), (2, 12, 1024, 128), (8, 4, 197, 80), (1, 16, 2048, 256), (2, 4, 77, 40)
        ):  # fmt: skip
            for causal in (False, True):
                for dtype in (BF16, F32):
                    if dtype is F32 and backend in ("FLASH_ATTENTION", "CUDNN_ATTENTION"):
                        continue
                    q, k, v = (
                        draw(batch, heads, length, width, dtype=dtype, grad=True) for _ in range(3)
                    )

                    def call(q=q, k=k, v=v, causal=causal, backend=backend) -> None:
                        with sdpa_kernel(getattr(SDPBackend, backend)):
                            trained(F.scaled_dot_product_attention(q, k, v, is_causal=causal))

                    words = f"{batch}x{heads}x{length}x{width} {'causal ' if causal else ''}{dtype}"
                    yield f"{backend} {words}", call
    q, k = draw(2, 16, 512, 64, dtype=BF16, grad=True), draw(2, 4, 512, 64, dtype=BF16, grad=True)
    yield "grouped", lambda: trained(F.scaled_dot_product_attention(q, k, k, enable_gqa=True))
    mask = draw(2, 16, 512, 512, dtype=BF16)
    yield "masked", lambda: trained(F.scaled_dot_product_attention(q, q, q, attn_mask=mask))
    bias = draw(2, 16, 512, 512, dtype=BF16, grad=True)
    yield "biased", lambda: trained(F.scaled_dot_product_attention(q, q, q, attn_mask=bias))
    yield "dropout", lambda: trained(F.scaled_dot_product_attention(q, q, q, dropout_p=0.1))


def layers() -> Iterator[Case]:
    for dtype in (F32, BF16):
        for layout in (torch.contiguous_format, torch.channels_last):
            x = draw(16, 64, 56, 56, dtype=dtype).to(memory_format=layout).requires_grad_()
            words = f"{dtype} {layout}"
            for name, layer in (
                ("batch_norm", nn.BatchNorm2d(64)), ("group_norm", nn.GroupNorm(8, 64)),
                ("instance_norm", nn.InstanceNorm2d(64, affine=True)),
                ("max_pool", nn.MaxPool2d(3, 2, 1)), ("avg_pool", nn.AvgPool2d(3, 2, 1)),
                ("adaptive", nn.AdaptiveAvgPool2d(7)), ("adaptive max", nn.AdaptiveMaxPool2d(7)),
                ("upsample", nn.Upsample(scale_factor=2)),
                ("bilinear", nn.Upsample(scale_factor=2, mode="bilinear")),
                ("bicubic", nn.Upsample(scale_factor=2, mode="bicubic")),
                ("shuffle", nn.PixelShuffle(4)), ("lrn", nn.LocalResponseNorm(5)),
                ("dropout2d", nn.Dropout2d(0.2)), ("prelu", nn.PReLU(64)),
                ("reflect", nn.ReflectionPad2d(3)), ("unfold", nn.Unfold(3, padding=1)),
                ("lp_pool", nn.LPPool2d(2, 2)),
                ("fractional", nn.FractionalMaxPool2d(2, output_size=28)),
            ):  # fmt: skip
                moved = layer.cuda().to(dtype)
                yield f"{name} {words}", lambda m=moved, x=x: trained(m(x))
        x = draw(2048, 768, dtype=dtype, grad=True)
        for name, layer in (
            ("layer_norm", nn.LayerNorm(768)),
            ("rms_norm", nn.RMSNorm(768)),
            ("linear", nn.Linear(768, 3072)),
            ("batch_norm1d", nn.BatchNorm1d(768)),
            ("glu", nn.GLU()),
            ("softmax", nn.Softmax(-1)),
            ("gelu", nn.GELU("tanh")),
        ):
            moved = layer.cuda().to(dtype)
            yield f"{name} {dtype}", lambda m=moved, x=x: trained(m(x))
    volume = draw(2, 8, 16, 32, 32, grad=True)
    for name, layer in (
        ("conv3d", nn.Conv3d(8, 16, 3, padding=1)),
        ("max_pool3d", nn.MaxPool3d(2)),
        ("batch_norm3d", nn.BatchNorm3d(8)),
        ("transposed3d", nn.ConvTranspose3d(8, 4, 2, 2)),
    ):
        yield name, lambda m=layer.cuda(): trained(m(volume))
    line = draw(16, 64, 1000, grad=True)
    for name, layer in (
        ("conv1d", nn.Conv1d(64, 128, 7, padding=3)),
        ("dilated1d", nn.Conv1d(64, 64, 3, dilation=8)),
        ("depthwise1d", nn.Conv1d(64, 64, 5, groups=64)),
        ("transposed1d", nn.ConvTranspose1d(64, 32, 4, 2)),
    ):  # fmt: skip
        yield name, lambda m=layer.cuda(): trained(m(line))
    yield (
        "grid_sample",
        lambda: trained(
            F.grid_sample(
                draw(8, 16, 64, 64, grad=True), draw(8, 64, 64, 2).clamp(-1, 1), align_corners=False
            )
        ),
    )


def lookups() -> Iterator[Case]:
    for rows, width, count in ((50257, 768, 8192), (1000, 128, 100_000), (30522, 1024, 512)):
        for extra in ({}, {"padding_idx": 0}, {"scale_grad_by_freq": True}, {"sparse": True}):
            layer = nn.Embedding(rows, width, **extra).cuda()
            at = ids(rows, count)
            yield f"embedding {rows}x{width} {count} {extra}", lambda m=layer, i=at: trained(m(i))
    for mode in ("sum", "mean", "max"):
        bag = nn.EmbeddingBag(10_000, 64, mode=mode).cuda()
        yield f"embedding_bag {mode}", lambda m=bag: trained(m(ids(10_000, 512, 20)))
    x = draw(10_000, 64, grad=True)
    at = ids(10_000, 50_000)
    yield "index", lambda: trained(x[at])
    yield "index_select", lambda: trained(x.index_select(0, at))
    yield "gather", lambda: trained(x.gather(0, at[:640, None].expand(640, 64)))
    yield "index_add", lambda: torch.zeros(10_000, 64, device="cuda").index_add(0, at, x[at])
    yield (
        "scatter_add",
        lambda: torch.zeros(10_000, 64, device="cuda").scatter_add(
            0, at[:, None].expand(-1, 64), x[at].detach()
        ),
    )
    yield (
        "scatter_reduce",
        lambda: torch.zeros(10_000, 64, device="cuda").scatter_reduce(
            0, at[:, None].expand(-1, 64), x[at].detach(), "amax"
        ),
    )
    yield (
        "index_put",
        lambda: torch.zeros(10_000, 64, device="cuda").index_put_(
            (at,), x[at].detach(), accumulate=True
        ),
    )
    yield "take_along", lambda: torch.take_along_dim(x, at[:640].view(10, 64), 0)
    yield "one_hot", lambda: F.one_hot(ids(100, 10_000), 100)
    yield "repeat_interleave", lambda: x.repeat_interleave(3, 0)


def losses() -> Iterator[Case]:
    scores, wanted = draw(4096, 1000, grad=True), ids(1000, 4096)
    yield "cross_entropy", lambda: F.cross_entropy(scores, wanted).backward()
    yield "smoothed", lambda: F.cross_entropy(scores, wanted, label_smoothing=0.1).backward()
    yield "weighted", lambda: F.cross_entropy(scores, wanted, torch.ones(1000).cuda()).backward()
    maps, labels = draw(8, 21, 64, 64, grad=True), ids(21, 8, 64, 64)
    yield "cross_entropy 2d", lambda: F.cross_entropy(maps, labels).backward()
    yield (
        "bce",
        lambda: F.binary_cross_entropy_with_logits(maps, maps.detach().sigmoid()).backward(),
    )
    for length in (40, 200):
        chances = draw(length, 16, 30, grad=True)
        targets = torch.randint(1, 30, (16, 20))
        lengths = [torch.full((16,), n) for n in (length, 20)]

        def ctc(chances=chances, targets=targets, lengths=lengths, place="cuda") -> None:
            F.ctc_loss(chances.log_softmax(-1), targets.to(place), *lengths).backward()

        yield f"ctc {length}", ctc
        yield (
            f"ctc cudnn {length}",
            lambda c=chances, t=targets.int().flatten(), n=[one.int() for one in lengths]: (
                F.ctc_loss(c.log_softmax(-1), t, *n).backward()
            ),
        )
    yield "kl", lambda: F.kl_div(scores.log_softmax(-1), scores.detach().softmax(-1)).backward()
    yield "triplet", lambda: F.triplet_margin_loss(scores, scores + 1, scores - 1).backward()
    yield "cosine", lambda: F.cosine_similarity(scores, scores.detach() + 1).sum().backward()


def products() -> Iterator[Case]:
    for dtype in (F32, BF16, F16, torch.float64):
        a, b = draw(1024, 512, dtype=dtype), draw(512, 2048, dtype=dtype)
        yield f"mm {dtype}", lambda a=a, b=b: a @ b
        yield f"addmm {dtype}", lambda a=a, b=b: torch.addmm(b[0], a, b)
        yield f"mv {dtype}", lambda a=a, b=b: a @ b[:, 0]
        c = draw(16, 128, 64, dtype=dtype)
        yield f"bmm {dtype}", lambda c=c: c @ c.mT
        yield f"einsum {dtype}", lambda c=c: torch.einsum("bij,bkj,bkl->il", c, c, c)
    yield "bilinear", lambda: trained(nn.Bilinear(64, 32, 16).cuda()(draw(128, 64), draw(128, 32)))
    yield (
        "int_mm",
        lambda: torch._int_mm(ids(5, 256, 512).to(torch.int8), ids(5, 512, 256).to(torch.int8)),
    )
    one = torch.ones((), device="cuda")
    a = draw(256, 512).to(torch.float8_e4m3fn)
    yield "scaled_mm", lambda: torch._scaled_mm(a, a.t(), one, one, out_dtype=BF16)
    x = draw(1024, 256, dtype=BF16)
    w = draw(4, 256, 128, dtype=BF16)
    ends = torch.tensor([256, 512, 600, 1024], device="cuda", dtype=torch.int32)
    yield "grouped_mm", lambda: torch._grouped_mm(x, w, offs=ends)
    sparse = (draw(1000, 1000) > 2).float().to_sparse()
    dense = draw(1000, 64)
    yield "coo mm", lambda: sparse @ dense
    rows = sparse.to_sparse_csr()
    yield "csr mm", lambda: rows @ dense
    yield "to_sparse", lambda: (draw(500, 500) > 1).float().to_sparse()
    yield (
        "coalesce",
        lambda: torch.sparse_coo_tensor(ids(100, 2, 10_000), draw(10_000), (100, 100)).coalesce(),
    )


def updates() -> Iterator[Case]:
    for name, extra in (
        ("SGD", {"momentum": 0.9}), ("Adam", {}), ("AdamW", {}), ("Adam", {"amsgrad": True}),
        ("RMSprop", {}), ("Adagrad", {}), ("NAdam", {}), ("RAdam", {}), ("Adamax", {}),
        ("Adadelta", {}), ("ASGD", {}), ("Rprop", {}), ("Adafactor", {}), ("LBFGS", {}),
        ("Muon", {}),
    ):  # fmt: skip
        for how in ({}, {"foreach": False}, {"fused": True}):
            if how.get("fused") and name not in ("SGD", "Adam", "AdamW", "Adagrad"):
                continue
            if how and name in ("LBFGS", "Muon", "Adafactor"):
                continue
            weights = [draw(512, 512, grad=True) for _ in range(8)]
            if name != "Muon":
                weights += [draw(511, grad=True) for _ in range(8)]
            for weight in weights:
                weight.grad = torch.ones_like(weight)
            make = getattr(torch.optim, name)

            def step(make=make, weights=weights, extra=extra | how) -> None:
                optimizer = make(weights, lr=0.01, **extra)
                for _ in range(2):
                    optimizer.step(
                        *((lambda: torch.ones(()),) if make is torch.optim.LBFGS else ())
                    )

            yield f"{name} {extra} {how}", step
    weights = [draw(512, 512, grad=True) for _ in range(8)]
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    yield "clip", lambda: nn.utils.clip_grad_norm_(weights, 1.0)
    yield "clip one by one", lambda: nn.utils.clip_grad_norm_(weights, 1.0, foreach=False)


def main() -> None:
    if len(sys.argv) == 1:
        ask(sys.stdout)
        return
    with gzip.open(sys.argv[1], "wt") as out:  # whole, also where its time runs out
        ask(out)


def ask(out: TextIO) -> None:
    """Run each case, and write what it took."""
    torch.manual_seed(0)
    for group in (fft, algebra, choosing, recurrent, attention, layers, lookups, losses, products,
                  updates):  # fmt: skip
        cases = islice(group(), 3 if "--rehearse" in sys.argv else None)
        while True:
            try:
                name, call = next(cases)
            except StopIteration:
                break
            except Exception as error:  # the next groups go on
                print(json.dumps({"group": group.__name__, "error": str(error)[:200]}), file=out)
                break
            found: dict[str, Any] = {"group": group.__name__, "case": name, "peaks": []}
            try:
                for _ in range(2):
                    gc.collect()
                    torch.cuda.synchronize()
                    torch.cuda.empty_cache()  # else a block may be larger than what was asked for
                    torch.cuda.reset_peak_memory_stats()
                    before = torch.cuda.memory_allocated()
                    call()
                    torch.cuda.synchronize()
                    found["peaks"].append(torch.cuda.max_memory_allocated() - before)
            except Exception as error:  # the others go on
                found["error"] = f"{type(error).__name__}: {str(error).splitlines()[0][:160]}"
            print(json.dumps(found), file=out, flush=True)


if __name__ == "__main__":
    main()
