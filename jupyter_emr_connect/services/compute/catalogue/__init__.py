"""The live catalogue: every compute of every source in one list that shows at once what is known and renews itself.

::

    look() ──► poller ──► workers: one list job per (source, kind) ──► Listing ──► view() ──► answer
                 │            description jobs, within AWS's rates ──┘   │
                 └── slows when nobody looks, stops when no one does     └──► state file (last known list)

One catalogue serves a whole server process, so that fifty tabs cost AWS what one costs.
"""

from .catalogue import LiveCatalogue
from .query import Query
from .view import Changes, View

__all__ = ["Changes", "LiveCatalogue", "Query", "View"]
