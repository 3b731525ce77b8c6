"""Reads a QR code of a page (ISO/IEC 18004, byte mode, versions 1 to 9 at level M), as a telephone's camera would.

What it knows of the standard's tables is from another library than the one that drew it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from urllib.parse import unquote

from qrcode import QRCode
from qrcode.base import rs_blocks
from qrcode.constants import ERROR_CORRECT_M
from qrcode.util import mask_func

Modules = set[tuple[int, int]]
BORDER = 2  # modules
BYTES = 0b0100  # the mode


def says(page: str, text: str) -> bool:
    """Whether the code that a page shows is `text`. Whoever draws chooses one of eight masks (§7.8)."""
    picture = re.search(r'src="(data:image/svg\+xml[^"]+)"', page)
    assert picture, "no code is shown"
    drawn = _drawn(picture[1])
    return any(_read(drawn, mask) == text.encode() for mask in range(8))


def _drawn(uri: str) -> Modules:
    """The dark modules, column and row: the SVG is lines along the middle of each row, mostly relative."""
    path = re.search(r"<path [^>]*\bd='([^']+)'", unquote(uri))
    assert path, "no code is drawn"
    dark: Modules = set()
    column, row = -BORDER, -float(BORDER)
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", path[1]):
        given = [float(number) for number in re.findall(r"-?[\d.]+", numbers)]
        if command == "h":
            dark |= {(column + step, int(row)) for step in range(int(given[0]))}
        column, row = column + int(given[0]), row + (0 if command == "h" else given[1])
    return dark


class _Blank(QRCode):
    """A code with all but its data: None where a bit of that stands."""

    def map_data(self, data: object, mask_pattern: object) -> None:
        pass


def _bits(drawn: Modules, version: int, mask: int) -> Iterator[bool]:
    """In pairs of columns from the right, up and down by turns, round the timing pattern (§7.7.3)."""
    blank = _Blank(version=version, error_correction=ERROR_CORRECT_M, mask_pattern=mask)
    blank.make(fit=False)
    size, is_masked = len(blank.modules), mask_func(mask)
    for turn, right in enumerate([*range(size - 1, 6, -2), 5, 3, 1]):
        for row in range(size) if turn % 2 else reversed(range(size)):
            for column in (right, right - 1):
                if blank.modules[row][column] is None:
                    yield ((column, row) in drawn) != is_masked(row, column)


def _number(bits: Sequence[bool]) -> int:
    return int("".join(str(int(bit)) for bit in bits), 2)


def _read(drawn: Modules, mask: int) -> bytes:
    version = (max(column for column, _row in drawn) + 1 - 17) // 4
    bits = list(_bits(drawn, version, mask))
    words = (bits[at : at + 8] for at in range(0, len(bits), 8))
    # The blocks take turns (§7.6).
    lengths = [block.data_count for block in rs_blocks(version, ERROR_CORRECT_M)]
    blocks: list[list[bool]] = [[] for _length in lengths]
    for turn in range(max(lengths)):
        for block, length in zip(blocks, lengths, strict=True):
            if turn < length:
                block += next(words)
    data = list(chain.from_iterable(blocks))
    if _number(data[:4]) != BYTES:
        return b""
    count = min(_number(data[4:12]), (len(data) - 12) // 8)
    return bytes(_number(data[12 + 8 * place : 20 + 8 * place]) for place in range(count))
