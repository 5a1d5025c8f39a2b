"""Numbers as people read them: counts in SI (k, M, G), bytes in binary units (KiB, MiB, GiB)."""

from __future__ import annotations

SI = ("", "k", "M", "G", "T", "P", "E")
BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def count(value: int) -> str:
    """`762297352` as `762.3 M`: four significant digits, whole below 1000."""
    if value < 1000:
        return str(value)
    scaled, unit = _scale(value, 1000, SI)
    return f"{scaled} {unit}"


def size(value: int) -> str:
    """A number of bytes, `12650392` as `12.06 MiB`."""
    if value < 1024:
        return f"{value} B"
    scaled, unit = _scale(value, 1024, BINARY)
    return f"{scaled} {unit}"


def duration(seconds: float) -> str:
    """`0.0297` as `29.7 ms`, `5400` as `1.50 h`: three significant digits."""
    for step, unit in ((86400 * 2, "days"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms")):
        if seconds >= step * 0.9995:
            scaled = seconds / (86400 if unit == "days" else step)
            return f"{_three(scaled)} {unit}"
    if seconds >= 1e-6 or not seconds:
        return f"{_three(seconds * 1e6)} \u00b5s" if seconds else "0 s"
    return f"{_three(seconds * 1e9)} ns"


def _three(value: float) -> str:
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def exact(value: int) -> str:
    """`762297352` as `762,297,352`."""
    return f"{value:,}"


def _scale(value: int, step: int, units: tuple[str, ...]) -> tuple[str, str]:
    power, scaled = 0, float(value)
    # 999.95 would print as 1000: go one unit up before that.
    while scaled >= step - 0.05 and power < len(units) - 1:
        scaled /= step
        power += 1
    digits = 3 if scaled < 10 else 2 if scaled < 100 else 1
    return f"{scaled:.{digits}f}", units[power]
