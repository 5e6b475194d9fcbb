"""Numbers with their units, for people."""

from __future__ import annotations


def duration(seconds: float, fine: bool = False) -> str:
    """Seconds for people.

    >>> duration(7.3), duration(90), duration(7500)
    ('7 s', '1 min 30 s', '2 h 5 min')
    >>> duration(0.25, fine=True), duration(7.3, fine=True)
    ('0.25 s', '7.3 s')

    :param fine: two digits of less than a minute.
    """
    if fine and seconds < 60:
        return f"{seconds:.2g} s"
    minutes, left = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{left} s"
    return f"{minutes} min {left} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size(count: float) -> str:
    """A number of bytes for people.

    >>> size(999), size(1_500_000)
    ('999 B', '1.5 MB')
    """
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} PB"
