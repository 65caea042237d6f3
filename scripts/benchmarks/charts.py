"""Small pictures of how figures grow, as SVG.

    python scripts/benchmarks/charts.py TABLE.md PICTURE.svg

draws the first table of a Markdown file: each of its columns that holds numbers, over the first one. Of several numbers
in a cell each gets a line of its own.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

COLOURS = ("#1b6ca8", "#b5541c")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def drawn(sizes: Sequence[int], columns: Mapping[str, Sequence[str]]) -> str:
    """One small picture for each column, whose cells are written at their points, over ``sizes`` in powers of ten."""
    least, most = math.log10(min(sizes)), math.log10(max(sizes))
    parts = []
    for number, (name, cells) in enumerate(columns.items()):
        left, top = 20 + 260 * (number % 4), 40 + 200 * (number // 4)
        parts.append(f'<path fill="none" d="M{left} {top} v130 h220" stroke="#444"/>')
        parts.append(f'<text x="{left}" y="{top - 12}" font-size="{min(12, 400 / len(name)):.1f}">{name}</text>')
        found = [NUMBER.findall(cell) for cell in cells]
        highest = max(float(one.replace(",", "")) for some in found for one in some) * 1.15 or 1
        for line in range(max(map(len, found))):
            points = []
            for size, some in zip(sizes, found, strict=True):
                if line >= len(some):
                    continue
                x = left + 15 + 180 * (math.log10(size) - least) / ((most - least) or 1)
                y = top + 130 - 130 * float(some[line].replace(",", "")) / highest
                points.append(f"{x:.1f},{y:.1f}")
                parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[line % 2]}"/>')
                parts.append(f'<text class="small" x="{x:.1f}" y="{y - 6:.1f}">{some[line]}</text>')
            parts.append(f'<polyline fill="none" points="{" ".join(points)}" stroke="{COLOURS[line % 2]}"/>')
        for size in sizes:
            x = left + 15 + 180 * (math.log10(size) - least) / ((most - least) or 1)
            parts.append(f'<text class="small" x="{x:.1f}" y="{top + 144}">{size / 1000:g}k</text>')
    height = 210 + 200 * ((len(columns) - 1) // 4)
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1050 {height}" font-family="sans-serif" font-size="12">'
        "<style>.small{font-size:10px;text-anchor:middle}</style>"
        f'<rect width="1050" height="{height}" fill="#fff"/><g fill="#222">\n{body}\n</g></svg>\n'
    )


def table(text: str) -> tuple[list[int], dict[str, list[str]]]:
    """The numbers of the first column of the first table, and the columns of numbers beside it."""
    lines = next(part for part in text.split("\n\n") if part.startswith("|")).split("\n")
    rows = [[cell.strip().replace("*", "") for cell in line.strip("|").split("|")] for line in lines]
    names, cells = rows[0], list(zip(*rows[2:], strict=True))
    sizes = [int(cell.replace(",", "")) for cell in cells[0]]
    columns = {name: list(column) for name, column in zip(names[1:], cells[1:], strict=True)}
    return sizes, {name: column for name, column in columns.items() if NUMBER.search(" ".join(column))}


def main() -> None:
    source, target = map(Path, sys.argv[1:3])
    target.write_text(drawn(*table(source.read_text("utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
