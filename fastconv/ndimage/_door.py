"""The one import of the filters in C."""

try:
    from fastconv._core import filter_passes, filter_taps  # type: ignore[attr-defined]
except ImportError:
    from fastconv.testing.reference._filter import filter_passes, filter_taps

__all__ = ["filter_passes", "filter_taps"]
