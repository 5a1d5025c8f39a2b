"""The caching allocator's rules once more, as plainly as they can be written, for the tests.

Shares no code with the model. There are only segments, each a list of cells from its first byte to
its last, and every question is answered by looking at all of them. It is slow on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

K = 1024
M = 1024 * K
State = Literal["used", "free", "unmapped"]


class Full(Exception):
    def __init__(self, driver_request: int) -> None:
        self.driver_request = driver_request


@dataclass
class Cell:
    size: int
    state: State
    requested: int = 0
    since: int = 0


@dataclass
class Seg:
    address: int
    stream: int
    small: bool
    cells: list[Cell]
    page: int = 0  # 0: from cudaMalloc


@dataclass
class Reference:
    expandable: bool = False
    max_split: int | None = None
    divisions: tuple[int, ...] = (0,) * 16
    gc: float = 0.0
    large: int = 20 * M
    slack: int = 20 * M
    fraction: float = 1.0
    capacity: int | None = None
    segs: list[Seg] = field(default_factory=list)
    next_address: int = 0x7F0000000000
    clock: int = 0
    refused: int = 0

    # --- figures

    def cells(self) -> list[Cell]:
        return [cell for seg in self.segs for cell in seg.cells]

    def allocated(self) -> int:
        return sum(cell.size for cell in self.cells() if cell.state == "used")

    def requested(self) -> int:
        return sum(cell.requested for cell in self.cells() if cell.state == "used")

    def reserved(self) -> int:
        return sum(cell.size for cell in self.cells() if cell.state != "unmapped")

    def layout(self) -> list[tuple[int, int, bool, list[tuple[int, int, int, str]]]]:
        """(address, stream, small, [(address, size, requested, state)]) of each mapped range."""
        result = []
        for seg in sorted(self.segs, key=lambda seg: seg.address):
            ranges: list[list[tuple[int, int, int, str]]] = [[]]
            address = seg.address
            for cell in seg.cells:
                if cell.state == "unmapped":
                    ranges.append([])
                else:
                    asked = cell.requested if cell.state == "used" else 0
                    ranges[-1].append((address, cell.size, asked, cell.state))
                address += cell.size
            result += [(r[0][0], seg.stream, seg.small, r) for r in ranges if r]
        return result

    # --- the rules

    def rounded(self, size: int) -> int:
        power = 1
        while power * 2 <= size:
            power *= 2
        index = 0
        while index < 15 and (1 << (21 + index)) <= size:
            index += 1
        parts = self.divisions[index]
        if parts > 1 and size > 512 * parts:
            result = power
            while result < size:
                result += power // parts
            return result
        return max(512, (size + 511) // 512 * 512)

    def driver_size(self, size: int) -> int:
        if size <= M:
            return 2 * M
        if size < 10 * M:
            return self.large
        return (size + 2 * M - 1) // (2 * M) * (2 * M)

    def allowed(self) -> int | None:
        if self.fraction == 1.0 or self.capacity is None:
            return None
        return int(self.fraction * self.capacity)

    def malloc(self, size: int, stream: int) -> int:
        """The block's address; Full if there is no room."""
        asked, size = size, self.rounded(size)
        small = size <= M
        if not small:
            self.clock += 1
        found = self.best_fit(size, stream, small)
        if found is None:
            found = self.get_more(size, stream, small)
        seg, index = found
        cell = seg.cells[index]
        left = cell.size - size
        if small or self.expandable:
            split = left >= 512
        else:
            split = left > M and (self.max_split is None or size < self.max_split)
        if split:
            seg.cells.insert(index + 1, Cell(left, "free", since=self.clock))
            cell.size = size
        cell.state = "used"
        cell.requested = asked
        return seg.address + sum(c.size for c in seg.cells[:index])

    def best_fit(self, size: int, stream: int, small: bool) -> tuple[Seg, int] | None:
        fits = []
        for seg in self.segs:
            address = seg.address
            for index, cell in enumerate(seg.cells):
                mine = (seg.stream, seg.small, cell.state) == (stream, small, "free")
                if mine and cell.size >= size:
                    fits.append((cell.size, address, seg, index))
                address += cell.size
        fits.sort(key=lambda fit: fit[:2])
        if not fits:
            return None
        if self.expandable:

            def could_be(fit: tuple[int, int, Seg, int]) -> int:
                behind = fit[2].cells[fit[3] + 1 : fit[3] + 2]
                return fit[0] + sum(c.size for c in behind if c.state == "unmapped")

            while len(fits) > 1 and could_be(fits[1]) < could_be(fits[0]):
                fits.pop(0)
        found, _, seg, index = fits[0]
        if self.max_split is not None:
            if size < self.max_split <= found:
                return None
            if size >= self.max_split and found >= size + self.slack:
                return None
        return seg, index

    def get_more(self, size: int, stream: int, small: bool) -> tuple[Seg, int]:
        allowed = self.allowed()
        if self.gc and allowed is not None:
            self.collect(int(self.gc * allowed))
        more = self.ask(size, stream, small)
        if more is None and self.give_oversize(size, stream, small):
            more = self.ask(size, stream, small)
        if more is None:
            self.empty_cache()
            more = self.ask(size, stream, small)
        if more is None:
            raise Full(self.refused)
        return more

    def ask(self, size: int, stream: int, small: bool) -> tuple[Seg, int] | None:
        wanted = self.driver_size(size)
        allowed = self.allowed()
        if allowed is not None and self.reserved() + wanted > allowed:
            self.refused = wanted
            return None
        if self.expandable:
            return self.grow(size, stream, small)
        if not self.room(wanted):
            return None
        seg = Seg(self.new_address(wanted), stream, small, [Cell(wanted, "free")])
        self.segs.append(seg)
        return seg, 0

    def room(self, size: int) -> bool:
        if self.capacity is not None and self.reserved() + size > self.capacity:
            self.refused = size
            return False
        return True

    def new_address(self, size: int) -> int:
        address = self.next_address
        self.next_address += (size + 2 * M - 1) // (2 * M) * (2 * M)
        return address

    def grow(self, size: int, stream: int, small: bool) -> tuple[Seg, int] | None:
        page = 2 * M if small else self.large
        place = None
        for seg in sorted(self.segs, key=lambda seg: seg.address):
            if (seg.stream, seg.small) != (stream, small):
                continue
            for index, cell in enumerate(seg.cells):
                if place is not None or cell.state != "unmapped":
                    continue
                start = index - 1 if index and seg.cells[index - 1].state == "free" else index
                run = 0
                for part in seg.cells[start:]:
                    if part.state == "used":
                        break
                    run += part.size
                if run >= size:
                    place = seg, start
        if place is None:
            card = self.capacity or (1 << 40)
            space = (card + card // 8 + page - 1) // page * page
            seg = Seg(self.new_address(space), stream, small, [Cell(space, "unmapped")], page)
            self.segs.append(seg)
            place = seg, 0
        seg, index = place
        while True:
            cell = seg.cells[index]
            if cell.state == "free" and cell.size >= size:
                return seg, index
            have = cell.size if cell.state == "free" else 0
            gap = index + 1 if cell.state == "free" else index
            empty = seg.cells[gap]
            assert empty.state == "unmapped"
            want = (min(size - have, empty.size) + page - 1) // page * page
            if not self.room(want):
                return None
            empty.size -= want
            seg.cells.insert(gap, Cell(want, "free"))
            self.tidy(seg)

    def tidy(self, seg: Seg) -> None:
        """Neighbours in the same state become one, unless they are in use; empty cells go."""
        cells: list[Cell] = []
        for cell in seg.cells:
            if not cell.size:
                continue
            if cells and cell.state != "used" and cells[-1].state == cell.state:
                cells[-1].size += cell.size
                cells[-1].since = self.clock
            else:
                cells.append(cell)
        seg.cells = cells

    def free(self, address: int) -> None:
        for seg in self.segs:
            at = seg.address
            for cell in seg.cells:
                if at == address and cell.state == "used":
                    cell.state = "free"
                    cell.since = self.clock
                    self.tidy(seg)
                    return
                at += cell.size
        raise AssertionError(f"no block at {address:#x}")

    def whole(self, seg: Seg) -> bool:
        return not seg.page and len(seg.cells) == 1 and seg.cells[0].state == "free"

    def empty_cache(self) -> None:
        self.segs = [seg for seg in self.segs if not self.whole(seg)]
        for seg in list(self.segs):
            if not seg.page:
                continue
            cells: list[Cell] = []
            unmapped = False
            start = 0
            for cell in seg.cells:
                first = (start + seg.page - 1) // seg.page * seg.page
                last = (start + cell.size) // seg.page * seg.page
                if cell.state == "free" and first < last:
                    unmapped = True
                    cells.append(Cell(first - start, "free"))
                    cells.append(Cell(last - first, "unmapped"))
                    cells.append(Cell(start + cell.size - last, "free"))
                else:
                    cells.append(cell)
                start += cell.size
            seg.cells = cells
            self.tidy(seg)
            # Address space in which nothing could be mapped yet is never given back.
            if unmapped and len(seg.cells) == 1:
                self.segs.remove(seg)

    def give_oversize(self, size: int, stream: int, small: bool) -> bool:
        if self.max_split is None or self.expandable:
            return False
        enough = max(size, self.max_split)
        mine = [s for s in self.segs if self.whole(s) and (s.stream, s.small) == (stream, small)]
        mine = [s for s in mine if s.cells[0].size >= self.max_split]
        mine.sort(key=lambda s: (s.cells[0].size, s.address))
        for seg in mine:
            if seg.cells[0].size >= enough:
                self.segs.remove(seg)
                return True
        total = 0
        while mine and total < enough:
            seg = mine.pop()
            total += seg.cells[0].size
            self.segs.remove(seg)
        return total >= enough

    def collect(self, threshold: int) -> None:
        over = self.reserved() - threshold
        gone = 0
        while gone < over:
            old = [seg for seg in self.segs if self.whole(seg) and not seg.small]
            if not old:
                return
            ages = [self.clock - seg.cells[0].since for seg in old]
            for seg, age in zip(old, ages, strict=True):
                if age * len(ages) >= sum(ages):
                    gone += seg.cells[0].size
                    self.segs.remove(seg)
