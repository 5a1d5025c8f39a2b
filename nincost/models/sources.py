"""From what the user named to a module whose structure is known and whose weights are not.

One function for each source; `resolve` picks by the name's form. Constructors run under
`torch.device("meta")`, so that nothing as large as the model is allocated, and again on the CPU
where one refuses to.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nincost.errors import (
    STOPS,
    InputError,
    ModelError,
    NincostError,
    described,
    did_you_mean,
    nearest,
    one_line,
    place_of,
    printable,
    stopped_in,
)
from nincost.models import nin
from nincost.models.importing import importable
from nincost.models.on_meta import parameters_on_meta
from nincost.preserve import unchanged

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Model:
    """A module, its display name, and the input that its source says it takes.

    `owned` tells that nincost built the module itself, so that a trace need not copy it. `details`
    say how it was built where that was not on meta. `rebuild(seed=0)` gives a second instance
    with real weights on the CPU, drawn by the seed. `folder` is where its code may
    import from while it runs.
    """

    name: str
    module: nn.Module
    default_input: tuple[str, ...] = ()
    owned: bool = False
    details: tuple[str, ...] = ()
    rebuild: Callable[..., nn.Module] | None = field(default=None, repr=False)
    folder: Path | None = None


def resolve(model: Any, arguments: Mapping[str, Any] | None = None) -> Model:
    """Find and build the model that `model` names, or wrap the `nn.Module` that it is.

    Args:
        model: a name in one of the forms of `nincost profile --help`, or a module.
        arguments: keyword arguments for the factory.
    """
    from torch import nn

    if not isinstance(arguments, Mapping | None):
        raise InputError(f"arg is {arguments!r}: expected a dict such as {{'num_classes': 10}}")
    arguments = dict(arguments or {})
    if isinstance(model, nn.Module):
        if arguments:
            raise InputError(
                "arg goes with a model's name, but a module is built already: leave it out"
            )
        model = _unwrap(model)
        return Model(printable(type(model).__name__), model)
    if not isinstance(model, str):
        raise InputError(
            f"model is {type(model).__name__!r}: expected a name such as 'two-1x1' or an nn.Module"
        )
    if not model.strip():
        raise InputError("the model's name is empty: try two-1x1 or torchvision:resnet50")
    source, _, rest = model.partition(":")
    if model in nin.VARIANTS:
        return _variant(model, arguments)
    if source in _SOURCES and rest:
        return _SOURCES[source](rest, arguments)
    if ":" not in model:
        raise InputError(_unknown(model))
    path, _, attribute = model.rpartition(":")
    if path.endswith(".py") or "/" in path:
        return _from_file(path, attribute, arguments)
    return _from_module(path, attribute, arguments)


def _unwrap(module: nn.Module) -> nn.Module:
    """The network inside `torch.compile`, `DataParallel` and `DistributedDataParallel`."""
    import torch

    if isinstance(module, torch.jit.ScriptModule):
        raise ModelError(
            "a TorchScript module cannot be traced: give the Python module that it was made from"
        )
    if "_modules" not in module.__dict__:
        raise ModelError(
            f"{printable(type(module).__name__)} has not been set up: call super().__init__() "
            "first in its __init__"
        )
    wrapped = module._modules.get("_orig_mod")
    if wrapped is None and type(module).__name__ in ("DataParallel", "DistributedDataParallel"):
        wrapped = module._modules.get("module")
    return module if wrapped is None else _unwrap(wrapped)


def _unknown(name: str) -> str:
    close = did_you_mean(name, nin.VARIANTS)
    if not close and "torchvision" in sys.modules:
        close = did_you_mean(name, _torchvision_names())
    return (
        f"unknown model {name!r}: choose a variant ({', '.join(nin.VARIANTS)}) or write "
        f"torchvision:NAME, timm:NAME, hf:PATH, package.module:factory or file.py:Class{close}"
    )


def _build(
    given_name: str,
    factory: Callable[..., Any],
    arguments: dict[str, Any],
    default: tuple[str, ...] = (),
    *,
    owned: bool = True,
) -> Model:
    """Call `factory` on meta, or on the CPU where that fails, and check what it gives.

    `owned` is False for a user's own factory, which may hand out a module that it keeps.
    """
    import torch
    from torch import nn

    name = printable(given_name)
    constructor = f"the constructor of {name}"
    _check_arguments(name, factory, arguments)

    def on_cpu(seed: int = 0) -> nn.Module:
        with unchanged():
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would reseed CUDA too
            return factory(**arguments)  # type: ignore[no-any-return]

    details: tuple[str, ...] = ()
    try:
        with unchanged(), torch.device("meta"), stopped_in(constructor):
            module = factory(**arguments)
    except (NincostError, *STOPS):
        raise
    except BaseException as meta_error:
        try:
            with unchanged(), parameters_on_meta(), stopped_in(constructor):
                module = factory(**arguments)
        except (NincostError, *STOPS):
            raise
        except BaseException as error:
            raise ModelError(
                f"{name} could not be built: {described(error)}{place_of(error)}; "
                "give its arguments with --arg key=value"
            ) from error
        details = (
            f"{name} was built on the CPU, each parameter moved to meta as it was made: its "
            f"constructor fails on the meta device ({described(meta_error)})",
        )
    if isinstance(module, nn.Module) and not isinstance(module, type):
        module = _unwrap(module)
        return Model(name, module, default, owned and not details, details, on_cpu)
    raise ModelError(
        f"{name} gave {printable(type(module).__name__)!r}: expected a class or function that "
        "gives an nn.Module"
    )


def _check_arguments(name: str, factory: Callable[..., Any], arguments: dict[str, Any]) -> None:
    """Refuse keyword arguments that the factory cannot take, before anything is built."""
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        return
    parameters = signature.parameters.values()
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        for key in arguments:
            if key not in names:
                known = ", ".join(n for n in names if n != "variant") or "none"
                raise InputError(
                    f"{name} takes no argument {key!r}: it takes {known}{did_you_mean(key, names)}"
                )
    missing = [
        p.name
        for p in parameters
        if p.default is p.empty
        and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        and p.name not in arguments
    ]
    if missing:
        raise InputError(
            f"{name} needs {', '.join(missing)}: give each with --arg, as in "
            f"--arg {missing[0]}=VALUE"
        )


def _variant(name: str, arguments: dict[str, Any]) -> Model:
    variant = nin.get_variant(name)

    def factory(
        in_channels: int | None = None, num_classes: int | None = None, dropout: float = 0.5
    ) -> nn.Module:
        return nin.build(variant, in_channels=in_channels, num_classes=num_classes, dropout=dropout)

    channels = arguments.get("in_channels", variant.in_channels)
    default = f"{channels}x{variant.image_size}x{variant.image_size}"
    return _build(name, factory, arguments, (default,))


def _need(package: str, extra: str = "") -> ModuleType:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ModelError(
            f"{package} cannot be imported ({one_line(error)}): "
            f"install it, for instance with pip install 'nincost{extra}'"
        ) from error


def _torchvision_names() -> list[str]:
    from torchvision import models

    return list(models.list_models())


def _torchvision(name: str, arguments: dict[str, Any]) -> Model:
    _need("torchvision")
    from torchvision import models

    if name not in (names := _torchvision_names()):
        raise InputError(
            f"unknown torchvision model {name!r}: nearest are "
            f"{', '.join(nearest(name, names)) or 'none'}; "
            "torchvision.models.list_models() has them all"
        )
    builder = models.get_model_builder(name)
    # A builder's own defaults may name weights to download; this tool never does that.
    for key in ("weights", "weights_backbone"):
        if key in inspect.signature(builder).parameters:
            if arguments.get(key) is not None:
                raise InputError(
                    f"{key} would be downloaded, which nincost never does: leave it out"
                )
            arguments[key] = None
    built = _build(f"torchvision:{name}", builder, arguments, _torchvision_input(name))
    fixed = getattr(built.module, "image_size", None)  # a ViT's, whatever its weights were made for
    if isinstance(fixed, int):
        return replace(built, default_input=(f"3x{fixed}x{fixed}",))
    resize = getattr(built.module, "transform", None)  # a detection model resizes its images itself
    if not built.default_input and resize is not None and hasattr(resize, "min_size"):
        side = min(resize.min_size)
        return replace(built, default_input=(f"3x{side}x{side}",))
    return built


def _torchvision_input(name: str) -> tuple[str, ...]:
    """The input size of a model's default weights, as their transforms and metadata give it."""
    from torchvision import models

    weights = models.get_model_weights(name).DEFAULT
    settings = getattr(weights.transforms, "keywords", {})
    size = settings.get("crop_size") or settings.get("resize_size")
    if size is None:
        return ()
    sizes = [size, size] if isinstance(size, int) else list(size)
    if len(sizes) == 1:
        sizes *= 2
    frames = _frames(weights.meta)
    return ("x".join(map(str, [3, *frames, *sizes])),)


def _frames(meta: Mapping[str, Any]) -> list[int]:
    """How many frames a torchvision video model takes: none for images, 16 unless it says more."""
    if "kinetics" not in str(meta.get("_metrics", "")).lower():
        return []
    return [max(16, int(meta.get("min_temporal_size", 16)))]


def _timm(name: str, arguments: dict[str, Any]) -> Model:
    timm = _need("timm", "[timm]")
    base = name.partition(".")[0]
    if not timm.is_model(base):
        close = ", ".join(nearest(base, timm.list_models())) or "none"
        raise InputError(
            f"unknown timm model {name!r}: nearest are {close}; timm.list_models() has them all"
        )
    if arguments.get("pretrained"):
        raise InputError("pretrained would be downloaded, which nincost never does: leave it out")

    def factory(**kwargs: Any) -> nn.Module:
        return timm.create_model(name, **{**kwargs, "pretrained": False})  # type: ignore[no-any-return]

    built = _build(f"timm:{name}", factory, arguments)
    config = getattr(built.module, "pretrained_cfg", None) or {}
    size = config.get("input_size")
    default = ("x".join(map(str, size)),) if size else ()
    return replace(built, default_input=default)


#: Bytes; the largest in use have some hundred kilobytes.
_LARGEST_CONFIG = 16 * 2**20


def _transformers(path: str, arguments: dict[str, Any]) -> Model:
    transformers = _need("transformers", "[transformers]")
    file = Path(path).expanduser()
    file = file / "config.json" if os.path.isdir(file) else file
    if not os.path.isfile(file):
        raise InputError(
            f"hf:{path} has no config.json: give a local folder or file; nothing is downloaded"
        )
    if file.stat().st_size > _LARGEST_CONFIG:
        raise InputError(f"hf:{path} is larger than any config.json: give a model's configuration")
    try:
        config = transformers.AutoConfig.from_pretrained(
            str(file), local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        raise ModelError(
            f"hf:{path} could not be read: {one_line(error).rstrip('.')}; expected a transformers "
            "config.json with its model_type"
        ) from error
    for key, value in arguments.items():
        try:
            setattr(config, key, value)
        except Exception as error:
            why = " ".join(str(error).split())
            raise InputError(f"hf:{path} does not take {key}={value!r}: {why}") from error
    architecture = (getattr(config, "architectures", None) or [None])[0]
    kind = getattr(transformers, architecture, None) if architecture else transformers.AutoModel
    if kind is not transformers.AutoModel and not hasattr(kind, "_from_config"):
        raise ModelError(
            f"hf:{path}: transformers {transformers.__version__} has no architecture "
            f"{architecture!r}: try another version of it, or give package.module:factory"
        )
    make = kind.from_config if kind is transformers.AutoModel else kind._from_config

    def factory() -> nn.Module:
        return make(config)  # type: ignore[no-any-return]

    size = getattr(config, "image_size", None)
    default = (f"{getattr(config, 'num_channels', 3)}x{size}x{size}",) if size else ()
    return _build(f"hf:{path}", factory, {}, default)


def _from_file(path: str, attribute: str, arguments: dict[str, Any]) -> Model:
    file = Path(path).expanduser()
    if not os.path.isfile(file):
        what = (
            f"{path!r} is no regular file" if os.path.exists(file) else f"no file {path!r} is there"
        )
        raise InputError(f"{what}: give a model as path/to/file.py:Class")
    # A name of its own, so that a file called torch.py cannot take the place of torch.
    spec = importlib.util.spec_from_file_location(f"nincost_user_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise InputError(f"{path!r} is not a Python file: give a model as path/to/file.py:Class")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    with importable(file.parent):
        _import(path, lambda: spec.loader.exec_module(module))  # type: ignore[union-attr]
        found = _attribute(module, attribute, path)
        built = _build(f"{path}:{attribute}", found, arguments, owned=False)
    return replace(built, folder=file.parent)


def _from_module(path: str, attribute: str, arguments: dict[str, Any]) -> Model:
    with importable(Path.cwd()):
        module = _import(path, lambda: importlib.import_module(path))
        found = _attribute(module, attribute, path)
        built = _build(f"{path}:{attribute}", found, arguments, owned=False)
    return replace(built, folder=Path.cwd())


def _import(path: str, run: Callable[[], Any]) -> Any:
    try:
        with stopped_in(f"{printable(path)}, as it is imported"):
            return run()
    except ModuleNotFoundError as error:
        if error.name and (path == error.name or path.startswith(f"{error.name}.")):
            raise InputError(
                f"there is no module {error.name!r}: expected package.module:factory, "
                "torchvision:NAME, timm:NAME, hf:PATH or file.py:Class"
                f"{did_you_mean(path, _SOURCES)}"
            ) from error
        raise ModelError(
            f"{path} could not be imported: {one_line(error)}{place_of(error)}; install what it "
            "needs beside nincost"
        ) from error
    except STOPS:
        raise
    except BaseException as error:
        raise ModelError(
            f"{path} could not be imported: {described(error)}{place_of(error)}; it must run by "
            "itself in Python"
        ) from error


def _attribute(module: ModuleType, attribute: str, path: str) -> Any:
    found: Any = module
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            names = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
            raise InputError(
                f"{path} has no {attribute!r}: it has {', '.join(names[:12]) or 'nothing callable'}"
                f"{did_you_mean(attribute, names)}"
            ) from None
    if not callable(found):
        raise InputError(
            f"{path}:{attribute} is {type(found).__name__!r}: expected a class or a function "
            "that gives an nn.Module"
        )
    return found


_SOURCES: dict[str, Callable[[str, dict[str, Any]], Model]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "hf": _transformers,
}
