"""Unit vectors by id: the files of a segment, and two ways to search vectors by inner product.

``FlatIndex`` holds all vectors in memory and compares every one. ``MappedIndex`` leaves the vectors of large segments
on disk, scans their PQ codes in memory, and re-scores the vectors with the nearest codes. Both give a vector the same
score.
"""

from typing import TYPE_CHECKING

from .files import SegmentArrays, arrays_checksum, expand_ranges, open_arrays, write_arrays
from .flat import FlatIndex, isin, set_threads, top_k
from .mapped import MappedIndex, Rescoring, pays_to_scan_codes
from .pq import train_codebook

if TYPE_CHECKING:
    from .flat import Float16Array as Float16Array
    from .pq import Codebook as Codebook

__all__ = [
    "FlatIndex",
    "MappedIndex",
    "Rescoring",
    "SegmentArrays",
    "arrays_checksum",
    "expand_ranges",
    "isin",
    "open_arrays",
    "pays_to_scan_codes",
    "set_threads",
    "top_k",
    "train_codebook",
    "write_arrays",
]
