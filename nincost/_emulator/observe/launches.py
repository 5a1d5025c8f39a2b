"""What a script launches on the card in one step: operators, collectives, copies, in order.

They are seen by a dispatch mode, in the thread that runs the script and in autograd's. It is on in
one step alone, after all whose memory is reported, and so changes no figure of memory.
"""

from __future__ import annotations

import functools
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from nincost._devices.cards import get_gpu
from nincost._devices.settings import Settings
from nincost._devices.target import Target
from nincost._emulator.observe.dataflow import Sent, joined
from nincost._time.operators import Launched
from nincost._time.work.kinds import Work
from nincost._time.work.layouts import tensors, touched
from nincost._time.work.operators import works_of
from nincost._torch.distributed import Message, message_of
from nincost._torch.tuning import ALGORITHM_SELECTION
from nincost._torch.updates import COMPILER
from nincost._trace.arguments import tensors_of
from nincost._trace.recorder import Recorder
from nincost._trace.records import Signature

#: Operators whose result the program looks at: the host waits until the card has done all.
_WAITS = frozenset({"aten._local_scalar_dense", "aten.nonzero", "aten.equal", "aten.masked_select"})
_COPIES = frozenset({"aten._to_copy", "aten.copy_"})
#: What is imported where code is compiled; and where a script's own Triton kernels are launched.
_COMPILED, _TRITON = ALGORITHM_SELECTION, "triton.runtime.jit"
#: Bytes of an operator on the CPU below which it is no more than its launch.
_LITTLE = 1 << 16

_PHASES = {"recompute": "backward", "model": "end"}


class Entry(NamedTuple):
    """An operator that ran, `read` and `written` being the addresses of its tensors' storages.

    Attributes:
        copied: bytes between the host's memory and the card's.
        on_host: bytes that the host's own processor reads and writes.
        message: what it sends to other ranks, if it does.
        kernel: the name of a kernel that Triton compiled, and the bytes of its tensors.
        signature: None of such a kernel, and where the host waited for the card (`synchronize`).
    """

    signature: Signature | None
    layer: int
    phase: str
    stream: int
    read: tuple[int, ...]
    written: tuple[int, ...]
    copied: int
    on_host: int
    waits: bool
    message: Message | None = None
    kernel: tuple[str, int] | None = None


class LaunchRecorder(Recorder):
    """Records one step's operators on the card.

    Args:
        where: gives the layer and the phase that the script is in.
    """

    def __init__(self, where: Callable[[], tuple[int, str]]) -> None:
        super().__init__(on_meta=False)
        self.entries: list[Entry] = []
        self._where = where
        self._wrapped: list[tuple[Any, str, Any]] = []

    def start(self) -> None:
        """Record from now on."""
        cuda: Any = torch.cuda
        for owner in (cuda, cuda.Event, cuda.Stream):
            self._wrap(owner, "synchronize", self._synchronized)
        if _TRITON in sys.modules:
            self._wrap(sys.modules[_TRITON].JITFunction, "run", self._compiled)
        if COMPILER in sys.modules:  # which runs no compiled code under a mode
            kind: Any = LaunchRecorder
            undisturbed: Any = torch.compiler.disable
            kind.__torch_dispatch__ = undisturbed(Recorder.__torch_dispatch__)
        self.__enter__()  # type: ignore[no-untyped-call]

    def stop(self) -> None:
        """Record no more."""
        self.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        for owner, name, original in self._wrapped:
            setattr(owner, name, original)

    def _wrap(self, owner: Any, name: str, note: Callable[[tuple[Any, ...]], None]) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            note(args)
            return original(*args, **kwargs)

        self._wrapped.append((owner, name, original))
        setattr(owner, name, call)

    def _synchronized(self, _: tuple[Any, ...]) -> None:
        layer, phase = self._where()
        self.entries.append(Entry(None, layer, phase, 0, (), (), 0, 0, True))

    def _compiled(self, args: tuple[Any, ...]) -> None:
        """A kernel that Triton compiled: of what it does the tensors are known."""
        layer, phase = self._where()
        given = [one for one in args[1:] if isinstance(one, torch.Tensor)]
        name = str(getattr(getattr(args[0], "fn", None), "__name__", "kernel"))
        places = _addresses(given)
        self.entries.append(Entry(
            None, layer, phase, torch.cuda.current_stream().cuda_stream, places, places, 0, 0,
            False, kernel=(name, sum(one.nbytes for one in given)),
        ))  # fmt: skip

    def ran(self, signature: Signature, args: tuple[Any, ...], kwargs: Any, result: Any) -> None:
        name = signature.name
        sends = "c10d" in signature.func.namespace
        message = message_of(signature.func, args) if sends else None
        if message is None and (sends or signature.is_view):  # it waits, or wraps what comes
            return
        given = tensors_of((*args, *(kwargs or {}).values()))
        made = tensors_of(result)
        on_card = [one.is_cuda for one in (*given, *made)]
        layer, phase = self._where()
        copied = on_host = 0
        waits = name in _WAITS and any(on_card)
        if name in _COPIES and any(on_card) and not all(on_card):
            copied = (made or given)[0].nbytes
            waits = not _is_non_blocking(name, args, kwargs or {})
        elif not any(on_card):
            if not any(one.is_cpu for one in (*given, *made)):
                return  # on meta: nobody computes it
            on_host = sum(touched(one) for one in (*tensors(signature.args), *signature.outputs))
            if on_host < _LITTLE:
                return
        self.entries.append(Entry(
            signature, layer, phase, torch.cuda.current_stream().cuda_stream,
            _addresses(given), _addresses(_written(made, given, message)), copied, on_host, waits,
            message,
        ))  # fmt: skip

    def result(self, card: str, layers: list[str]) -> dict[str, Any]:
        """What was launched, as plain values: `nincost._emulator.timing` reads them.

        Args:
            card: whose kernels they are.
            layers: what `Entry.layer` is an index into.
        """
        target = Target(gpu=get_gpu(card), settings=Settings.read())
        works: dict[Work, int] = {}
        known: dict[int, tuple[int, ...]] = {}
        streams = Counter(one.stream for one in self.entries if not (one.waits or one.on_host))
        main = streams.most_common(1)[0][0] if streams else 0
        launched: list[Launched] = []
        sent: list[Sent] = []
        for one in self.entries:
            phase: Any = _PHASES.get(one.phase, one.phase)
            numbers: tuple[int, ...] = ()
            signature = one.signature
            if signature and not (one.message or one.copied or one.on_host):
                if id(signature) not in known:
                    known[id(signature)] = tuple(
                        works.setdefault(work, len(works)) for work in works_of(signature, target)
                    )
                numbers = known[id(signature)]
            name = signature.name if signature else "synchronize"
            if one.kernel is not None:
                work = Work("elementwise", "float32", 0, one.kernel[1], guessed=True)
                name, numbers = f"triton.{one.kernel[0]}", (works.setdefault(work, len(works)),)
            aside = name != "synchronize" and one.stream != main and not one.on_host
            if one.message is not None or aside:
                words = one.message.kind if one.message else name
                sent.append(Sent(
                    words, one.message, numbers, one.copied, len(launched), one.read, one.written
                ))  # fmt: skip
                numbers, copied = (), 0
            else:
                sent.append(Sent("", None, (), 0, len(launched), one.read, one.written))
                copied = one.copied
            launched.append(Launched(
                name, one.layer, phase, numbers, _lists(signature), one.waits,
                one.kernel is not None, copied, one.on_host, name == "synchronize",
            ))  # fmt: skip
        return {
            "launched": [tuple(one) for one in launched],
            "works": [tuple(work) for work in works],
            "layers": [*layers, ""],
            "compiled": _COMPILED in sys.modules,
            "sent": [tuple(one) for one in joined(sent, launched)],
        }


def _addresses(found: list[torch.Tensor]) -> tuple[int, ...]:
    return tuple([
        one.untyped_storage().data_ptr() for one in found if type(one).__torch_dispatch__
        is torch.Tensor.__torch_dispatch__
    ])  # fmt: skip


def _written(
    made: list[torch.Tensor], given: list[torch.Tensor], message: Message | None
) -> list[torch.Tensor]:
    if message is not None and message.kind == "send":
        return []
    return made or (given if message is not None else given[:1])


def _is_non_blocking(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if name == "aten.copy_":
        return bool(args[2] if len(args) > 2 else kwargs.get("non_blocking"))
    return bool(kwargs.get("non_blocking"))


def _lists(signature: Signature | None) -> int:
    """Tensors of the first list of an operator that takes lists."""
    if signature is None or not ("_foreach_" in signature.name or "._fused_" in signature.name):
        return 0
    first = signature.args[0] if signature.args else None
    return len(first) if isinstance(first, tuple) else 0
