"""Draws how figures grow, as an SVG of small charts.

    python scripts/benchmarks/charts.py TABLE.md CHARTS.svg

draws the first table of a Markdown file: each of its columns that holds numbers, over the first column. If cells hold
several numbers, each gets a line of its own.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

COLOURS = ("#1b6ca8", "#b5541c")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
CHART_WIDTH, CHART_HEIGHT = 260, 200
AXIS_WIDTH, AXIS_HEIGHT = 220, 130
CHARTS_PER_ROW = 4


def value(number: str) -> float:
    return float(number.replace(",", ""))


def chart(left: int, top: int, name: str, sizes: Sequence[int], cells: Sequence[str]) -> list[str]:
    """Return the SVG elements of one chart; its x axis is logarithmic."""
    least, most = math.log10(min(sizes)), math.log10(max(sizes))
    numbers = [NUMBER.findall(cell) for cell in cells]
    highest = max(value(number) for found in numbers for number in found) * 1.15 or 1
    bottom = top + AXIS_HEIGHT

    def x_of(size: int) -> float:
        return left + 15 + 180 * (math.log10(size) - least) / ((most - least) or 1)

    font_size = min(12, 400 / len(name))
    elements = [
        f'<path fill="none" d="M{left} {top} v{AXIS_HEIGHT} h{AXIS_WIDTH}" stroke="#444"/>',
        f'<text x="{left}" y="{top - 12}" font-size="{font_size:.1f}">{name}</text>',
    ]
    for line in range(max(map(len, numbers))):
        points = []
        for size, found in zip(sizes, numbers, strict=True):
            if line >= len(found):
                continue
            x = x_of(size)
            y = bottom - AXIS_HEIGHT * value(found[line]) / highest
            points.append(f"{x:.1f},{y:.1f}")
            elements.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[line % 2]}"/>')
            elements.append(f'<text class="small" x="{x:.1f}" y="{y - 6:.1f}">{found[line]}</text>')
        elements.append(f'<polyline fill="none" points="{" ".join(points)}" stroke="{COLOURS[line % 2]}"/>')
    for size in sizes:
        elements.append(f'<text class="small" x="{x_of(size):.1f}" y="{bottom + 14}">{size / 1000:g}k</text>')
    return elements


def drawn(sizes: Sequence[int], columns: Mapping[str, Sequence[str]]) -> str:
    """Return an SVG with one chart for each column, over ``sizes``."""
    elements = []
    for number, (name, cells) in enumerate(columns.items()):
        left = 20 + CHART_WIDTH * (number % CHARTS_PER_ROW)
        top = 40 + CHART_HEIGHT * (number // CHARTS_PER_ROW)
        elements += chart(left, top, name, sizes, cells)
    height = 210 + CHART_HEIGHT * ((len(columns) - 1) // CHARTS_PER_ROW)
    body = "\n".join(elements)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1050 {height}" font-family="sans-serif" font-size="12">'
        "<style>.small{font-size:10px;text-anchor:middle}</style>"
        f'<rect width="1050" height="{height}" fill="#fff"/><g fill="#222">\n{body}\n</g></svg>\n'
    )


def read_table(text: str) -> tuple[list[int], dict[str, list[str]]]:
    """Return the numbers of the first column of the first table, and the other columns that hold numbers."""
    lines = next(part for part in text.split("\n\n") if part.startswith("|")).split("\n")
    rows = [[cell.strip().replace("*", "") for cell in line.strip("|").split("|")] for line in lines]
    names, cells = rows[0], list(zip(*rows[2:], strict=True))
    sizes = [int(cell.replace(",", "")) for cell in cells[0]]
    columns = {name: list(column) for name, column in zip(names[1:], cells[1:], strict=True)}
    return sizes, {name: column for name, column in columns.items() if NUMBER.search(" ".join(column))}


def main() -> None:
    source, target = map(Path, sys.argv[1:3])
    target.write_text(drawn(*read_table(source.read_text("utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
