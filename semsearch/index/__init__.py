"""An index: a folder on disk, and everything one can do with it."""

from .core import Index
from .doctor import doctor
from .readers import load_reader
from .reports import Finding, Progress, Status, SyncReport

__all__ = ["Finding", "Index", "Progress", "Status", "SyncReport", "doctor", "load_reader"]
