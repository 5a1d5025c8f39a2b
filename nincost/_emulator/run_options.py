"""What `run` is asked to do, checked: the script, the card, ranks, sizes."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nincost._devices.cards import Gpu, card_or_bytes, get_gpu, parse_size
from nincost._emulator.launch import UNLIMITED
from nincost.errors import InputError, did_you_mean

DEFAULT_GPU = "a100-80gb"
_MOST_RANKS = 1 << 20
#: One rank of each kind that allocates differently.
ALL_DIFFERENT = "all-different"


@dataclass(frozen=True, slots=True)
class Script:
    """What is run: a file or a module (`-m`), and its own arguments."""

    name: str
    is_module: bool
    arguments: tuple[str, ...]

    @property
    def command(self) -> list[str]:
        """As Python takes it."""
        return [*(["-m"] if self.is_module else []), self.name, *self.arguments]

    @property
    def title(self) -> str:
        return f"-m {self.name}" if self.is_module else self.name


def find_script(
    script: str | Path, args: Sequence[str], *, module: bool, python: str = sys.executable
) -> Script:
    """The script, where there is one, or a command beside the interpreter, such as torchrun."""
    if isinstance(args, str):
        raise InputError(f"args is {args!r}: expected a list, such as {args.split()!r}")
    arguments = tuple(map(str, args))
    path = Path(os.fspath(script))
    if path.name in _TORCHRUN:
        _check_one_node(str(script), arguments)
    if module:
        return Script(str(script), True, arguments)
    command = Path(python).parent / path
    if len(path.parts) == 1 and not path.suffix and not path.exists() and command.is_file():
        path = command
    if path.is_dir():
        if not (path / "__main__.py").exists():
            raise InputError(f"{str(path)!r} is a folder without __main__.py: expected a script")
    elif not path.exists():
        known = [p.name for p in path.parent.glob("*.py")] if path.parent.is_dir() else []
        raise InputError(
            f"there is no script {str(path)!r}: expected a Python file"
            f"{did_you_mean(path.name, known)}"
        )
    elif path.suffix in (".sh", ".ipynb", ".yaml", ".toml"):
        raise InputError(f"{str(path)!r} is no Python script: give the .py file that it starts")
    return Script(str(path), False, arguments)


#: What starts ranks: as a command, and as modules.
_TORCHRUN = ("torchrun", "torch.distributed.run", "torch.distributed.launch")


def _check_one_node(launcher: str, arguments: Sequence[str]) -> None:
    """torchrun waits for its other nodes, which are not there.

    Raises:
        InputError: there are several; it says what to type in its place.
    """
    found = {"nnodes": 1, "nproc_per_node": 1}
    rest, prefix = list(arguments), ""
    while rest and rest[0].startswith("-"):
        name, equals, value = rest.pop(0).lstrip("-").replace("-", "_").partition("=")
        if not equals and name not in _FLAGS:
            value = rest.pop(0) if rest else ""
        if name in ("m", "module"):
            prefix = "-m "
        elif name in found:
            last = value.rpartition(":")[2]  # of `MIN:MAX` the most
            found[name] = int(last) if last.isdecimal() else found[name]
    nodes, each = found.values()
    if nodes > 1:
        raise InputError(
            f"{launcher} would wait for other nodes: start the script itself, nincost run "
            f"--ranks {nodes * each} --ranks-per-node {each} {prefix}{' '.join(rest)}"
        )


#: torchrun's options without a value.
_FLAGS = {"standalone", "no_python", "run_path", "virtual_local_rank", "m", "module", "use_env"}


def find_card(gpu: str | None) -> Gpu:
    """The card of that name; of a size, the default card with so much memory."""
    name = DEFAULT_GPU if gpu is None else gpu
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"gpu is {name!r}: expected a card such as h100 or a size such as 24GiB")
    found = card_or_bytes(name)
    return replace(get_gpu(DEFAULT_GPU), memory_bytes=found) if isinstance(found, int) else found


def check_timed(gpu: str | None, *, until_exit: bool) -> None:
    """Refuse what no step's time can be predicted of.

    Raises:
        InputError: an amount of memory in the place of a card, or no step to end after.
    """
    if gpu is not None and isinstance(card_or_bytes(gpu), int):
        raise InputError(
            f"{gpu} is an amount of memory and names no card, whose speed time needs: name one, "
            "such as rtx4090"
        )
    if until_exit:
        raise InputError(
            "time records one step after those that were asked for, and until_exit names none: "
            "give steps or calls"
        )


def parse_ranks(rank: int | str | Sequence[int], ranks: int, per_node: int) -> list[int] | None:
    """The ranks that are to be run, without repeats; None for one of each kind."""
    if not 1 <= ranks <= _MOST_RANKS:
        raise InputError(f"ranks is {ranks}: expected 1 or more")
    if per_node < 1:
        raise InputError(f"ranks_per_node is {per_node}: expected 1 or more")
    if ranks > per_node and ranks % per_node:
        raise InputError(
            f"{ranks} ranks are no whole number of nodes of {per_node}: give --ranks-per-node, "
            f"such as {math.gcd(ranks, per_node)}"
        )
    if rank == ALL_DIFFERENT:
        return None
    if isinstance(rank, str):
        try:
            numbers = [int(part) for part in rank.split(",")]
        except ValueError:
            raise InputError(
                f"rank is {rank!r}: expected a number, several as in 0,7, or {ALL_DIFFERENT}"
            ) from None
    else:
        numbers = [rank] if isinstance(rank, int) else list(rank)
    for number in numbers:
        if not 0 <= number < ranks:
            raise InputError(
                f"rank {number} is none of {ranks}: expected 0 to {ranks - 1}; give --ranks"
            )
    return list(dict.fromkeys(numbers))


def check_count(name: str, value: int | None) -> int:
    """A number of steps or calls."""
    if value is None or value < 1:
        raise InputError(f"{name} is {value}: expected 1 or more; until_exit lets the script end")
    return value


def check_timeout(value: float | None) -> float | None:
    """Seconds above 0."""
    if value is not None and not 0 < value < 1e8:
        raise InputError(f"timeout is {value:g}: expected seconds above 0, such as 600")
    return value


def size_in_bytes(name: str, value: int | str | None) -> int | None:
    """Bytes of a size such as `22GiB`."""
    if value is None:
        return None
    size = parse_size(value) if isinstance(value, str) else value
    if size <= 0:
        raise InputError(f"{name} is {value}: expected bytes, or a size such as 22GiB")
    return size


def capacity_in_bytes(value: int | str | None) -> int | None:
    """The same, and `unlimited`."""
    if isinstance(value, str) and value.strip().lower() == "unlimited":
        return UNLIMITED
    return size_in_bytes("capacity", value)
