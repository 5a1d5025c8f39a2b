"""The topics by name, and how one is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nincost._chinese.translate import Lang
from nincost._environment import environment
from nincost._explain.topic_names import TOPICS
from nincost._explain.topics.losses import BATCH, jumping_loss, summed_loss
from nincost._explain.topics.pointwise import relu_and_fully_connected, two_pointwise
from nincost._explain.topics.results import ExplainedTopic
from nincost._explain.topics.sizes import rounded_down, wrong_padding
from nincost._explain.topics.subject import Answer, Subject
from nincost._isolation import collection_paused
from nincost._models.sources import resolve
from nincost.errors import InputError, did_you_mean

_ANSWERS: Mapping[str, Callable[[Subject], Answer]] = {
    "1x1": two_pointwise,
    "fully-connected": relu_and_fully_connected,
    "padding": wrong_padding,
    "rounding": rounded_down,
    "summed-loss": summed_loss,
    "jumping-loss": jumping_loss,
}
assert tuple(_ANSWERS) == TOPICS
_OF_A_LAYER = frozenset({"fully-connected", "padding", "rounding"})
_OF_A_TRAINING = frozenset({"summed-loss", "jumping-loss"})


def answer_topic(
    name: str,
    model: Any,
    *,
    layer: str | None,
    input: Any,
    batch_size: int,
    arg: Mapping[str, Any] | None,
    lang: Lang,
) -> ExplainedTopic:
    """Answer the topic of this name; the arguments are those of `explain`."""
    if name not in _ANSWERS:
        known = ", ".join(TOPICS)
        raise InputError(f"topic is {name!r}: choose {known}{did_you_mean(name, TOPICS)}")
    if layer is not None and name not in _OF_A_LAYER:
        raise InputError(f"the topic {name} is not about one layer: leave layer {layer!r} out")
    with collection_paused():
        training = name in _OF_A_TRAINING
        if training and batch_size == 1:
            batch_size = BATCH  # nobody trains with less
        subject = Subject(resolve(model, arg), input, batch_size, layer)
        answer = _ANSWERS[name](subject)
        traced = None if training else subject.costs.traced
    return ExplainedTopic(
        topic=name,
        model=subject.found.name,
        input=traced.input if traced else (),
        batch_size=traced.batch_size if traced else batch_size,
        lang=lang,
        question=answer.question,
        cases=answer.cases,
        figures=answer.figures,
        answers=answer.answers,
        environment=environment(),
    )
