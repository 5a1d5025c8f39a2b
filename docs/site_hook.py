"""Puts README, the reports and what pages link to into the site, where links expect them.

The pages link to each other as they lie in the repository, so that they can be read there; mkdocs
knows `docs/` alone. So each linked file becomes one of the site's, and links are turned to it.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
#: What is in the site beside `docs/`, by its place in the repository.
BESIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
    **{
        path: path
        for path in (
            *(f"reports/{report.name}" for report in sorted((ROOT / "reports").glob("*.md"))),
            "examples/nin_four_questions.ipynb",
            "examples/does_it_fit.ipynb",
            "benchmarks/data/measured_training_memory.csv",
        )
    },
}
_PAGES = {page: place for place, page in BESIDE.items()}
_LINK = re.compile(r"(\]\()([^)\s#:]+)((?:#[^)\s]*)?\))")


def on_files(files: Files, config: Any) -> Files:
    """Add what lies beside `docs/`."""
    for place, page in BESIDE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / place)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links between places of the repository into links between pages of the site."""
    here = page.file.src_uri
    place = _PAGES.get(here, f"docs/{here}")

    def turned(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(place), link[2]))
        there = BESIDE.get(target, target.removeprefix("docs/"))
        return link[1] + posixpath.relpath(there, posixpath.dirname(here) or ".") + link[3]

    return _LINK.sub(turned, markdown)
