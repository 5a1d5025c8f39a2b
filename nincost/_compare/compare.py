"""Compares networks, or one network at several inputs or batch sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from nincost._chinese.translate import Lang, check_language
from nincost._compare.alignment import align
from nincost._compare.results import Comparison, Difference
from nincost._environment import environment
from nincost._isolation import collection_paused, in_own_mode
from nincost._memory.predict import predict
from nincost._profile.profile import profile
from nincost._profile.results import Profile
from nincost._progress import advance
from nincost._step.option_fields import with_options
from nincost._step.request import check_options, make_request
from nincost._step.step_options import Step
from nincost._step.step_words import StepOptions
from nincost._time.predict import time_recording
from nincost._time.speeds import is_timed
from nincost.errors import InputError, NincostError

#: Columns that a table can have and somebody can read.
MOST_COLUMNS = 64


@in_own_mode
@with_options(Step, StepOptions.__annotations__)
def compare(
    *models: Any,
    inputs: Sequence[Any] | None = None,
    batch_sizes: Sequence[int] | None = None,
    arg: Mapping[str, Any] | None = None,
    memory: bool = True,
    gpu: str | None = None,
    lang: Lang | None = None,
    **step: Unpack[StepOptions],
) -> Comparison:
    """Set networks side by side: what differs layer by layer, and the totals with their ratios.

    Args:
        models: two or more, named as in `nincost.profile`, or modules; or one, compared with itself
            at several `inputs` or `batch_sizes`.
        inputs: an input for all of them, or one for each.
        batch_sizes: a batch size for all of them, or one for each.
        arg: keyword arguments for the models' factories.
        memory: predict each one's training step, too.
        gpu: the card that this is predicted for, as in `nincost.memory`; where it names a card,
            with examples a second, as in `nincost.time`.
        lang: the language of the words, `en` or `zh`; that of LANG if None.
        {options}

    Returns:
        A `Comparison`; its `layers` are aligned where two are compared.

    Raises:
        InputError: fewer than two columns, or numbers of models, inputs and batch sizes that do
            not match.
        NincostError: a model cannot be profiled.

    Examples:
        >>> nincost.compare("two-1x1", "one-1x1").total("params")
        (1992166, 1769112)
    """
    check_language(lang)
    given = tuple(inputs) if inputs else (None,)
    batches = tuple(batch_sizes) if batch_sizes else (1,)
    if not models:
        raise InputError("no model to compare: give two, such as two-1x1 one-1x1")
    count = max(len(models), len(given), len(batches))
    if count > MOST_COLUMNS:
        raise InputError(
            f"{count} columns are asked for: at most {MOST_COLUMNS} stand side by side; give fewer "
            "models, inputs or batch sizes"
        )
    if count < 2:
        raise InputError(
            "one model alone: give a second one, or two inputs or batch sizes to compare it at "
            "(--inputs 1x224x224 --inputs 1x96x96, --batch-sizes 1,128)"
        )
    for what, values in (("models", models), ("inputs", given), ("batch sizes", batches)):
        if len(values) not in (1, count):
            raise InputError(
                f"there are {len(values)} {what}, but {count} columns to fill (the most of "
                f"models, inputs and batch sizes): give 1 for all, or {count}"
            )
    check_options(gpu, step)  # a mistake there is no reason to go on without a step's memory
    profiles = tuple(
        profile(
            _of(models, i),
            input=_of(given, i),
            batch_size=_of(batches, i),
            arg=arg,
            assume=step.get("assume", "balanced"),
            on_cpu=step.get("on_cpu", False),
        )
        for i in range(count)
    )
    layers: tuple[Difference, ...] = ()
    if count == 2:
        left, right = profiles[0].layers, profiles[1].layers
        layers = tuple(
            Difference(
                None if i is None else left[i],
                None if j is None else right[j],
            )
            for i, j in align(left, right)
        )
    names = _names(profiles)
    steps: list[tuple[int | None, float | None]] = []
    notes: list[str] = []
    for i, name in enumerate(names if memory else ()):
        advance(f"predicting a step of {name}", i, count)
        found, note = _training(_of(models, i), _of(given, i), _of(batches, i), arg, gpu, step)
        steps.append(found)
        if note:
            notes.append(f"{name}: {note}")
    speeds = tuple(speed for _, speed in steps)
    return Comparison(
        names, profiles, layers, tuple(peak for peak, _ in steps),
        speeds if any(speed is not None for speed in speeds) else (), tuple(notes), environment(),
        lang=lang,
    )  # fmt: skip


def _training(
    model: Any,
    given: Any,
    batch_size: int,
    arg: Mapping[str, Any] | None,
    gpu: str | None,
    step: StepOptions,
) -> tuple[tuple[int | None, float | None], str]:
    """A step's peak in allocated bytes and examples a second; or None, and why there is none.

    A speed is predicted of a card that was named, and of no other.
    """
    try:
        with collection_paused():
            request = make_request(model, gpu, batch_size, input=given, arg=arg, **step)
            found = predict(request)
            timed = gpu is not None and is_timed(request)
            rate = time_recording(request, found.recording).examples_per_second if timed else None
    except NincostError as error:
        return (None, None), f"no training step could be predicted: {error}"
    return (found.simulation.peak, rate), ""


def _of(values: Sequence[Any], place: int) -> Any:
    return values[place if len(values) > 1 else 0]


def _names(profiles: Sequence[Profile]) -> tuple[str, ...]:
    """The models' names, with input and batch size where these distinguish them."""
    names = [p.model for p in profiles]
    images = [_without_batch(p) for p in profiles]
    if len(set(images)) > 1 and len(set(names)) < len(names):
        names = [f"{name} {image}" for name, image in zip(names, images, strict=True)]
    if len({p.batch_size for p in profiles}) > 1:
        names = [f"{n} batch {p.batch_size}" for n, p in zip(names, profiles, strict=True)]
    seen: dict[str, int] = {}
    for place, name in enumerate(names):
        seen[name] = seen.get(name, 0) + 1
        if names.count(name) > 1 and seen[name] > 1:
            names[place] = f"{name} ({seen[name]})"
    return tuple(names)


def _without_batch(profile: Profile) -> str:
    """`1x224x224` of `128x1x224x224`."""
    batch = str(profile.batch_size)
    return ",".join(spec.replace(f"{batch}x", "", 1) for spec in profile.input)
