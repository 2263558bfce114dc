"""Layers that compute their gradient with respect to the input only where it is asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from fastconv._typing import FloatArray
from fastconv.nn.module import Module

__all__ = ["GoingBack"]


class GoingBack(Module, ABC):
    """The base of layers whose `backward` and `backward_parameters` are one function."""

    @abstractmethod
    def _go_back(self, gy: FloatArray, with_input: bool) -> Any:
        """Add to the parameters' gradients; give that of the input, or None without it."""

    def backward(self, gy: FloatArray) -> FloatArray:
        gx: FloatArray = self._go_back(gy, True)
        return gx

    def backward_parameters(self, gy: FloatArray) -> None:
        if self._goes_back_as(GoingBack):
            self._go_back(gy, False)
        else:
            self.backward(gy)
