"""What a whole run of the benchmark gave."""

from dataclasses import dataclass

from fastconv.cli.peers.comparison import Comparison, Engines
from fastconv.cli.runner import Ceilings, Row


@dataclass(frozen=True)
class Outcome:
    """A row a case; and a comparison a case where peers were wanted, else no engines.

    Attributes
    ----------
    rows : list of Row
        At least one.
    comparisons : list of Comparison
        In the same order, or none at all.
    engines : Engines or None
        What is known of the peers.
    ceilings : Ceilings
        Of the machine, measured in the same run.
    caption : str
        Threads and ceilings in words.
    """

    rows: list[Row]
    comparisons: list[Comparison]
    engines: Engines | None
    ceilings: Ceilings
    caption: str
