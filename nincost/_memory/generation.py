"""Records a model that generates: some tokens, where these say what all others are."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from nincost._progress import advance
from nincost._step.step_options import Step
from nincost._trace.decoding import Further, pattern_of
from nincost._trace.recording import Recording

#: Tokens that are recorded: the prompt's, one behind it that is like no other, and nine that follow
#: each other, as what attention does may depend on what remains of a length divided by 8.
_RECORDED = 11

#: Specs of a text: a size for each token.
_TOKENS = re.compile(r"((?:input_ids|attention_mask)=)(\d+)(:\w+)?")


def record_generation(step: Step, record: Callable[[Step, int], Recording]) -> Recording:
    """Record a model that generates.

    Some tokens are recorded behind the prompt, and as many behind a longer one, which are the last.
    Where these are what the first say, the others are not recorded; else (a window slides within
    them) all are.

    Args:
        step: with `generate`.
        record: records a step up to a number of tokens.
    """
    assert step.generate is not None
    more = step.generate - _RECORDED
    # It ends otherwise with the last token: those before that are looked at.
    later = _behind_longer_prompt(step, more - 1)
    if more <= 1 or later is None:
        return record(step, step.generate)
    recording = record(step, _RECORDED)
    pattern = pattern_of(recording.entries, recording.storages)
    if pattern is not None:
        last = record(later, _RECORDED)
        there = pattern_of(last.entries, last.storages)
        if there is not None and pattern.leads_to(there, more - 1):
            return replace(recording, further=Further(pattern, more))
    advance(f"recording {step.generate} tokens one by one", 0)
    return record(step, step.generate)


def _behind_longer_prompt(step: Step, more: int) -> Step | None:
    """The same with a prompt of `more` tokens more, and as many less to generate, of which the last
    is not recorded.

    None where the prompt is not described by the number of its tokens alone.
    """
    given = (step.input,) if isinstance(step.input, str) else step.input
    if not isinstance(given, tuple | list) or not all(isinstance(one, str) for one in given):
        return None
    if getattr(getattr(step.model.module, "config", None), "is_encoder_decoder", False):
        longer = [*given, f"decoder_input_ids={more + 1}:int64"]
    else:
        longer = []
        for spec in given:
            found = _TOKENS.fullmatch(spec)
            if found is None:
                return None
            longer.append(f"{found[1]}{int(found[2]) + more}{found[3] or ''}")
    return replace(step, input=longer, generate=_RECORDED + 1, prompt=None)
