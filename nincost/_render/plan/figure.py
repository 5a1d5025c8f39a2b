"""A plan's ways as points: speed (or batch) against the memory of a rank's process; the front."""

from __future__ import annotations

from nincost import _units as units
from nincost._plan.plan_results import Plan, PlanRow
from nincost._render.figures.picture import Picture, new_picture
from nincost._render.figures.style import MODEL_FILLS, Width, inches, looks, set_scale
from nincost._render.plan.text import title

#: Inches.
_LEFT, _RIGHT, _TOP, _BELOW, _LEGEND = 0.62, 0.14, 0.16, 0.42, 0.2
_MARKERS = "os^Dv"
_SIZE = 7.0


def draw(result: Plan, *, width: Width = "page") -> Picture:
    """A marker for how ranks share the model; filled ones have no activation checkpointing."""
    wide = inches(width)
    room = wide - _LEFT - _RIGHT
    tall = min(max(0.4 * wide, 1.8), 4.0)
    shared = list(dict.fromkeys(row.parallel for row in result.rows))
    with looks():
        picture = new_picture(title(result), wide, _TOP + tall + _BELOW + _LEGEND)
        axes = picture.place(_LEFT, _TOP, room, tall)
        budget = result.totals.budget_bytes
        set_scale(axes, "y", budget, 6, is_bytes=True)
        axes.set_ylim(0, budget * 1.08)
        timed = all(row.examples_per_second is not None for row in result.rows)
        if timed:
            axes.set_xlim(0, 1.08 * max(map(_speed, result.rows)))
            axes.set_xlabel("Examples per second, predicted", labelpad=2)
        else:
            axes.set_xscale("log", base=2)
            sizes = sorted({row.batch_size for row in result.rows})
            axes.set_xticks(sizes, labels=[units.exact(size) for size in sizes])
            axes.minorticks_off()
            axes.set_xlabel("Batch of a rank, in one pass", labelpad=2)
        place = _speed if timed else _batch
        axes.grid(axis="y")
        axes.axhline(budget, color="black", linewidth=1.0)
        front = sorted(result.front, key=place)
        axes.plot(
            [place(row) for row in front], [row.process_bytes for row in front],
            color="black", linewidth=0.8, linestyle="--", label="front",
        )  # fmt: skip
        for number, name in enumerate(shared):
            rows = [row for row in result.rows if row.parallel == name]
            color = MODEL_FILLS[number % len(MODEL_FILLS)][0]
            axes.scatter(
                [place(row) for row in rows], [row.process_bytes for row in rows],
                marker=_MARKERS[number % len(_MARKERS)], s=18, linewidths=0.8, edgecolors="black",
                c=[color if row.activation_checkpointing == "none" else "none" for row in rows],
                label=name or "one GPU", zorder=3, clip_on=False,
            )  # fmt: skip
        picture.legend(loc="lower center", ncols=len(shared) + 1, fontsize=_SIZE, borderpad=0)
    return picture


def _speed(row: PlanRow) -> float:
    return row.examples_per_second or 0.0


def _batch(row: PlanRow) -> float:
    return row.batch_size
