"""One sentence for each event: a module here has those of the module of awsync.events with its name.

All are imported here, so that `describe` knows every event once anything of the package is imported.

May import: its own modules.
"""

from awsync.events.sentences import deliveries, passes, runs, sources, store

__all__ = ["deliveries", "passes", "runs", "sources", "store"]
