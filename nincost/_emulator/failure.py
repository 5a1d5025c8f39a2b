"""Why a script did not end well, in a sentence that says what to try."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nincost._emulator.analysis import code_at
from nincost._emulator.results import Assumed
from nincost.errors import printable

#: Types of exceptions, and texts, that mean that a script wants something from the network.
_NETWORK = re.compile(
    r"LocalEntryNotFoundError|OfflineModeIsEnabled|RepositoryNotFoundError|GatedRepoError"
    r"|HfHubHTTPError|\bURLError|gaierror|MaxRetryError|ConnectionError|ConnectTimeout|ConnectError"
    r"|NewConnectionError|NameResolutionError|couldn't connect to 'https?:|Error downloading"
    r"|is not a local folder and is not a valid model"
)
_OUT_OF_MEMORY = re.compile(r"OutOfMemoryError|CUDA out of memory")
_LENGTH = 300


def ran_out_of_memory(ended: Mapping[str, Any]) -> bool:
    """Whether the exception that ended the script is torch's out-of-memory error."""
    return any(_OUT_OF_MEMORY.search(f"{kind}: {text}") for kind, text in ended.get("chain", ()))


def failure_of(
    ended: Mapping[str, Any], script: str, waited_for: str, assumed: Iterable[Assumed] = ()
) -> str:
    """Empty where the script ended well, or by Ctrl-C.

    Args:
        assumed: what was assumed, by the user's lines: the line that failed may be among them.
    """
    how, where = ended["how"], _place(ended.get("line"))
    if how == "exception":
        chain: Sequence[tuple[str, str]] = ended["chain"]
        for kind, text in chain:
            if _NETWORK.search(f"{kind}: {text}"):
                return (
                    f"{script} wants something from the network{where}: "
                    f"{_first(kind, text).rstrip('.')}. {_without(ended)}"
                )
        return f"{script} failed{where}: {_first(*chain[0])}{_for_want_of(ended, assumed)}"
    if how == "exit" and ended.get("status"):
        return f"{script} ended with exit status {ended['status']}"
    if how == "timeout":
        return (
            f"{script} was not done after {ended['seconds']:.0f} s: it waited for {waited_for}"
            f"{where}; give more time with --timeout, or fewer steps with --steps"
        )
    return ""


#: What to do in the place of a download, by what stands in the line that asked for it.
_INSTEAD = {
    r"pretrained\s*=\s*True|timm\.": "Weights are not needed here: give pretrained=False",
    r"[wW]eights|torchvision": "Weights are not needed here: give weights=None (and "
    "weights_backbone=None)",
    r"torch\.hub|hub\.load": "Fetch the repository before, and give torch.hub.load its folder with "
    "source='local'",
    r"load_dataset|[dD]ataset|download\s*=\s*True": "No values are needed here: fetch the data "
    "before, or train on made-up tensors of the same shapes",
    r"[tT]okenizer|[pP]rocessor": "Save it to a folder on a machine with the network and give the "
    "folder, or train on made-up tokens",
}


def _without(ended: Mapping[str, Any]) -> str:
    """How to do without what the line that failed wants from the network."""
    line = ended.get("line")
    code = code_at(line) if line else ""
    for pattern, words in _INSTEAD.items():
        if re.search(pattern, code):
            return words
    return (
        "Weights are not needed here: give a folder on this machine, or make the model from its "
        "configuration (AutoModelForCausalLM.from_config)"
    )


def killed(script: str, status: int, phase: str) -> str:
    """What to say of a process that left nothing behind."""
    if status >= 0:
        return f"{script} ended with exit status {status} before anything could be recorded"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = {
        "SIGKILL": ": the machine may have run out of memory",
        "SIGSEGV": ": a library called something of CUDA's that is not emulated, perhaps",
        "SIGABRT": ": the last lines above may say why",
    }.get(name, "")
    return f"{script} was ended by {name} in phase {phase!r}{hint}"


def _place(line: tuple[str, int, str] | None) -> str:
    if not line:
        return ""
    code = code_at(line)
    words = f" at {printable(os.path.basename(line[0]))}:{line[1]}"
    return f"{words} `{printable(code)}`" if code else words


def _for_want_of(ended: Mapping[str, Any], assumed: Iterable[Assumed]) -> str:
    """A sentence where the line that failed had read what only a card would know."""
    if not ended.get("line"):
        return ""
    file, number, _ = ended["line"]
    place = f"{os.path.basename(file)}:{number}"
    read = [one.via or one.line for one in assumed if f"/{one.line}".endswith(f"/{place}")]
    if not read:
        return ""
    return (
        f". It had read what only a card knows at {', '.join(dict.fromkeys(read))}, where zeros or "
        "an assumption stand here: leave that part of the script out (a metric, decoding, "
        "evaluation), or give another --assume (all, half, none or a fraction)"
    )


def _first(kind: str, text: str) -> str:
    """`ValueError: its first line`."""
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    name = kind.removeprefix("builtins.").rpartition(".")[2]
    return printable(f"{name}: {line}"[:_LENGTH] if line else name)
