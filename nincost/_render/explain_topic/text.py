"""An answer in words and cells, for every format that shows words."""

from __future__ import annotations

from nincost._explain.phrases import say
from nincost._explain.topics.results import ExplainedTopic


def title(found: ExplainedTopic) -> str:
    """The question."""
    return found.question.text(found.lang)


def headings(found: ExplainedTopic) -> list[str]:
    """What the figures are of, then the cases."""
    return ["", *(case.heading.text(found.lang) for case in found.cases)]


def rows(found: ExplainedTopic) -> list[list[str]]:
    """Each figure's name and its values."""
    return [[one.heading.text(found.lang), *one.cells()] for one in found.figures]


def statements(found: ExplainedTopic) -> list[tuple[str, str]]:
    """The answers, each a paragraph; the first has the heading."""
    texts = [answer.text(found.lang) for answer in found.answers]
    name = say(found.lang, "answer")
    return [("" if place else name, text) for place, text in enumerate(texts)]


def about(found: ExplainedTopic) -> str:
    """The model, its input and batch; empty where the figures are of no model."""
    if not found.input:
        return ""
    return say(
        found.lang, "topic_of", model=found.model, input=", ".join(found.input),
        batch=found.batch_size,
    )  # fmt: skip
