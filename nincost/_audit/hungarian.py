"""The cheapest assignment of rows to columns: the Hungarian algorithm.

H. W. Kuhn, "The Hungarian method for the assignment problem", 1955, in the form with potentials and
shortest augmenting paths. (scipy.optimize.linear_sum_assignment does the same; scipy is not needed
for anything else.)
"""

from __future__ import annotations

from collections.abc import Sequence

_FAR = float("inf")


def assign(cost: Sequence[Sequence[float]]) -> list[int]:
    """The column of each row, so that the sum of the costs is least.

    The matrix may have more columns than rows. Takes O(rows^2 columns) time.
    """
    n = len(cost)
    width = len(cost[0]) if cost else 0
    row_potential, column_potential = [0.0] * (n + 1), [0.0] * (width + 1)
    row_of = [0] * (width + 1)  # column: its row, both from 1; column 0 holds the row being placed
    for row in range(1, n + 1):
        row_of[0] = row
        least, came_from = [_FAR] * (width + 1), [0] * (width + 1)
        done, open_columns = [0], list(range(1, width + 1))
        column = 0
        while True:
            current, delta, following = row_of[column], _FAR, 0
            line, base = cost[current - 1], row_potential[current]
            for j in open_columns:
                reduced = line[j - 1] - base - column_potential[j]
                if reduced < least[j]:
                    least[j], came_from[j] = reduced, column
                if least[j] < delta:
                    delta, following = least[j], j
            for j in done:
                row_potential[row_of[j]] += delta
                column_potential[j] -= delta
            for j in open_columns:
                least[j] -= delta
            column = following
            if not row_of[column]:
                break
            done.append(column)
            open_columns.remove(column)
        while column:
            row_of[column] = row_of[came_from[column]]
            column = came_from[column]
    columns = [0] * n
    for j in range(1, width + 1):
        if row_of[j]:
            columns[row_of[j] - 1] = j - 1
    return columns
