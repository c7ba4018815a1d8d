"""The one function that says an event; the modules beside this one give it its sentences.

May import: the standard library, awsync.events.event.
"""

from functools import singledispatch

from awsync.events.event import Event


@singledispatch
def describe(event: Event) -> str:
    """One sentence for a person, without a full stop where it ends in a list."""
    raise TypeError(f"no sentence for {type(event).__name__}")
