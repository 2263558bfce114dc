"""threadpoolctl: ``threadpool_info`` and ``threadpool_limits`` see fastconv's threads.

Importing this module registers them; threadpoolctl then limits the whole process, as
`fastconv.set_num_threads` does.

Examples
--------
>>> import fastconv as fc
>>> import fastconv.interop.threadpoolctl  # doctest: +SKIP
>>> from threadpoolctl import threadpool_limits  # doctest: +SKIP
>>> with threadpool_limits(limits=1, user_api="fastconv"):  # doctest: +SKIP
...     fc.get_num_threads()
1
"""

from __future__ import annotations

from typing import Any

import threadpoolctl

import fastconv


class FastconvController(threadpoolctl.LibController):  # type: ignore[misc]
    """The number of threads of the process, read and set in fastconv's shared library."""

    user_api = "fastconv"
    internal_api = "fastconv"
    filename_prefixes = ("_core",)
    check_symbols = ("fc_get_num_threads", "fc_set_num_threads")

    def get_num_threads(self) -> int:
        """Give the number of threads of the process, or of the calling thread if it has its own."""
        return int(self.dynlib.fc_get_num_threads())

    def set_num_threads(self, num_threads: int) -> None:
        """Set the number of threads of the process."""
        self.dynlib.fc_set_num_threads(num_threads)

    def get_version(self) -> str:
        """Give fastconv's version."""
        return fastconv.__version__

    def set_additional_attributes(self) -> None:
        """Show the instruction set in use with the library."""
        config: dict[str, Any] = fastconv.show_config(mode="dicts") or {}
        self.isa = config["isa"]


threadpoolctl.register(FastconvController)
