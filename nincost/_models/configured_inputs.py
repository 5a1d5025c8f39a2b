"""What a transformers model takes by itself: ids, images or sound, by its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

#: Objects of an image in COCO, on the average 7.3 (Lin et al., 2014, section 5).
BOXES = 7
#: Tokens where the configuration allows more: BERT's usual length.
_LENGTH = 512
#: Pixels of an image's side where the configuration leaves it open: ImageNet's usual ones.
_SIDE = 224
#: Samples of a second of speech, at the rate that such models are trained on.
_SAMPLES = 16000


def default_input(module: nn.Module, config: Any) -> tuple[str, ...]:
    """The input specs of a transformers model, without the batch; none where it is not known.

    Args:
        module: the model, whose `main_input_name` says what it takes first.
        config: its configuration.
    """
    text = _part(config, "text_config", "decoder")
    length = min(_LENGTH, *_limits(config), *_limits(text))
    ids = f"input_ids={length}:int64"
    decoder = getattr(config, "is_encoder_decoder", False)
    pixels, mels = _pixels(config), getattr(config, "num_mel_bins", 0)
    main = getattr(module, "main_input_name", "")
    if main == "pixel_values":
        if hasattr(config, "vision_config") and hasattr(config, "text_config"):
            return (ids, f"pixel_values={pixels}")
        return (pixels,)  # an image classifier's first argument
    if main == "input_ids":
        if hasattr(config, "vision_config") and hasattr(module, "logit_scale"):  # CLIP's kind
            return (ids, f"pixel_values={pixels}")
        return (ids, f"decoder_input_ids={length}:int64") if decoder else (ids,)
    if main == "input_features":
        frames = getattr(config, "max_source_positions", 0)
        if mels and frames and decoder:  # Whisper: a convolution halves the frames
            length = min(length, getattr(config, "max_target_positions", length))
            return (f"input_features={mels}x{2 * frames}", f"decoder_input_ids={length}:int64")
        return ()
    if main == "input_values":
        if hasattr(config, "conv_stride"):  # wav2vec 2.0 and its like take the samples
            return (f"input_values={_SAMPLES}",)
        frames = getattr(config, "max_length", 0)
        return (f"input_values={frames}x{mels}",) if mels and frames else ()
    return ()


def positions(config: Any) -> int | None:
    """How many tokens a text model that generates has places for; None where it does not say."""
    text = _part(config, "text_config", "decoder")
    names = ("max_position_embeddings", "n_positions", "max_target_positions", "max_seq_len")
    found = [getattr(text, name, None) for name in names]
    return min((size for size in found if type(size) is int and size > 0), default=None)


def _part(config: Any, *names: str) -> Any:
    """The first of a configuration's parts that it has, else itself."""
    return next((part for name in names if (part := getattr(config, name, None))), config)


def _limits(config: Any) -> list[int]:
    """How long a text may be."""
    names = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length")
    found = [getattr(config, name, None) for name in names]
    # Roberta's positions begin behind its padding's.
    pads = 2 if "roberta" in str(getattr(config, "model_type", "")) else 0
    return [size - pads for size in found if type(size) is int and size > pads] or [_LENGTH]


def _pixels(config: Any) -> str:
    """`3x224x224`, by the configuration where it says so."""
    images = _part(config, "vision_config", "encoder")
    size = getattr(images, "image_size", None)
    if isinstance(size, list | tuple) and len(size) == 2:
        height, width = size
    else:
        height = width = size
    if type(height) is not int or type(width) is not int:
        height = width = _SIDE
    return f"{getattr(images, 'num_channels', 3)}x{height}x{width}"
