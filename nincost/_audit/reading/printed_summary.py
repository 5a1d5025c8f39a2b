"""Tables that torchinfo, torchsummary and fvcore print, pasted into an answer.

Their rows name a layer by its type and a number of theirs: `Conv2d: 2-3`, `Conv2d-5`. Here the
third such row is `Conv2d#3`, the model's third layer of that type (`labels.py`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from nincost._audit.reading.table_rows import Table

#: torchinfo's, such as `│    └─Conv2d (conv): 2-1      [1, 96, 54, 54]      11,712`.
_INFO_ROW = re.compile(
    r"[ \t│|├└─+-]*(?P<type>[A-Za-z]\w*)(?:[ ]\([^()]*\))?:[ ](?P<depth>\d+)-\d+[ \t]+"
    r"(?P<cells>\S.*)"
)
_INFO_HEADING = re.compile(r"[ \t]*Layer \(type[^()]*:depth-idx[^()]*\)[ \t]+(?P<names>\S.*)")
_INFO_TOTALS = re.compile(
    r"^[ \t]*Total (?P<what>params|mult-adds)[ ]?(?:\((?:Units\.)?(?P<unit>[A-Z])[A-Z]*\))?:[ \t]*"
    r"(?P<value>[\d,.]+)[ \t]*\r?$",
    re.MULTILINE,
)
_UNITS = {"U": "", "N": "", "K": "k", "M": "M", "G": "G", "T": "T"}
_INFO_COLUMNS = {"output shape": "output_shape", "param #": "params", "mult-adds": "macs"}
_FVCORE_HEADING = re.compile(
    r"[ \t]*\|[ \t]*module[ \t]*\|[ \t]*#parameters or shape[ \t]*\|[ \t]*#flops[ \t]*\|",
    re.IGNORECASE,
)
_FVCORE_COLUMNS = ("layer", "params", "macs")
#: torchsummary's, such as `Conv2d-1     [-1, 96, 54, 54]     11,712`.
_SUMMARY_ROW = re.compile(
    r"^[ \t]*(?P<name>[A-Za-z]\w*)-\d+[ \t]+\[(?P<shape>-?\d+(?:,[ ]*\d+)*)\]"
    r"[ \t]+(?P<params>[\d,]+)[ \t]*\r?$",
    re.MULTILINE,
)
_SUMMARY_TOTAL = re.compile(r"^Total params:[ \t]*(?P<params>[\d,]+)", re.MULTILINE)
#: What its sizes in MB are: its own way to count, which leaves a model's inputs in.
_SUMMARY_SIZES = re.compile(r"^[ \t]*[A-Z][\w/ ]+ size \(MB\):.*$", re.MULTILINE | re.IGNORECASE)


def printed_summary(text: str) -> Table | None:
    """The first such table with its totals, and what stands around it; None where there is none."""
    return _of_torchinfo(text) or _of_torchsummary(text) or _of_fvcore(text)


def _of_fvcore(text: str) -> Table | None:
    """fvcore's table: its "flops" are MACs, and deeper rows are parts of those above them."""
    lines = text.splitlines(keepends=True)
    place = next((n for n, line in enumerate(lines) if _FVCORE_HEADING.match(line)), None)
    if place is None:
        return None
    rows, end = [], place + 1
    for number, line in enumerate(lines[place + 1 :], start=place + 1):
        if "|" not in line:
            break
        end = number + 1
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != len(_FVCORE_COLUMNS) or not re.search(r"\w", "".join(cells)):
            continue
        name, params, macs = cells
        if name in ("model", ""):
            rows.append(["total", params, macs])
        elif "." not in name and params and not params.startswith("("):
            rows.append([f"[{name}]" if name.isdigit() else name, params, macs])
    if len(rows) < 2:
        return None
    rows.sort(key=lambda row: row[0] == "total")
    return Table(
        [[*_FVCORE_COLUMNS], *rows], "".join(lines[:place]), "".join(lines[end:]), free=True
    )


def _of_torchsummary(text: str) -> Table | None:
    found = list(_SUMMARY_ROW.finditer(text))
    if len(found) < 2:
        return None
    names = _numbered([row["name"] for row in found])
    rows = [
        [name, f"[{row['shape']}]".replace("[-1", "[1"), row["params"]]
        for name, row in zip(names, found, strict=True)
    ]
    total = _SUMMARY_TOTAL.search(text, found[-1].end())
    rows += [["total", "", total["params"]]] if total else []
    after = _SUMMARY_SIZES.sub("", _SUMMARY_TOTAL.sub("", text[found[-1].end() :]))
    before = text[: found[0].start()].rpartition("Layer (type)")[0]
    return Table([["layer", "output_shape", "params"], *rows], before, after, free=True)


def _of_torchinfo(text: str) -> Table | None:
    lines = text.splitlines(keepends=True)
    place = next((n for n, line in enumerate(lines) if _INFO_HEADING.match(line)), None)
    if place is None:
        return None
    heading = _INFO_HEADING.match(lines[place])
    assert heading is not None
    names = [_INFO_COLUMNS.get(name.lower(), name) for name in _cells(heading["names"])]
    found: list[tuple[str, int, list[str]]] = []
    end = place + 1
    for number, line in enumerate(lines[place + 1 :], start=place + 1):
        row = _INFO_ROW.match(line)
        cells = _cells(row["cells"]) if row else []
        if row and len(cells) == len(names):
            found.append((row["type"], int(row["depth"]), cells))
            end = number + 1
    if len(found) < 2:
        return None
    leaves = list(_leaves(found))
    labels = _numbered([kind for kind, _ in leaves])
    after = "".join(lines[end:])
    totals = {"total": "total"}
    for total in _INFO_TOTALS.finditer(after):
        what = "params" if total["what"] == "params" else "macs"
        totals[what] = total["value"] + _UNITS.get(total["unit"] or "", "")
    rows = [
        [label, *("" if cell == "--" else cell for cell in cells)]
        for label, (_, cells) in zip(labels, leaves, strict=True)
    ]
    rows.append(["total", *(totals.get(name, "") for name in names)])
    return Table(
        [["layer", *names], *rows],
        "".join(lines[:place]), _INFO_TOTALS.sub("", after), free=True,
    )  # fmt: skip


def _leaves(rows: Sequence[tuple[str, int, list[str]]]) -> Iterator[tuple[str, list[str]]]:
    """The rows below which no deeper one stands: the others are sums of theirs."""
    for number, (kind, depth, cells) in enumerate(rows):
        if number + 1 == len(rows) or rows[number + 1][1] <= depth:
            yield kind, cells


def _numbered(kinds: Sequence[str]) -> list[str]:
    """`Conv2d#1`, `ReLU#1`, `Conv2d#2`: which of its type each is."""
    seen: Counter[str] = Counter()
    names = []
    for kind in kinds:
        seen[kind] += 1
        names.append(f"{kind}#{seen[kind]}")
    return names


def _cells(text: str) -> list[str]:
    return [cell for cell in re.split(r"[ \t]{2,}", text.strip()) if cell]
