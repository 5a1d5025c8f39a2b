"""cuDNN's backend descriptors through ctypes: the little of the C interface that plans need.

cuDNN 9.8 and later describe a device by a JSON text (`CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR`), so its
heuristics answer for a card that is not there, on a machine with no driver. Names and numbers are
in `cudnn_enums.py`.

Every status code is checked, every descriptor is destroyed when its `Descriptors` end, and all
calls pass through one lock: cuDNN's last-error text belongs to a thread.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from nincost._devices.libraries.cudnn_enums import AttributeName, AttributeType, DescriptorType

#: The first version with `CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR`, as cudnnGetVersion reports it.
FIRST_DEVICELESS = 90800
#: From this version on torch/backends/cudnn refuses cards below compute capability 7.5.
FIRST_WITHOUT_VOLTA = 91100


_MOST_RESULTS = 4096  # heuristics give some tens; a larger count would be a broken answer
_MOST_NOTES = 32


class CudnnError(Exception):
    """A call of cuDNN's gave a status other than success."""


class CudnnLibrary:
    """The loaded library and its functions, each with its argument types."""

    def __init__(self, path: str) -> None:
        library = ctypes.CDLL(path)
        self.path = path
        self.lock = threading.Lock()
        pointer, integer, count = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
        library.cudnnGetVersion.argtypes = []
        library.cudnnGetVersion.restype = ctypes.c_size_t
        self.version = int(library.cudnnGetVersion())
        library.cudnnGetCudartVersion.argtypes = []
        library.cudnnGetCudartVersion.restype = ctypes.c_size_t
        #: The CUDA that it was built with, such as 13000.
        self.cuda_version = int(library.cudnnGetCudartVersion())
        self._error_text = library.cudnnGetLastErrorString
        self._error_text.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        self._error_text.restype = None
        self.create = library.cudnnBackendCreateDescriptor
        self.create.argtypes = [integer, ctypes.POINTER(pointer)]
        self.destroy = library.cudnnBackendDestroyDescriptor
        self.destroy.argtypes = [pointer]
        self.finalize = library.cudnnBackendFinalize
        self.finalize.argtypes = [pointer]
        self.set = library.cudnnBackendSetAttribute
        self.set.argtypes = [pointer, integer, integer, count, pointer]
        self.get = library.cudnnBackendGetAttribute
        self.get.argtypes = [pointer, integer, integer, count, ctypes.POINTER(count), pointer]
        for function in (self.create, self.destroy, self.finalize, self.set, self.get):
            function.restype = integer

    @property
    def version_text(self) -> str:
        """`92400` as `9.24.0`."""
        return f"{self.version // 10000}.{self.version // 100 % 100}.{self.version % 100}"

    def check(self, status: int, what: str) -> None:
        """Raise `CudnnError` with cuDNN's own text unless the status is success."""
        if status:
            text = ctypes.create_string_buffer(2048)
            self._error_text(text, len(text))
            raise CudnnError(f"{what}: status {status} {text.value.decode(errors='replace')}")


class BackendDescriptor:
    """One descriptor. Made by `Descriptors`, which destroys it."""

    __slots__ = ("_kept", "_library", "kind", "pointer")

    def __init__(self, library: CudnnLibrary, kind: DescriptorType) -> None:
        self._library = library
        self._kept: list[object] = []
        self.kind = kind
        self.pointer = ctypes.c_void_p()
        library.check(library.create(kind, ctypes.byref(self.pointer)), f"create {kind.name}")

    def ints(self, attribute: AttributeName, *values: int) -> None:
        """Set 64-bit integers."""
        self._set(
            attribute, AttributeType.INT64, (ctypes.c_int64 * len(values))(*values), len(values)
        )

    def enum(self, attribute: AttributeName, type_: AttributeType, value: int) -> None:
        """Set one value of an enumeration."""
        self._set(attribute, type_, (ctypes.c_int * 1)(value), 1)

    def real(self, attribute: AttributeName, value: float) -> None:
        """Set one 32-bit float."""
        self._set(attribute, AttributeType.FLOAT, (ctypes.c_float * 1)(value), 1)

    def text(self, attribute: AttributeName, value: str) -> None:
        """Set a text, its closing zero byte included."""
        data = value.encode()
        self._set(attribute, AttributeType.CHAR, ctypes.create_string_buffer(data), len(data) + 1)

    def descriptors(self, attribute: AttributeName, *others: BackendDescriptor) -> None:
        """Set other descriptors."""
        pointers = (ctypes.c_void_p * len(others))(*(other.pointer for other in others))
        self._set(attribute, AttributeType.BACKEND_DESCRIPTOR, pointers, len(others))

    def finalize(self) -> BackendDescriptor:
        """Let cuDNN check what was set."""
        self._library.check(self._library.finalize(self.pointer), f"finalize {self.kind.name}")
        return self

    def read_ints(self, attribute: AttributeName, type_: AttributeType, most: int) -> list[int]:
        """Read up to `most` integers (64-bit ones, or an enumeration's)."""
        element = ctypes.c_int64 if type_ is AttributeType.INT64 else ctypes.c_int
        values = (element * most)()
        found = self._get(attribute, type_, most, ctypes.cast(values, ctypes.c_void_p))
        return [int(value) for value in values[: min(found, most)]]

    def count(self, attribute: AttributeName) -> int:
        """How many descriptors an attribute would give."""
        return self._get(attribute, AttributeType.BACKEND_DESCRIPTOR, 0, None)

    def fill(self, attribute: AttributeName, into: Sequence[BackendDescriptor]) -> int:
        """Let cuDNN write an attribute's descriptors over those in `into`; how many it wrote."""
        pointers = (ctypes.c_void_p * len(into))(*(one.pointer for one in into))
        where = ctypes.cast(pointers, ctypes.c_void_p)
        return self._get(attribute, AttributeType.BACKEND_DESCRIPTOR, len(into), where)

    def destroy(self) -> None:
        """Destroy it; the status cannot be acted upon."""
        if self.pointer:
            self._library.destroy(self.pointer)
            self.pointer = ctypes.c_void_p()
        self._kept.clear()

    def _set(
        self, attribute: AttributeName, type_: AttributeType, array: ctypes.Array[Any], n: int
    ) -> None:
        self._kept.append(array)
        where = ctypes.cast(array, ctypes.c_void_p)
        status = self._library.set(self.pointer, attribute, type_, n, where)
        self._library.check(status, f"set {attribute.name}")

    def _get(
        self, attribute: AttributeName, type_: AttributeType, n: int, where: ctypes.c_void_p | None
    ) -> int:
        found = ctypes.c_int64()
        status = self._library.get(self.pointer, attribute, type_, n, ctypes.byref(found), where)
        self._library.check(status, f"get {attribute.name}")
        return max(0, found.value)


class Descriptors:
    """Descriptors that are destroyed together: `with Descriptors(library) as made: ...`."""

    def __init__(self, library: CudnnLibrary) -> None:
        self._library = library
        self._made: list[BackendDescriptor] = []

    def __enter__(self) -> Descriptors:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._made:  # what was made last may point at what was made first
            self._made.pop().destroy()

    def make(self, kind: DescriptorType) -> BackendDescriptor:
        """A new descriptor of that kind."""
        made = BackendDescriptor(self._library, kind)
        self._made.append(made)
        return made

    def make_many(self, kind: DescriptorType, number: int) -> list[BackendDescriptor]:
        """`number` new descriptors, for `BackendDescriptor.fill`."""
        if number > _MOST_RESULTS:
            raise CudnnError(f"{number} {kind.name} descriptors: more than cuDNN would give")
        return [self.make(kind) for _ in range(number)]


def engine_notes(engine: BackendDescriptor) -> tuple[int, tuple[int, ...]]:
    """An engine's number and its numerical notes."""
    index = engine.read_ints(AttributeName.ENGINE_GLOBAL_INDEX, AttributeType.INT64, 1)
    notes = engine.read_ints(
        AttributeName.ENGINE_NUMERICAL_NOTE, AttributeType.NUMERICAL_NOTE, _MOST_NOTES
    )
    return (index[0] if index else -1), tuple(notes)


def _paths() -> list[str]:
    """Where the library may be: in the wheel that torch installs, else where the loader looks."""
    name = {"linux": "libcudnn.so.9", "win32": "cudnn64_9.dll"}.get(sys.platform)
    if name is None:
        return []
    found = []
    try:
        spec = importlib.util.find_spec("nvidia.cudnn")
    except (ImportError, ValueError):
        spec = None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        found += [str(Path(folder) / part / name) for part in ("lib", "bin")]
    return [path for path in found if Path(path).is_file()] + [name]


@functools.cache
def load() -> tuple[CudnnLibrary | None, str]:
    """The library, or None and why not."""
    reason = f"cuDNN is not looked for on {sys.platform}"
    for path in _paths():
        try:
            library = CudnnLibrary(path)
        except (OSError, AttributeError) as error:
            reason = f"no cuDNN 9 library: {error}"
            continue
        if library.version < FIRST_DEVICELESS:
            reason = f"cuDNN {library.version_text} cannot answer without a GPU: 9.8 or later can"
            continue
        return library, ""
    return None, reason
