"""Unit vectors by id: the immutable files they are kept in, and two ways to search them.

The inner product is the only metric. ``FlatIndex`` has every vector in memory and compares every one.
``MappedIndex`` leaves those of large files where they lie: short codes of them are in memory, and only vectors
whose codes are near are compared. Both give a vector the same score.
"""

from typing import TYPE_CHECKING

from .files import SegmentFile, expand_ranges, open_segment, segment_checksum, write_segment
from .flat import FlatIndex, among, best, set_threads
from .mapped import MappedIndex, pays_to_scan_codes
from .pq import train_codebook

if TYPE_CHECKING:
    from .flat import Float16Array as Float16Array
    from .pq import Codebook as Codebook

__all__ = [
    "FlatIndex",
    "MappedIndex",
    "SegmentFile",
    "among",
    "best",
    "expand_ranges",
    "open_segment",
    "pays_to_scan_codes",
    "segment_checksum",
    "set_threads",
    "train_codebook",
    "write_segment",
]
