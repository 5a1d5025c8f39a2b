"""What is declared of a step's option, and what is made of it: signature, docstring, words.

A dataclass's fields carry their options (`option`); the functions here read them, so that an
option is declared once. The command line makes its own of them (`nincost/_cli/step_flags.py`).
"""

from __future__ import annotations

import dataclasses
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeVar

from nincost._canonical_names import canonical_name
from nincost._old_option_names import refuse_renamed
from nincost.errors import InputError, did_you_mean

#: Makes the value to keep of what was given under a name, or raises InputError.
Check = Callable[[str, Any], Any]

#: How the command line reads an option: a text, a whole number, a number, a flag (or a pair of
#: flags), or `KEY=VALUE` as often as wanted.
Kind = Literal["text", "count", "number", "switch", "arguments"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option of a step, but for its name, type and default, which are its field's.

    Attributes:
        help: what it does, as the command line and docstrings say it.
        kind: how the command line reads it.
        metavar: what stands for its value in the command line's help.
        check: makes the value to keep of what was given.
        usual: the value that a title does not speak of.
        words: what a title says of another one: a text in which `{}` is the value, or a function
            of the value and all options. Empty: nothing.
        plain: the value as JSON has it, from the step; the field's own where None.
        sets: the fields of `nincost._devices.settings.Settings` that the option sets; where it is
            None they stay as torch is set.
    """

    help: str
    kind: Kind
    metavar: str
    check: Check
    usual: Any
    words: str | Callable[[Any, Mapping[str, Any]], str]
    plain: Callable[[Any], Any] | None
    sets: tuple[str, ...]


def option(
    default: Any,
    *,
    help: str,
    kind: Kind = "text",
    metavar: str = "",
    check: Check | None = None,
    usual: Any = None,
    words: str | Callable[[Any, Mapping[str, Any]], str] = "",
    plain: Callable[[Any], Any] | None = None,
    sets: tuple[str, ...] = (),
) -> Any:
    """A dataclass's field that is an option of a step; see `Option`.

    What is given must be of the option's `kind`, or what `check` takes; or None where that is the
    default.
    """
    check = check or _CHECKS[kind]
    found = Option(
        help=help,
        kind=kind,
        metavar=metavar or _METAVARS[kind],
        check=_or_none(check) if default is None and kind != "arguments" else check,
        usual=default if usual is None else usual,
        words=words,
        plain=plain,
        sets=sets,
    )
    return dataclasses.field(default=default, metadata={"option": found})


def options_of(step: Any) -> Iterator[tuple[dataclasses.Field[Any], Option]]:
    """The fields of a step or its class that are options, in order."""
    for field in dataclasses.fields(step):
        if "option" in field.metadata:
            yield field, field.metadata["option"]


def keep_checked(step: Any) -> None:
    """Check each option of a frozen dataclass, and keep what its check makes of it.

    Raises:
        InputError: a value that its option does not take.
    """
    for field, declared in options_of(step):
        kept = declared.check(field.name, getattr(step, field.name))
        object.__setattr__(step, field.name, kept)


def plain_options(step: Any) -> dict[str, Any]:
    """A step's options as plain values, for JSON and for a fresh process."""
    return {
        field.name: found.plain(step) if found.plain else getattr(step, field.name)
        for field, found in options_of(step)
    }


def unusual(options: Mapping[str, Any], kind: Any) -> list[str]:
    """What a title says of plain options that are not the usual ones, in the fields' order."""
    found = []
    for field, declared in options_of(kind):
        value = options[field.name]
        if callable(declared.words):
            found.append(declared.words(value, options))
        elif value != declared.usual:
            found.append(declared.words.format(value))
    return [words for words in found if words]


def refuse_unknown(given: Mapping[str, Any], kind: Any) -> None:
    """Refuse a keyword argument that is no option of a step.

    Raises:
        InputError: the message has the nearest option.
    """
    known = [field.name for field, _ in options_of(kind)]
    for name in given:
        if name not in known:
            refuse_renamed(name)
            raise InputError(
                f"a step has no option {name!r}{did_you_mean(name, known)}: choose "
                f"{', '.join(known)}"
            )


def with_options(kinds: Any, types: Mapping[str, Any]) -> Callable[[F], F]:
    """Show a dataclass's options in a function's signature, and in its docstring's `{options}`.

    The function takes them as `**step`; `kinds` may be several dataclasses. `types` are what each
    may be given as, by name; the field's type where it has none.
    """
    every = kinds if isinstance(kinds, tuple) else (kinds,)

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        more = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=_as_text(types.get(field.name, field.type)),
            )
            for kind in every
            for field, _ in options_of(kind)
        ]
        signed: Any = function
        signed.__signature__ = signature.replace(parameters=[*own, *more])
        if function.__doc__:  # none where Python runs with -OO
            function.__doc__ = function.__doc__.replace(
                "        {options}\n", "".join(map(_described, every))
            )
        return function

    return decorate


def _as_text(annotation: Any) -> Any:
    """The text of an annotation that is not evaluated."""
    return getattr(annotation, "__forward_arg__", annotation)


def _described(kind: Any) -> str:
    """The options as the lines of a docstring."""
    return "".join(
        textwrap.fill(
            f"{field.name}: {declared.help}",
            width=100,
            initial_indent=" " * 8,
            subsequent_indent=" " * 12,
            break_on_hyphens=False,
        )
        + "\n"
        for field, declared in options_of(kind)
    )


def one_of(*known: str, aliases: Mapping[str, str] | None = None) -> Check:
    """A check that takes one of a few names."""
    return lambda name, value: canonical_name(name, value, known, aliases=aliases or {})


def none_or(*known: str) -> Check:
    """A check that takes one of a few names, or an empty text for none of them."""
    return lambda name, value: value if value == "" else canonical_name(name, value, known)


def _or_none(check: Check) -> Check:
    return lambda name, value: None if value is None else check(name, value)


def check_count(name: str, value: Any) -> int:
    """A whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{name} is {value!r}: expected a whole number of at least 1")
    return value


def check_positive(name: str, value: Any) -> float:
    """A number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise InputError(f"{name} is {value!r}: expected a number above 0, such as 1.0")
    return value


def check_switch(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise InputError(f"{name} is {value!r}: expected True or False")
    return value


def check_text(name: str, value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise InputError(f"{name} is {value!r}: expected a text")
    return value


def check_arguments(name: str, value: Any) -> dict[str, Any]:
    """Keyword arguments; none where None."""
    if not isinstance(value, Mapping | None):
        raise InputError(
            f"{name} is {value!r}: expected keyword arguments such as {{'momentum': 0.9}}"
        )
    return dict(value or {})


_CHECKS: Mapping[Kind, Check] = {
    "text": check_text, "count": check_count, "number": check_positive, "switch": check_switch,
    "arguments": check_arguments,
}  # fmt: skip
_METAVARS: Mapping[Kind, str] = {
    "text": "NAME", "count": "N", "number": "X", "switch": "", "arguments": "KEY=VALUE",
}  # fmt: skip
