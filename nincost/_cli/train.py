"""`nincost train`: trains a network on Fashion-MNIST, measured beside what is predicted."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

import click

from nincost._cli.options import Output, output_options, pick_model
from nincost._cli.stdout import is_terminal
from nincost.errors import InputError, OutputError

if TYPE_CHECKING:
    from nincost._train.callbacks import Callbacks

#: The value of `--table` without a file: the list of what readers of the textbook published.
PUBLISHED = "published"


@click.command(
    "train",
    epilog="""\b
Examples:
  nincost train --variant two-1x1
  nincost train --data synthetic --limit 2000 --resize 96 --epochs 1
  nincost train one-1x1 --optimizer Adam --lr 0.001 --batch-size 512 --resize 96
  nincost train --table --seeds 0 --epochs 1
  torchrun --nproc-per-node 2 -m nincost train --batch-size 256""",
)
@click.argument("model", required=False)
@click.option("--variant", metavar="NAME", help="A built-in variant; the same as MODEL.")
@click.option(
    "--arg", multiple=True, metavar="KEY=VALUE",
    help="A keyword argument for the model's factory, such as num_classes=10; repeatable.",
)  # fmt: skip
@click.option(
    "--data", metavar="FOLDER",
    help="Fashion-MNIST's four IDX files, gzipped or not; 'synthetic' generates data. Default: the "
    "variable NINCOST_DATA, else where Debian's dataset-fashion-mnist puts them.",
)  # fmt: skip
@click.option("--download", is_flag=True, help="Let torchvision fetch missing files into FOLDER.")
@click.option("--epochs", type=int, default=10, show_default=True, metavar="N",
              help="Passes over the training examples.")  # fmt: skip
@click.option(
    "--batch-size", type=int, default=128, show_default=True, metavar="N",
    help="Examples of a step, over all processes together.",
)  # fmt: skip
@click.option("--lr", type=float, default=0.1, show_default=True, metavar="X",
              help="Learning rate.")  # fmt: skip
@click.option(
    "--optimizer", default="SGD", show_default=True, metavar="NAME", help="A class in torch.optim."
)
@click.option(
    "--optimizer-arg", multiple=True, metavar="KEY=VALUE",
    help="A keyword argument for the optimizer, such as momentum=0.9; repeatable.",
)  # fmt: skip
@click.option(
    "--resize", type=int, metavar="N",
    help="Side of the images in pixels. Default: what the model's source says (NiN: 224).",
)  # fmt: skip
@click.option(
    "--channels", type=int, metavar="N",
    help="Channels of the images, grey in each. Default: what the model's source says.",
)  # fmt: skip
@click.option(
    "--init", metavar="HOW",
    help="xavier, or default for PyTorch's own. Default: xavier, as in the textbook.",
)  # fmt: skip
@click.option("--amp", metavar="DTYPE", help="Autocast: float16 or bfloat16.")
@click.option("--compile", is_flag=True, help="Use torch.compile.")
@click.option(
    "--deterministic/--no-deterministic", default=True, show_default=True,
    help="Use deterministic kernels where torch has them.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, metavar="N",
              help="Of weights, order and dropout.")  # fmt: skip
@click.option("--device", metavar="NAME", help="cpu, cuda or cuda:1. Default: a GPU if there is.")
@click.option("--limit", type=int, metavar="N", help="Use the first N training examples only.")
@click.option("--test-limit", type=int, metavar="N", help="Use the first N test examples only.")
@click.option(
    "--folder", metavar="FOLDER",
    help="Where checkpoint, log, tables and curves go. Default: runs/MODEL.",
)  # fmt: skip
@click.option(
    "--resume", is_flag=True, help="Continue from the folder's checkpoint; --force begins anew."
)
@click.option(
    "--save-every", type=int, metavar="STEPS", help="Save so often, too. Default: each epoch."
)
@click.option(
    "--table", is_flag=False, flag_value=PUBLISHED, metavar="[FILE]",
    help="Run all trainings of a TOML file, or those that readers of the textbook published, and "
    "compare; options given beside it are used for each.",
)  # fmt: skip
@click.option(
    "--seeds", metavar="N,N", help="With --table: the seeds of each training. Default: the file's."
)
@click.option(
    "--trust", is_flag=True,
    help="With --table FILE: run the code of models that FILE names as file.py:Class or "
    "package.module:name.",
)  # fmt: skip
@output_options("train")
def command(model: str | None, variant: str | None, **options: Any) -> int:
    """Train MODEL on Fashion-MNIST, by the textbook's settings unless others are given.

    Reports loss, accuracy and examples per second for each epoch, and FLOP/s and memory measured
    beside what nincost predicts. The same seed gives the same numbers; Ctrl-C saves, and --resume
    continues as if the training had not been stopped. Under torchrun several processes train
    together.
    """
    plain = bool(options["no_color"] or os.environ.get("NO_COLOR"))
    output = Output.from_options(options)
    from nincost._models.arguments import parse_arguments

    options["arg"] = parse_arguments(options["arg"])
    options["optimizer_arg"] = parse_arguments(
        options["optimizer_arg"], option="--optimizer-arg", example="momentum=0.9"
    )
    options |= {"progress": _callbacks(output, plain), "force": output.force}
    table, seeds = options.pop("table"), options.pop("seeds")
    if table is not None or seeds is not None:
        from nincost._cli.train_list import run_list

        return run_list(model, variant, table or PUBLISHED, seeds, options, output)
    if options.pop("trust"):
        raise InputError("--trust goes with --table: a model that you name yourself is trusted")
    name = pick_model(model, variant)
    if options["folder"] is None:
        options["folder"] = os.path.join("runs", folder_name(name))
    from nincost._train.train import train

    with output.only_results_on_stdout():
        result = train(name, **options)
    if not is_first():
        return 0
    output.say(f"checkpoint, log, tables and curves are in {options['folder']}")
    output.show(result)
    if result.unsaved:
        raise OutputError(f"the last checkpoint is not on the disk: {result.unsaved}")
    return 0


def folder_name(model: str) -> str:
    """A model's name as a folder's: `torchvision:resnet18` as `torchvision-resnet18`."""
    return re.sub(r"[^\w.]+", "-", model).strip("-.") or "model"


def is_first() -> bool:
    """Whether this process writes messages and results, of those that torchrun has started."""
    return os.environ.get("RANK", "0") == "0"


def _callbacks(output: Output, plain: bool) -> Callbacks:
    """What shows the progress on stderr."""
    from nincost._cli.train_progress import Bar, Lines
    from nincost._train.callbacks import Callbacks

    if output.quiet or not is_first():
        return Callbacks()
    if is_terminal(sys.stderr):
        return Bar(color=not plain)
    return Lines(output.say)
