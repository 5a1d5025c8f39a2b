"""What every result can do: print itself, and become a table, a document, a picture or a file.

A result holds plain values and imports no renderer. The registry finds one by its name when it is
asked for: the module `nincost._render.FOLDER.FORMAT`, the folder being the result's own, else
`nincost._render.FORMAT`, which serves every result. So a new format is one file with one function,
`render(result, **options) -> str | bytes`, and no list names it. Three files of a folder are no
formats: `figure.py` draws a picture (`draw(result, *, width)`, which makes svg, png and pdf),
`notebook.py` renders what Jupyter shows, and `text.py` has the words that formats share.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from nincost._chinese.translate import chosen, speaking
from nincost._files import check_writable, write_file
from nincost.errors import InputError, OutputError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

#: Formats of a result that has a picture.
PICTURES = ("svg", "png", "pdf")

_RENDERERS = "nincost._render"
_NO_FORMATS = frozenset({"figure", "notebook", "text"})
#: In the order of help and messages; a folder's other formats follow.
_ORDER = ("table", "csv", "json", "markdown", "latex", "html")
#: Endings of files that are not the format's name.
_ENDINGS = {"table": ".txt", "markdown": ".md", "latex": ".tex"}

#: A result without words in other languages has no field `lang`.
_NO_LANGUAGE: Any = object()

Renderer = Callable[..., str | bytes]


@dataclass(frozen=True, slots=True)
class Tabular:
    """A result's rows as plain values: what its CSV, LaTeX and DataFrame hold. None is unknown."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    @classmethod
    def of(cls, columns: Sequence[str], records: Iterable[Mapping[str, Any]]) -> Tabular:
        """The rows that have these columns as keys."""
        rows = tuple(tuple(record[name] for name in columns) for record in records)
        return cls(tuple(columns), rows)


class Result:
    """Base of every result: a frozen dataclass of plain values.

    Attributes:
        renderers: the folder of `nincost._render` with the result's own formats.
    """

    __slots__ = ()
    renderers: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """The JSON document's content: plain values under the names in the documentation."""
        raise NotImplementedError

    def tabular(self) -> Tabular:
        """The result's main rows under the columns of its CSV."""
        raise NotImplementedError

    def headline(self) -> dict[str, Any]:
        """What was asked about, and the main figures: what `repr` shows on its line."""
        raise NotImplementedError

    def to_json(self, path: str | Path | None = None, *, force: bool = False) -> str:
        """The result as a JSON document, written to `path` as well where one is given.

        As with every format, an existing file is left alone unless `force`, and a file is never
        half-written.

        Raises:
            OutputError: the file cannot be written.
        """
        return self._rendered("json", path, force)

    def to_csv(self, path: str | Path | None = None, *, force: bool = False) -> str:
        """The rows as CSV text, written to `path` as well where one is given."""
        return self._rendered("csv", path, force)

    def to_markdown(self, path: str | Path | None = None, *, force: bool = False) -> str:
        """Tables and words as Markdown, written to `path` as well where one is given."""
        return self._rendered("markdown", path, force)

    def to_latex(self, path: str | Path | None = None, *, force: bool = False) -> str:
        """The rows as a LaTeX tabular for booktabs and siunitx, written to `path` where given."""
        return self._rendered("latex", path, force)

    def to_html(self, path: str | Path | None = None, *, force: bool = False) -> str:
        """One HTML page that needs no network, written to `path` as well where one is given.

        Raises:
            OutputError: the file cannot be written, or the page is a report's or a comparison's and
                its libraries (`pip install jinja2 'vl-convert-python<2'`) are not there.
        """
        return self._rendered("html", path, force)

    def to_dataframe(self) -> pd.DataFrame:
        """The rows as a pandas DataFrame with the CSV's columns."""
        import pandas as pd

        table = self.tabular()
        return pd.DataFrame(list(table.rows), columns=list(table.columns))

    def plot(
        self,
        path: str | Path | None = None,
        *,
        width: str | float = "page",
        force: bool = False,
    ) -> Figure:
        """The result's picture: a matplotlib figure, which a notebook shows.

        Written to `path` as well where one is given (.svg, .png or .pdf). `width` is `column` (3.4
        inches), `page` (7), or a number of inches.

        Raises:
            OutputError: this kind of result has no picture, matplotlib is not installed, or `path`
                cannot be written.
            InputError: a width that no picture can have.
        """
        return self._drawn(path, width, force)

    def __str__(self) -> str:
        return str(render(self, "table", width=120))

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in self.headline().items())
        return f"{type(self).__name__}({said})"

    def _repr_html_(self) -> str:
        return str(render(self, "notebook"))

    def _rendered(self, format: str, path: str | Path | None, force: bool, **options: Any) -> str:
        """A text format, written to `path` where one is given."""
        if path is not None:
            check_writable(path, force=force)
        text = render(self, format, **options)
        assert isinstance(text, str)
        if path is not None:
            write_file(path, text, force=force)
        return text

    def _drawn(
        self, path: str | Path | None, width: str | float, force: bool, **options: Any
    ) -> Figure:
        """The picture, written to `path` where one is given."""
        draw = _figure(self.renderers).draw
        picture = importlib.import_module(f"{_RENDERERS}.figures.picture")
        figure: Figure = picture.plot(lambda: draw(self, width=width, **options), path, force=force)
        return figure


def render(result: Result, format: str, **options: Any) -> str | bytes:
    """The result in a format; `options` are the renderer's own.

    Raises:
        OutputError: the result has no such format.
        InputError: the format has no such option.
    """
    renderer = find_renderer(result.renderers, format)
    known = options_of(renderer)
    lang = getattr(result, "lang", _NO_LANGUAGE)
    for name in options:
        if name not in known:
            raise InputError(
                f"the format {format} of {result.renderers} has no option {name!r}: "
                f"{'choose ' + ', '.join(known) if known else 'it has none'}"
            )
    if lang is _NO_LANGUAGE or format in PICTURES:
        return renderer(result, **options)
    with speaking(chosen(lang)):
        return renderer(result, **options)


def find_renderer(folder: str, format: str) -> Renderer:
    """The function that renders the results of a folder in a format.

    Raises:
        OutputError: there is none.
    """
    module = _module(f"{_RENDERERS}.{folder}", format) or _module(_RENDERERS, format)
    if module is None and format in PICTURES:
        draw = _figure(folder).draw
        picture = importlib.import_module(f"{_RENDERERS}.figures.picture")

        @functools.wraps(draw)
        def render_picture(result: Result, **options: Any) -> bytes:
            content: bytes = picture.render(draw(result, **options), format)
            return content

        return render_picture
    if module is None or format in ("figure", "text"):
        known = formats(folder)
        raise OutputError(
            f"{folder} has no format {format!r}: choose {', '.join(known)}"
            f"{did_you_mean(format, known)}"
        )
    renderer: Renderer = module.render
    return renderer


def check_format(folder: str, format: str) -> None:
    """Raise now what rendering would raise once the result is there: a library is not installed.

    A format that needs one has a function `check()` beside its `render`; pictures need matplotlib.

    Raises:
        OutputError: a library is missing, or there is no such format.
    """
    module = inspect.getmodule(find_renderer(folder, format))
    check = getattr(module, "check", None)
    if check is not None:
        check()


def options_of(renderer: Renderer) -> tuple[str, ...]:
    """The names of a renderer's options: all its parameters but the result."""
    return tuple(inspect.signature(renderer).parameters)[1:]


def formats(folder: str) -> tuple[str, ...]:
    """The formats that the results of a folder have, found without importing a renderer."""
    own, general = _names(f"{_RENDERERS}.{folder}"), _names(_RENDERERS)
    found = (own | general) - _NO_FORMATS
    first = tuple(name for name in _ORDER if name in found)
    others = tuple(sorted(found - set(_ORDER)))
    return (*first, *others, *(PICTURES if "figure" in own else ()))


def pick_format(chosen: str | None, output: str | Path | None, formats: Sequence[str]) -> str:
    """The format asked for, else the one that the file's ending names, else a table.

    Raises:
        OutputError: the ending names none of `formats`.
    """
    if chosen is not None:
        return chosen
    if output is None:
        return "table"
    suffix = Path(output).suffix.lower()
    endings = {_ENDINGS.get(name, f".{name}"): name for name in formats}
    if suffix in endings:
        return endings[suffix]
    raise OutputError(
        f"the ending of {str(output)!r} names no format: end it in {', '.join(endings)}, or "
        f"give --format{did_you_mean(suffix, endings)}"
    )


def _figure(folder: str) -> ModuleType:
    package = f"{_RENDERERS}.{folder}"
    if "figure" not in _names(package):
        raise OutputError(
            f"{folder} has no picture: choose {', '.join(formats(folder))}, or plot the result of "
            "profile, memory, fit, compare or train"
        )
    importlib.import_module(f"{_RENDERERS}.figures")  # says what to install without matplotlib
    return importlib.import_module(f"{package}.figure")


def _module(package: str, name: str) -> ModuleType | None:
    """A module of a package, imported; None where there is no such file."""
    if name not in _names(package):
        return None
    return importlib.import_module(f"{package}.{name}")


def _names(package: str) -> frozenset[str]:
    """The modules of a package. The package itself is imported: it holds a docstring alone."""
    path = importlib.import_module(package).__path__
    return frozenset(module.name for module in pkgutil.iter_modules(path) if not module.ispkg)


def plain(value: Any) -> dict[str, Any]:
    """A dataclass's fields as plain values, and those of the records in them."""

    def simple(inner: Any) -> Any:
        if hasattr(inner, "to_dict"):
            return inner.to_dict()
        if isinstance(inner, Mapping):
            return dict(inner)
        if isinstance(inner, tuple | list):
            return type(inner)([simple(item) for item in inner])
        return inner

    return {item.name: simple(getattr(value, item.name)) for item in fields(value)}
