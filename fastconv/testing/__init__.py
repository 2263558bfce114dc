"""Aids for testing: a gradient check, and every operator again in plain NumPy."""

from . import reference
from .gradcheck import gradcheck

__all__ = ["gradcheck", "reference"]
