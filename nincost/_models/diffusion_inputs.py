"""What a network of diffusers takes by itself: latents, timesteps, texts, by its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Tokens of a text as the pipelines pad it: CLIP's, and T5's by who trained with it.
_CLIP = 77
_T5 = {
    "SD3Transformer2DModel": 333, "PixArtTransformer2DModel": 300, "SanaTransformer2DModel": 300,
    "AuraFlowTransformer2DModel": 256, "CogVideoXTransformer3DModel": 226,
}  # fmt: skip
_LONG = 512  # FLUX.1-dev's, Wan's
#: Sides of latents where the configuration leaves them open: those of images of 1,024 pixels.
_SIDE = 128
#: Pixels of an autoencoder's images where it leaves them open.
_PIXELS = 512
#: Latent frames and sides of a video where it leaves them open: Wan's at 480p, 81 frames.
_VIDEO = (21, 60, 104)


def diffusion_input(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The input specs of a network of diffusers, without the batch; none where it is not known.

    Sizes are the configuration's `sample_size`; texts are as long as the pipelines make them.

    Args:
        config: its configuration, with its `_class_name`.
    """
    name = str(config.get("_class_name", ""))
    made = _KINDS.get(name)
    return () if made is None else tuple(made(_Config(name, config)))


class _Config:
    """A configuration's values, and sizes that several networks have."""

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        self.name = name
        self._values = values

    def get(self, key: str, usual: Any = None) -> Any:
        found = self._values.get(key)
        if isinstance(found, list | tuple) and found:
            return found[0]
        return usual if found is None else found

    def sides(self, usual: int) -> str:
        size = self._values.get("sample_size") or usual
        height, width = (size, size) if isinstance(size, int) else size
        return f"{height}x{width}"

    def images(self, usual: int, channels: int = 4) -> str:
        return f"{self.get('in_channels', channels)}x{self.sides(usual)}"

    @property
    def text(self) -> int:
        return _T5.get(self.name, _LONG)


def _unet(config: _Config) -> list[str]:
    specs = [f"sample={config.images(_SIDE, 3)}", "timestep=batch:int64"]
    return specs + _classes(config)


def _classes(config: _Config) -> list[str]:
    given = config.get("num_class_embeds") or config.get("class_embed_type") == "timestep"
    return ["class_labels=batch:int64"] if given else []


def _text_unet(config: _Config) -> list[str]:
    width = config.get("encoder_hid_dim") or config.get("cross_attention_dim", 1280)
    specs = [f"sample={config.images(_SIDE)}", "timestep=batch:int64",
             f"encoder_hidden_states={_CLIP}x{width}", *_classes(config)]  # fmt: skip
    kind = config.get("addition_embed_type")
    if kind == "text_time":  # SDXL's
        ids = 6
        each = config.get("addition_time_embed_dim", 256)
        pooled = config.get("projection_class_embeddings_input_dim", 2816) - ids * each
        specs += [f"added_cond_kwargs.text_embeds={pooled}", f"added_cond_kwargs.time_ids={ids}"]
    return [] if kind not in (None, "text", "text_time") else specs


def _controlnet(config: _Config) -> list[str]:
    # Eight pixels of the condition for one of the latents.
    height, width = map(int, config.sides(64).split("x"))
    specs = [spec.replace(f"x{config.sides(_SIDE)}", f"x{height}x{width}")
             for spec in _text_unet(config)]  # fmt: skip
    channels = config.get("conditioning_channels", 3)
    return specs and [*specs, f"controlnet_cond={channels}x{8 * height}x{8 * width}"]


def _video_unet(config: _Config) -> list[str]:
    frames = config.get("num_frames", 16)
    return [
        f"sample={frames}x{config.get('in_channels', 8)}x{config.sides(96)}",
        "timestep=batch:int64",
        f"encoder_hidden_states=1x{config.get('cross_attention_dim', 1024)}", "added_time_ids=3",
    ]  # fmt: skip


def _dit(config: _Config) -> list[str]:
    return [f"hidden_states={config.images(32)}", "timestep=batch:int64",
            "class_labels=batch:int64"]  # fmt: skip


def _texts(config: _Config, width: str, usual: int = 4096) -> str:
    return f"encoder_hidden_states={config.text}x{config.get(width, usual)}"


def _pixart(config: _Config) -> list[str]:
    specs = [f"hidden_states={config.images(_SIDE)}", _texts(config, "caption_channels"),
             "timestep=batch:int64"]  # fmt: skip
    extra = config.get("use_additional_conditions")
    if extra or (extra is None and config.get("sample_size", _SIDE) == 128):
        specs += ["added_cond_kwargs.resolution=2", "added_cond_kwargs.aspect_ratio=1"]
    return specs


def _sana(config: _Config) -> list[str]:
    return [f"hidden_states={config.images(32, 32)}", _texts(config, "caption_channels", 2304),
            "timestep=batch:int64"]  # fmt: skip


def _aura(config: _Config) -> list[str]:
    return [f"hidden_states={config.images(64)}", _texts(config, "joint_attention_dim", 2048),
            "timestep=batch"]  # fmt: skip


def _sd3(config: _Config) -> list[str]:
    return [
        f"hidden_states={config.images(_SIDE, 16)}", _texts(config, "joint_attention_dim"),
        f"pooled_projections={config.get('pooled_projection_dim', 2048)}", "timestep=batch:int64",
    ]  # fmt: skip


def _flux(config: _Config) -> list[str]:
    tokens = (_SIDE // 2) ** 2  # two by two latents a token
    specs = [
        f"hidden_states={tokens}x{config.get('in_channels', 64)}",
        _texts(config, "joint_attention_dim"),
        f"pooled_projections={config.get('pooled_projection_dim', 768)}", "timestep=batch",
        f"img_ids=={tokens}x3", f"txt_ids=={config.text}x3",
    ]  # fmt: skip
    return [*specs, "guidance=batch"] if config.get("guidance_embeds") else specs


def _wan(config: _Config) -> list[str]:
    frames, height, width = _VIDEO
    specs = [f"hidden_states={config.get('in_channels', 16)}x{frames}x{height}x{width}",
             "timestep=batch:int64", _texts(config, "text_dim")]  # fmt: skip
    image = config.get("image_dim")
    return [*specs, f"encoder_hidden_states_image=257x{image}"] if image else specs


def _cogvideo(config: _Config) -> list[str]:
    if config.get("use_rotary_positional_embeddings"):
        return []  # they are computed by the pipeline
    frames = (config.get("sample_frames", 49) - 1) // config.get("temporal_compression_ratio", 4)
    sides = f"{config.get('sample_height', 60)}x{config.get('sample_width', 90)}"
    return [f"hidden_states={frames + 1}x{config.get('in_channels', 16)}x{sides}",
            _texts(config, "text_embed_dim"), "timestep=batch:int64"]  # fmt: skip


def _autoencoder(config: _Config) -> list[str]:
    return [f"sample={config.images(_PIXELS, 3)}"]


_KINDS = {
    "UNet2DModel": _unet,
    "UNet2DConditionModel": _text_unet,
    "UNetSpatioTemporalConditionModel": _video_unet,
    "ControlNetModel": _controlnet,
    "DiTTransformer2DModel": _dit,
    "PixArtTransformer2DModel": _pixart,
    "SanaTransformer2DModel": _sana,
    "AuraFlowTransformer2DModel": _aura,
    "SD3Transformer2DModel": _sd3,
    "FluxTransformer2DModel": _flux,
    "WanTransformer3DModel": _wan,
    "CogVideoXTransformer3DModel": _cogvideo,
    "AutoencoderKL": _autoencoder,
    "AutoencoderTiny": _autoencoder,
    "VQModel": _autoencoder,
}
