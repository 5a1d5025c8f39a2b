"""Models of torchvision, timm, transformers and diffusers, by their names there."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nincost._models.build import Model, build
from nincost.errors import InputError, ModelError, did_you_mean, nearest, one_line, printable

if TYPE_CHECKING:
    from torch import nn


def _need(package: str) -> ModuleType:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ModelError(
            f"{package} cannot be imported ({one_line(error)}): install it with "
            f"pip install {package}"
        ) from error


def torchvision_names() -> list[str]:
    """The names of all models of the installed torchvision.

    Raises:
        ModelError: it cannot be imported.
    """
    _need("torchvision")
    from torchvision import models

    return list(models.list_models())


def from_torchvision(name: str, arguments: dict[str, Any]) -> Model:
    """A torchvision model without weights; its input is that of its default weights.

    Raises:
        InputError: an unknown name, or weights that would be downloaded.
        ModelError: torchvision cannot be imported, or the model cannot be built.
    """
    _need("torchvision")
    from torchvision import models

    if name not in (names := torchvision_names()):
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
    built = build(f"torchvision:{name}", builder, arguments, _torchvision_input(name))
    fixed = getattr(built.module, "image_size", None)  # a ViT's, whatever its weights were made for
    if isinstance(fixed, int):
        return replace(built, default_input=(f"3x{fixed}x{fixed}",))
    return built


def timm_names() -> list[str]:
    """The names of all models of the installed timm; raises as `torchvision_names`."""
    return list(_need("timm").list_models())


def _torchvision_input(name: str) -> tuple[str, ...]:
    """The input size of a model's default weights, as their transforms and metadata state it."""
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


def from_timm(name: str, arguments: dict[str, Any]) -> Model:
    """A timm model without weights; its input is its configuration's `input_size`.

    Raises as `from_torchvision`.
    """
    timm = _need("timm")
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

    return build(f"timm:{name}", factory, arguments)


#: Bytes; the largest in use have some hundred kilobytes.
_LARGEST_CONFIG = 16 * 2**20


def from_hugging_face(path: str, arguments: dict[str, Any]) -> Model:
    """The architecture that a local `config.json` of transformers or diffusers describes.

    Args:
        path: the file, or its folder; nothing is downloaded.
        arguments: values that replace the configuration's.

    Raises as `from_torchvision`.
    """
    folder = Path(path).expanduser()
    file = folder / "config.json" if os.path.isdir(folder) else folder
    if not os.path.isfile(file):
        parts = sorted(one.parent.name for one in folder.glob("*/config.json"))
        if (folder / "model_index.json").is_file() and parts:
            raise InputError(
                f"hf:{path} is a pipeline of several models: name one of them, "
                f"{', '.join(f'hf:{path}/{part}' for part in parts)}"
            )
        raise InputError(
            f"hf:{path} has no config.json: give a local folder or file; nothing is downloaded"
        )
    if file.stat().st_size > _LARGEST_CONFIG:
        raise InputError(f"hf:{path} is larger than any config.json: give a model's configuration")
    with contextlib.suppress(ValueError):  # transformers says what is wrong with it
        config = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(config, dict) and isinstance(config.get("_class_name"), str):
            return _of_diffusers(path, config, arguments)
    return _of_transformers(path, file, arguments)


def _of_diffusers(path: str, config: dict[str, Any], arguments: dict[str, Any]) -> Model:
    """A network of diffusers, by its own `from_config`, without weights."""
    diffusers, name = _need("diffusers"), config["_class_name"]
    kind: Any = getattr(diffusers, name, None)
    if not hasattr(kind, "from_config") or not hasattr(kind, "forward"):
        raise ModelError(
            f"hf:{path}: diffusers {diffusers.__version__} has no network {printable(name)!r}: try "
            "another version of it, or give package.module:factory"
        )
    known = [one for one in inspect.signature(kind.__init__).parameters if one != "self"]
    for key in arguments:
        if key not in known:
            raise InputError(
                f"hf:{path} takes no argument {key!r}{did_you_mean(key, known)}: it takes "
                f"{', '.join(known)}"
            )

    def factory() -> nn.Module:
        return kind.from_config({**config, **arguments})  # type: ignore[no-any-return]

    return build(f"hf:{path}", factory, {})


def _of_transformers(path: str, file: Path, arguments: dict[str, Any]) -> Model:
    transformers = _need("transformers")
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
    architecture = _architecture(path, config)
    kind = getattr(transformers, architecture, None) if architecture else transformers.AutoModel
    if kind is not transformers.AutoModel and not hasattr(kind, "_from_config"):
        raise ModelError(
            f"hf:{path}: transformers {transformers.__version__} has no architecture "
            f"{architecture!r}: try another version of it, or give package.module:factory"
        )
    make = kind.from_config if kind is transformers.AutoModel else kind._from_config

    def factory() -> nn.Module:
        return make(config)  # type: ignore[no-any-return]

    built = build(f"hf:{path}", factory, {})
    quantized = getattr(config, "quantization_config", None)
    if not quantized:
        return built
    method = quantized.get("quant_method") if isinstance(quantized, Mapping) else None
    named = f" ({printable(str(method))})" if method else ""
    note = f"the configuration's quantization{named} is not applied: weights are {_dtypes(built)}"
    return replace(built, source_notes=(note,))


def _architecture(path: str, config: Any) -> str | None:
    """The class that a configuration names first; None where it names none."""
    named = getattr(config, "architectures", None)
    if not named:
        return None
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise InputError(
            f"hf:{path} has the architectures {named!r}: expected a list with a class's name, such "
            "as ['LlamaForCausalLM']"
        )
    return str(named[0])


def _dtypes(model: Model) -> str:
    """`float32`, or all dtypes of a model's parameters."""
    found = {str(tensor.dtype).removeprefix("torch.") for tensor in model.module.parameters()}
    return ", ".join(sorted(found))


#: What stands behind each library's prefix.
LIBRARY_NAMES = {"torchvision": "resnet50", "timm": "vit_small_patch16_224", "hf": "FOLDER"}

#: The prefix of each library's names, and what builds its models.
LIBRARIES: dict[str, Callable[[str, dict[str, Any]], Model]] = {
    "torchvision": from_torchvision,
    "timm": from_timm,
    "hf": from_hugging_face,
}
