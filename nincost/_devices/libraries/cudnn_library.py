"""cuDNN's backend descriptors through ctypes: the little of the C interface that plans need.

cuDNN 9.8 and later describe a device by a JSON text (`CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR`), so its
heuristics answer for a card that is not there, on a machine with no driver. Names and numbers are
from `cudnn_graph.h` (9.24); a test compares them with the installed header.

Every status code is checked, every descriptor is destroyed when its `Session` ends, and all calls
pass through one lock: cuDNN's last-error text belongs to a thread.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import sys
import threading
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Any

#: The first version with `CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR`, as cudnnGetVersion reports it.
FIRST_DEVICELESS = 90800
#: From this version on torch/backends/cudnn refuses cards below compute capability 7.5.
FIRST_WITHOUT_VOLTA = 91100


class Kind(IntEnum):
    """`cudnnBackendDescriptorType_t`: CUDNN_BACKEND_..._DESCRIPTOR."""

    CONVOLUTION = 1
    ENGINE = 2
    ENGINECFG = 3
    ENGINEHEUR = 4
    EXECUTION_PLAN = 5
    OPERATION_CONVOLUTION_FORWARD = 10
    OPERATION_CONVOLUTION_BACKWARD_FILTER = 11
    OPERATION_CONVOLUTION_BACKWARD_DATA = 12
    OPERATIONGRAPH = 15
    TENSOR = 17
    DEVICEPROP = 38


class Attribute(IntEnum):
    """`cudnnBackendAttributeName_t`: CUDNN_ATTR_..."""

    CONVOLUTION_COMP_TYPE = 100
    CONVOLUTION_CONV_MODE = 101
    CONVOLUTION_DILATIONS = 102
    CONVOLUTION_FILTER_STRIDES = 103
    CONVOLUTION_POST_PADDINGS = 104
    CONVOLUTION_PRE_PADDINGS = 105
    CONVOLUTION_SPATIAL_DIMS = 106
    ENGINEHEUR_MODE = 200
    ENGINEHEUR_OPERATION_GRAPH = 201
    ENGINEHEUR_RESULTS = 202
    ENGINEHEUR_DEVICEPROP = 204
    ENGINECFG_ENGINE = 300
    EXECUTION_PLAN_ENGINE_CONFIG = 401
    EXECUTION_PLAN_WORKSPACE_SIZE = 402
    EXECUTION_PLAN_DEVICEPROP = 407
    OPERATION_CONVOLUTION_FORWARD_ALPHA = 700
    OPERATION_CONVOLUTION_FORWARD_BETA = 701
    OPERATION_CONVOLUTION_FORWARD_CONV_DESC = 702
    OPERATION_CONVOLUTION_FORWARD_W = 703
    OPERATION_CONVOLUTION_FORWARD_X = 704
    OPERATION_CONVOLUTION_FORWARD_Y = 705
    OPERATION_CONVOLUTION_BWD_DATA_ALPHA = 706
    OPERATION_CONVOLUTION_BWD_DATA_BETA = 707
    OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC = 708
    OPERATION_CONVOLUTION_BWD_DATA_W = 709
    OPERATION_CONVOLUTION_BWD_DATA_DX = 710
    OPERATION_CONVOLUTION_BWD_DATA_DY = 711
    OPERATION_CONVOLUTION_BWD_FILTER_ALPHA = 712
    OPERATION_CONVOLUTION_BWD_FILTER_BETA = 713
    OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC = 714
    OPERATION_CONVOLUTION_BWD_FILTER_DW = 715
    OPERATION_CONVOLUTION_BWD_FILTER_X = 716
    OPERATION_CONVOLUTION_BWD_FILTER_DY = 717
    OPERATIONGRAPH_OPS = 801
    TENSOR_BYTE_ALIGNMENT = 900
    TENSOR_DATA_TYPE = 901
    TENSOR_DIMENSIONS = 902
    TENSOR_STRIDES = 903
    TENSOR_UNIQUE_ID = 906
    ENGINE_GLOBAL_INDEX = 1301
    ENGINE_NUMERICAL_NOTE = 1303
    DEVICEPROP_JSON_REPRESENTATION = 2702


class Type(IntEnum):
    """`cudnnBackendAttributeType_t`: CUDNN_TYPE_..."""

    DATA_TYPE = 1
    INT64 = 3
    FLOAT = 4
    CONVOLUTION_MODE = 7
    HEUR_MODE = 8
    NUMERICAL_NOTE = 11
    BACKEND_DESCRIPTOR = 15
    CHAR = 24


class Note(IntEnum):
    """`cudnnBackendNumericalNote_t`: CUDNN_NUMERICAL_NOTE_..., those that PyTorch filters by."""

    TENSOR_CORE = 0
    DOWN_CONVERT_INPUTS = 1
    NONDETERMINISTIC = 4


class HeurMode(IntEnum):
    """`cudnnBackendHeurMode_t`: CUDNN_HEUR_MODE_..."""

    INSTANT = 0
    FALLBACK = 2


class DataType(IntEnum):
    """`cudnnDataType_t`: CUDNN_DATA_..."""

    FLOAT = 0
    DOUBLE = 1
    HALF = 2
    BFLOAT16 = 9


CROSS_CORRELATION = 1

_MOST_RESULTS = 4096  # heuristics give some tens; a larger count would be a broken answer
_MOST_NOTES = 32


class CudnnError(Exception):
    """A call of cuDNN's gave a status other than success."""


class Library:
    """The loaded library and its functions, each with its argument types."""

    def __init__(self, path: str) -> None:
        library = ctypes.CDLL(path)
        self.path = path
        self.lock = threading.Lock()
        pointer, integer, count = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
        library.cudnnGetVersion.argtypes = []
        library.cudnnGetVersion.restype = ctypes.c_size_t
        self.version = int(library.cudnnGetVersion())
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


class Descriptor:
    """One backend descriptor. Made by a `Session`, which destroys it."""

    __slots__ = ("_kept", "_library", "kind", "pointer")

    def __init__(self, library: Library, kind: Kind) -> None:
        self._library = library
        self._kept: list[object] = []
        self.kind = kind
        self.pointer = ctypes.c_void_p()
        library.check(library.create(kind, ctypes.byref(self.pointer)), f"create {kind.name}")

    def ints(self, attribute: Attribute, *values: int) -> None:
        """Set 64-bit integers."""
        self._set(attribute, Type.INT64, (ctypes.c_int64 * len(values))(*values), len(values))

    def enum(self, attribute: Attribute, type_: Type, value: int) -> None:
        """Set one value of an enumeration."""
        self._set(attribute, type_, (ctypes.c_int * 1)(value), 1)

    def real(self, attribute: Attribute, value: float) -> None:
        """Set one 32-bit float."""
        self._set(attribute, Type.FLOAT, (ctypes.c_float * 1)(value), 1)

    def text(self, attribute: Attribute, value: str) -> None:
        """Set a text, its closing zero byte included."""
        data = value.encode()
        self._set(attribute, Type.CHAR, ctypes.create_string_buffer(data), len(data) + 1)

    def descriptors(self, attribute: Attribute, *others: Descriptor) -> None:
        """Set other descriptors."""
        pointers = (ctypes.c_void_p * len(others))(*(other.pointer for other in others))
        self._set(attribute, Type.BACKEND_DESCRIPTOR, pointers, len(others))

    def finalize(self) -> Descriptor:
        """Let cuDNN check what was set."""
        self._library.check(self._library.finalize(self.pointer), f"finalize {self.kind.name}")
        return self

    def read_ints(self, attribute: Attribute, type_: Type, most: int) -> list[int]:
        """Read up to `most` integers (64-bit ones, or an enumeration's)."""
        element = ctypes.c_int64 if type_ is Type.INT64 else ctypes.c_int
        values = (element * most)()
        found = self._get(attribute, type_, most, ctypes.cast(values, ctypes.c_void_p))
        return [int(value) for value in values[: min(found, most)]]

    def count(self, attribute: Attribute) -> int:
        """How many descriptors an attribute would give."""
        return self._get(attribute, Type.BACKEND_DESCRIPTOR, 0, None)

    def fill(self, attribute: Attribute, into: Sequence[Descriptor]) -> int:
        """Let cuDNN write an attribute's descriptors over those in `into`; how many it wrote."""
        pointers = (ctypes.c_void_p * len(into))(*(one.pointer for one in into))
        where = ctypes.cast(pointers, ctypes.c_void_p)
        return self._get(attribute, Type.BACKEND_DESCRIPTOR, len(into), where)

    def destroy(self) -> None:
        """Give it back; its status cannot be acted upon."""
        if self.pointer:
            self._library.destroy(self.pointer)
            self.pointer = ctypes.c_void_p()
        self._kept.clear()

    def _set(self, attribute: Attribute, type_: Type, array: ctypes.Array[Any], n: int) -> None:
        self._kept.append(array)
        where = ctypes.cast(array, ctypes.c_void_p)
        status = self._library.set(self.pointer, attribute, type_, n, where)
        self._library.check(status, f"set {attribute.name}")

    def _get(self, attribute: Attribute, type_: Type, n: int, where: ctypes.c_void_p | None) -> int:
        found = ctypes.c_int64()
        status = self._library.get(self.pointer, attribute, type_, n, ctypes.byref(found), where)
        self._library.check(status, f"get {attribute.name}")
        return max(0, found.value)


class Session:
    """Descriptors that live and die together: `with Session(library) as session: ...`."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._made: list[Descriptor] = []

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._made:  # what was made last may point at what was made first
            self._made.pop().destroy()

    def make(self, kind: Kind) -> Descriptor:
        """A new descriptor of that kind."""
        made = Descriptor(self._library, kind)
        self._made.append(made)
        return made

    def make_many(self, kind: Kind, number: int) -> list[Descriptor]:
        """`number` new descriptors, for `Descriptor.fill`."""
        if number > _MOST_RESULTS:
            raise CudnnError(f"{number} {kind.name} descriptors: more than cuDNN can mean")
        return [self.make(kind) for _ in range(number)]


def engine_notes(engine: Descriptor) -> tuple[int, tuple[int, ...]]:
    """An engine's number and its numerical notes."""
    index = engine.read_ints(Attribute.ENGINE_GLOBAL_INDEX, Type.INT64, 1)
    notes = engine.read_ints(Attribute.ENGINE_NUMERICAL_NOTE, Type.NUMERICAL_NOTE, _MOST_NOTES)
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
def load() -> tuple[Library | None, str]:
    """The library, or None and why not."""
    reason = f"cuDNN is not looked for on {sys.platform}"
    for path in _paths():
        try:
            library = Library(path)
        except (OSError, AttributeError) as error:
            reason = f"no cuDNN 9 library: {error}"
            continue
        if library.version < FIRST_DEVICELESS:
            reason = f"cuDNN {library.version_text} cannot answer without a GPU: 9.8 or later can"
            continue
        return library, ""
    return None, reason
