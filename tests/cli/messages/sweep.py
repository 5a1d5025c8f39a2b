"""`nincost sweep`."""

import sys
from collections.abc import Mapping
from unittest import mock

from support.messages import Case, PythonCase

from nincost import Sweep
from nincost._plan.sweep_results import SweepTotals

nothing = Sweep((), SweepTotals(0, 0, 0))
ONE = 'models = ["two-1x1"]\ncommands = ["profile"]\n'


def case(
    text: str, *says: str, arguments: str = "", files: Mapping[str, str] | None = None
) -> Case:
    """A sweep's file, and what is wrong in it."""
    return Case(
        f"sweep {{tmp}}/a.toml {arguments}", list(says), files={"a.toml": text, **(files or {})}
    )


CASES = [
    Case("sweep none.toml", ["'none.toml' cannot be read", "give a TOML file"]),
    case("models = [", "is no TOML"),
    case('modles = ["two-1x1"]', "no key 'modles' (did you mean 'models'?)", "choose commands"),
    case(f"{ONE}[settings]\nbatchsize = 3", "no key 'batchsize' (did you mean 'batch_size'?)"),
    case('commands = ["profile"]', "lists no models", "write models"),
    case('models = ["two-1x1"]', "commands is None", "expected a list of names"),
    case('models = ["two-1x1"]\ncommands = "memry"', "the command 'memry' (did you mean 'memory'"),
    case(f"{ONE}options = 3", "options is 3", "expected a table of options"),
    case('models = [3]\ncommands = "profile"', "a model is 3", "expected a name or a table"),
    case('models = [{ input = "4" }]\ncommands = "profile"', "has no model", "{model = 'NAME'}"),
    case('models = ["torchvision:resnot1*"]\ncommands = "profile"', "no model matches",
         "the nearest are"),
    case('models = ["net.py:Net"]\ncommands = "profile"', "would run code", "--trust"),
    case(ONE, "is no journal", "another --journal", arguments="--journal {tmp}/a.csv",
         files={"a.csv": "a,b\n"}),
    case(ONE, "cannot be written", "give --journal", arguments="--journal {tmp}/none/a.jsonl"),
    case(ONE, "workers is 0", arguments="--workers 0"),
    case(ONE, "unknown cluster 'slrum'", "did you mean 'slurm'?", arguments="--cluster slrum"),
    case(ONE, "leave cluster and workers out", arguments="--scheduler tcp://a:1 --workers 2"),
    case(ONE, "a sweep on a cluster needs", "pip install ",
         arguments="--cluster slurm"),
    PythonCase("sweep: nothing to draw", lambda _: nothing.plot(), ["no cell of the", "reason"]),
    Case("sweep {tmp}/a.toml -o {tmp}/a.parquet", ["needs pyarrow", "write FILE.csv"],
         files={"a.toml": ONE}, around=lambda: mock.patch.dict(sys.modules, {"pyarrow": None})),
]  # fmt: skip
