"""`awsync doctor`: walks from ActivityWatch to the store, and says of each step how it stands.

    findings  what is said, and what is learnt on the way
    settings  config.toml                 source   an ActivityWatch server
    state     folder, database, lock      writer   the process that holds the lock
    store     from address to protocol    pending  what waits, against what the store takes
    probe     a sample sent and queried   service  what runs by itself
    skew      clocks                      unit     the service of the system that starts it

It prints nothing and changes nothing; only the probe writes, one sample to the store. A step that fails skips
those that depend on it, and no other.

May import: everything below the agent.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from awsync.doctor.findings import Finding, State, Walk, Wiring, presentable, secrets_of
from awsync.doctor.service import look_at_service
from awsync.doctor.settings import settings_broken, settings_findings
from awsync.doctor.source import look_at_sources
from awsync.doctor.state import look_at_state
from awsync.doctor.store import look_at_store
from awsync.settings import Settings

__all__ = ["Finding", "State", "Wiring", "examine", "settings_broken", "settings_findings"]


async def examine(
    settings: Settings, *, probe: bool = False, wiring: Wiring | None = None
) -> AsyncGenerator[Finding, None]:
    """Every step, in the order of the way, each as soon as it is known; `settings.store` is not None."""
    walk = Walk(settings, wiring or Wiring(), probe)
    secrets = secrets_of(settings)
    for look in (look_at_sources, look_at_state, look_at_store, look_at_service):
        async with aclosing(look(walk)) as found:
            async for finding in found:
                yield presentable(finding, secrets)
