"""The events as one type: each module lists those that it has at its end.

May import: the modules of events that have the structs.
"""

from awsync.events.deliveries import DeliveryEvent
from awsync.events.passes import PassEvent
from awsync.events.runs import RunEvent
from awsync.events.sources import SourceEvent
from awsync.events.store import StoreEvent

Event = RunEvent | PassEvent | SourceEvent | DeliveryEvent | StoreEvent
