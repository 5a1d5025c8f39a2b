"""What a training step is: one declaration, from which signatures and the command line are made.

Importable without torch, so that `nincost memory --help` is instant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Literal

from nincost._models.configured_inputs import BOXES
from nincost._models.inputs import check_batch_size
from nincost._step.option_checks import (
    Loss,
    check_accumulation,
    check_alloc_conf,
    check_checkpointing,
    check_dtype,
    check_generation,
    check_loss,
    check_optimizer,
    check_updates,
)
from nincost._step.option_fields import (
    check_count,
    check_text,
    keep_checked,
    none_or,
    one_of,
    option,
    plain_options,
)
from nincost._step.option_text.quantize import check_quantize
from nincost.errors import InputError

if TYPE_CHECKING:
    from nincost._models.build import Model


def _loss_name(step: Step) -> str:
    loss = step.loss
    return loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)


def _loss_words(value: str, _: Mapping[str, Any]) -> str:
    return {"cross-entropy": "", "none": "the model's own loss"}.get(value, f"{value} loss")


def _scaler_words(value: bool, options: Mapping[str, Any]) -> str:
    usual = options["amp"] == "float16" and not options["inference"]
    return "" if value == usual else "with a GradScaler" if value else "no GradScaler"


@dataclass(frozen=True, slots=True)
class Step:
    """One training step, in the order forward, loss, `zero_grad`, backward, optimizer step.

    What is given is checked, and names are written as torch writes them. Each field made by
    `option` is an option: a keyword argument of `memory`, `fit`, `report` and `compare`, and an
    option of these commands.

    Args:
        model: what `nincost._models.sources.resolve` gave; it is never changed.
        input: input specs or example tensors; the model's default input where None.
        batch_size: what specs get in front.
        hold_output: whether the last step's output and loss are alive until the next step has
            made its own, as in a loop at a script's top level.
        steps: how many steps to record.

    Raises:
        InputError: a value that its option does not take.
    """

    model: Model
    _: KW_ONLY
    input: Any = None
    batch_size: int = 1
    hold_output: bool = False
    steps: int = 3

    loss: str | Loss = option(
        None,
        help="cross-entropy (the model's own loss, where it gives one), mse or sum; in Python also "
        "a function of the model's output. Default: cross-entropy; mse for a diffusion network.",
        check=check_loss,
        usual="cross-entropy",
        plain=_loss_name,
        words=_loss_words,
    )
    optimizer: str = option(
        None,
        help="A class in torch.optim, or another as package.module:Class or file.py:Class. "
        "Default: SGD; a LightningModule's own.",
        check=check_optimizer,
        usual="SGD",
    )
    optimizer_arg: Mapping[str, Any] = option(
        None,
        help="Keyword arguments for the optimizer, such as momentum=0.9.",
        kind="arguments",
        plain=lambda step: dict(step.optimizer_arg),
    )
    optimizer_impl: Literal["for-loop", "foreach", "fused"] | None = option(
        None,
        help="for-loop, foreach or fused: parameters are updated one by one, in lists, or by one "
        "kernel. Default: what torch picks on CUDA.",
        metavar="HOW",
        check=one_of("for-loop", "foreach", "fused"),
        words="{} optimizer",
    )
    amp: str | None = option(
        None,
        help="Type of automatic mixed precision (autocast): float16 or bfloat16.",
        metavar="DTYPE",
        check=check_dtype("float16", "bfloat16"),
        words="{} autocast",
    )
    grad_scaler: bool | None = option(
        None,
        help="Scale the loss by a torch.amp.GradScaler. Default: with float16 autocast.",
        kind="switch",
        plain=lambda step: step.scales_gradients,
        words=_scaler_words,
    )
    clip_grad_norm: float | None = option(
        None,
        help="Clip gradients to this norm before each optimizer step, by "
        "torch.nn.utils.clip_grad_norm_.",
        kind="number",
        metavar="NORM",
        words="gradients clipped to {:g}",
    )
    dtype: str | None = option(
        None,
        help="Cast model and input to this type, such as bfloat16.",
        metavar="DTYPE",
        check=check_dtype("float32", "float64", "float16", "bfloat16"),
        words="{}",
    )
    channels_last: bool = option(
        False, help="Model and images in channels-last layout.", kind="switch",
        words="channels last",
    )  # fmt: skip
    grad_accumulation: int = option(
        1,
        help="Backward passes before each optimizer step; 1,024 at most, as each is recorded.",
        kind="count",
        check=check_accumulation,
        words="{} backward passes a step",
    )
    activation_checkpointing: str = option(
        "none",
        help="What is computed again in backward rather than kept: none, top-level (each top-level "
        "block), blocks (each repeated block, such as a transformer's layers), every-second (every "
        "second one of these), selective (each, but for its matrix products, convolutions and "
        "attention, which are kept), own (what the model has itself, as "
        "gradient_checkpointing_enable), or a pattern of module names, such as 'encoder.layers.*'.",
        metavar="WHAT",
        check=check_checkpointing,
        words="activation checkpointing {}",
    )
    freeze: str = option(
        "",
        help="Parameters that are not trained: names with * for any text, joined with commas, such "
        "as 'features.*'; '!fc.*' is all but these.",
        metavar="PATTERNS",
        check=check_text,
        words="{} frozen",
    )
    lora: str = option(
        "",
        help="Adapters in the place of training all weights, by PEFT: r=16,target=q_proj,v_proj "
        "(also alpha, dropout, bias, dora, rslora, save), or the folder of an adapter_config.json.",
        metavar="TEXT",
        check=check_text,
        words="LoRA ({})",
    )
    quantize: str = option(
        "",
        help="Weights of linear layers in 4 or 8 bits, by bitsandbytes: nf4, fp4 or int8; also "
        "nf4,double (scales quantized, too), prepare (PEFT's prepare_model_for_kbit_training), "
        "skip=NAME (layers that stay; else the output embeddings) and compute=DTYPE. By torchao: "
        "torchao:int8_weight_only, or another of its configurations, with arguments "
        "(,group_size=64).",
        metavar="TEXT",
        check=check_quantize,
        words="{} weights",
    )
    optimizer_in_backward: bool = option(
        False,
        help="Update each parameter as soon as backward has its gradient, by an optimizer of its "
        "own, and drop the gradient (hooks, as in torchtune).",
        kind="switch",
        words="updates in backward",
    )
    offload_activations: str = option(
        "",
        help="Keep what backward needs on the CPU (torch.autograd.graph.save_on_cpu): pageable or "
        "pinned memory there.",
        metavar="HOW",
        check=none_or("pageable", "pinned"),
        words="activations offloaded ({})",
    )
    ema: str = option(
        "",
        help="A moving average of the weights on the card: torch (swa_utils.AveragedModel) or timm "
        "(ModelEmaV2).",
        metavar="HOW",
        check=none_or("torch", "timm"),
        words="a moving average of the weights ({})",
    )
    inference: bool = option(
        False,
        help="One forward pass in eval mode, without gradients, and nothing else.",
        kind="switch",
    )
    seq: int | None = option(
        None,
        help="Tokens of each text that a transformers model takes, where no input is given. "
        "Default: 512, or what it has places for.",
        kind="count",
    )
    nodes: int | None = option(
        None,
        help="Nodes of the graph that a model takes as forward(x, edge_index), where no input is "
        "given; with --edges.",
        kind="count",
    )
    edges: int | None = option(None, help="Edges of that graph; with --nodes.", kind="count")
    boxes: int | None = option(
        None,
        help="Objects of each image that a detector of torchvision is trained on, where no input "
        f"is given. Default: {BOXES}, as in COCO.",
        kind="count",
    )
    generate: int | None = option(
        None,
        help="Tokens that a transformers model generates, one by one, by its own generate(), in "
        "the place of one forward pass.",
        kind="count",
        metavar="N",
    )
    prompt: int | None = option(
        None,
        help="Tokens of the prompt that --generate goes on from. Default: what the model takes by "
        "itself, 512 at most.",
        kind="count",
        metavar="N",
    )
    cache: str = option(
        "dynamic",
        help="Where --generate keeps keys and values: dynamic (it grows by each token), static "
        "(made whole at once), or quantized: fp8, or 4 bits by quanto or hqq.",
        metavar="HOW",
        check=one_of("dynamic", "static", "fp8", "quanto", "hqq"),
    )
    cudnn_benchmark: bool | None = option(
        None,
        help="torch.backends.cudnn.benchmark. Default: as torch is set here.",
        kind="switch",
        usual=False,
        words="cudnn.benchmark on",
        sets=("cudnn_benchmark",),
    )
    deterministic: bool | None = option(
        None,
        help="torch.use_deterministic_algorithms and torch.backends.cudnn.deterministic. Default: "
        "as torch is set here.",
        kind="switch",
        usual=False,
        words="deterministic algorithms",
        sets=("deterministic", "cudnn_deterministic"),
    )
    tf32: bool | None = option(
        None,
        help="Whether float32 convolutions may use TF32 (torch.backends.cudnn.allow_tf32). "
        "Default: as torch is set here.",
        kind="switch",
        usual=True,
        words="TF32 off",
        sets=("tf32",),
    )
    zero_grad_before_forward: bool = option(
        False,
        help="Call zero_grad before forward, rather than between loss and backward.",
        kind="switch",
        words="zero_grad before forward",
    )
    grad_set_to_none: bool = option(
        True,
        help="zero_grad's set_to_none: drop gradients, rather than fill them with zeros.",
        kind="switch",
        words="gradients kept at zero",
    )
    assume: Literal["balanced", "worst"] = option(
        "balanced",
        help="What is taken of values that depend on weights and that the model looks at: balanced "
        "(each expert or class is chosen equally often, half of a mask is set) or worst (all "
        "choose the same, all of a mask is set).",
        metavar="HOW",
        check=one_of("balanced", "worst"),
        words="{} case assumed",
    )
    on_cpu: bool = option(
        False,
        help="Run a model on the CPU, on random input, where it cannot be run without values; "
        "operators are then the CPU's.",
        kind="switch",
    )
    alloc_conf: str = option(
        "",
        help="The variable PYTORCH_CUDA_ALLOC_CONF, such as expandable_segments:True.",
        metavar="TEXT",
        check=check_alloc_conf,
        words="{}",
    )

    def __post_init__(self) -> None:
        check_batch_size(self.batch_size)
        check_count("steps", self.steps)
        keep_checked(self)
        for name, usual in (("loss", "cross-entropy"), ("optimizer", "SGD")):
            if getattr(self, name) is None:
                object.__setattr__(self, name, getattr(self.model, name, "") or usual)
        check_generation(self)
        check_updates(self)
        if self.grad_scaler and self.dtype == "float16":
            raise InputError(
                "grad_scaler cannot unscale the float16 gradients of float16 weights (torch raises "
                "an error): leave dtype out and take amp float16, or leave grad_scaler out"
            )

    @property
    def scales_gradients(self) -> bool:
        """Whether a `GradScaler` is in the step."""
        if self.inference:
            return False
        if self.grad_scaler is None:
            return self.amp == "float16" and self.dtype in (None, "float32")
        return self.grad_scaler

    def options(self) -> dict[str, Any]:
        """The options as plain values, for JSON and for a fresh process."""
        return plain_options(self)
