"""Which rows of a profile to show, and in which order: a tree, or a flat list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from nincost._profile.results import ALL_COLUMNS, LayerCost, Profile
from nincost.errors import InputError, did_you_mean

_TREE_DEPTH = 3


@dataclass(frozen=True, slots=True)
class View:
    """What to show of a profile.

    Attributes:
        depth: how many levels of modules; what lies deeper is added up into the module above.
            None shows 3 levels in a tree and every row in a list.
        sort: a column to order a flat list by, largest first; None keeps the order of execution.
        top: show only so many rows of a flat list.
        columns: which columns; empty for the format's own choice.
        elementwise: show element-wise FLOPs in a column of their own.
        total: add a row named `total`.
        exact: print whole numbers in the table instead of 762.3 M.
    """

    depth: int | None = None
    sort: str | None = None
    top: int | None = None
    columns: tuple[str, ...] = ()
    elementwise: bool = False
    total: bool = False
    exact: bool = False

    def __post_init__(self) -> None:
        for name in (*self.columns, *([self.sort] if self.sort else [])):
            if name not in ALL_COLUMNS:
                raise InputError(
                    f"unknown column {name!r}: choose from {', '.join(ALL_COLUMNS)}"
                    f"{did_you_mean(name, ALL_COLUMNS)}"
                )
        for option, value in (("depth", self.depth), ("top", self.top)):
            if value is not None and value < 1:
                raise InputError(f"{option} is {value}: expected a whole number of at least 1")

    @property
    def is_flat(self) -> bool:
        """Whether rows stand in a list rather than a tree."""
        return self.sort is not None or self.top is not None

    def pick_columns(self, default: Sequence[str]) -> tuple[str, ...]:
        """The columns to show where a format would show `default`."""
        chosen = self.columns or tuple(default)
        if self.elementwise and "elementwise_flops" not in chosen:
            chosen = (*chosen, "elementwise_flops")
        return chosen


@dataclass(frozen=True, slots=True)
class TreeRow:
    """A line of the tree: `branch` is the drawing in front of `label`."""

    cost: LayerCost
    branch: str
    label: str
    is_group: bool


@dataclass(slots=True, eq=False)
class _Node:
    cost: LayerCost | None
    label: str
    children: list[_Node] = field(default_factory=list)

    def total(self) -> LayerCost:
        """This row, or the sum of the rows below a module."""
        assert self.cost is not None
        if not self.children:
            return self.cost
        parts = [child.total() for child in self.children]
        return replace(
            self.cost,
            **{name: sum(getattr(part, name) for part in parts) for name in _SUMMED},
        )


_SUMMED = (
    "params",
    "trainable_params",
    "macs",
    "elementwise_flops",
    "activation_elements",
    "activation_bytes",
)


def tree_rows(profile: Profile, view: View) -> list[TreeRow]:
    """The module tree, each module with the sum of what lies below it."""
    depth = view.depth if view.depth is not None else _TREE_DEPTH
    return list(_draw(_tree(profile), depth, "", ""))


def flat_rows(profile: Profile, view: View) -> list[LayerCost]:
    """The rows in order of execution, or sorted; no module's row contains another's."""
    rows = list(profile.layers)
    if view.depth is not None:
        drawn = _draw(_tree(profile), view.depth, "", "")
        rows = [row.cost for row in drawn if not row.is_group]
    if view.sort:
        is_number = isinstance(rows[0].to_dict().get(view.sort, 0), int) if rows else True
        rows.sort(key=lambda row: getattr(row, view.sort or ""), reverse=is_number)
    return rows[: view.top]


def total_row(profile: Profile) -> LayerCost:
    """The model as one row named `total`."""
    totals = profile.totals
    return LayerCost(
        module="total",
        operator="",
        type=profile.model,
        depth=0,
        calls=1,
        input_shapes=(),
        output_shapes=(),
        **{name: getattr(totals, name) for name in _SUMMED},
    )


def _tree(profile: Profile) -> _Node:
    modules = profile.modules
    nodes: dict[str, _Node] = {}
    root: _Node | None = None
    for module in modules:
        cost = LayerCost(
            module.path, "", module.type, module.depth, module.calls,
            module.input_shapes, module.output_shapes, 0, 0, 0, 0, 0, 0,
        )  # fmt: skip
        nodes[module.path] = _Node(cost, module.path)
        root = root or nodes[module.path]
    if root is None:  # the model is a single leaf
        return _Node(None, "", [_Node(row, row.layer) for row in profile.layers])
    placed = {id(root)}

    def parent_of(path: str) -> _Node:
        while "." in path:
            path = path.rpartition(".")[0]
            if path in nodes:
                return nodes[path]
        return root

    def place(path: str, node: _Node, parent: _Node) -> None:
        """Put a node under its parent, and the parent into the tree if it is not there yet."""
        prefix = parent.cost.module if parent.cost and parent is not root else ""
        if prefix and path.startswith(f"{prefix}."):
            node.label = node.label.removeprefix(f"{prefix}.")
        if id(parent) not in placed:
            placed.add(id(parent))
            assert parent.cost is not None
            place(parent.cost.module, parent, parent_of(parent.cost.module))
        parent.children.append(node)

    for row in profile.layers:
        if row.operator:
            node = _Node(row, f"[{row.operator}]")
            place(row.layer, node, nodes.get(row.module) or parent_of(row.module))
        elif row.module in nodes:  # parameters of a module that has layers of its own
            place(row.layer, _Node(row, "(parameters)"), nodes[row.module])
        else:
            place(row.module, _Node(row, row.module), parent_of(row.module))
    return root


def _draw(node: _Node, depth: int, branch: str, indent: str) -> Iterator[TreeRow]:
    """The node's line and, where `depth` allows, those of its children."""
    opens = bool(node.children) and depth >= 0
    if node.cost is not None:
        is_group = bool(node.children) and depth > 0
        yield TreeRow(node.total(), branch, node.label, is_group)
        opens = is_group
    if not opens:
        return
    for child in node.children:
        last = child is node.children[-1]
        if node.cost is None:
            mark, below = "", ""
        else:
            mark = indent + ("└─ " if last else "├─ ")
            below = indent + ("   " if last else "│  ")
        yield from _draw(child, depth - 1, mark, below)
