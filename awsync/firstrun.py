"""Before there are settings: looks for ActivityWatch and a store, tries it, writes a first config.toml.

`awsync config init` and the console's first-run screen look with the same functions, and a store is tried
as a pass opens it, so that nobody hears one thing here and another one later.

May import: activitywatch, remote_write, delivery, config, settings, events, errors, words.
"""

import asyncio
import os
from collections.abc import Mapping
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from awsync.activitywatch.client import ActivityWatch
from awsync.config import Loaded, load, locate, render, set_value, store_urls, write_text
from awsync.config.key import Key
from awsync.config.keys import AW_TOKEN, AW_TOKEN_FILE, AW_URL, KEYS
from awsync.config.store_keys import PROMETHEUS_URL
from awsync.config.values import texts_of
from awsync.errors import ConfigError, Problem, SourceError, SourceRefusedError
from awsync.events import StoreParked, describe
from awsync.link import store_reached
from awsync.remote_write.client import Client, Rejected, Retry
from awsync.remote_write.connection import open_http, shown_url
from awsync.remote_write.store import discover
from awsync.settings import SourceSettings, StoreSettings
from awsync.words import amount

USUAL_STORES = ("http://localhost:9090", "http://localhost:8428")
"""Where Prometheus and VictoriaMetrics listen unless they are told otherwise."""
_LOOK = timedelta(seconds=3)
_TRY = timedelta(seconds=10)
_REFUSED = frozenset({401, 403, 407})


class Outcome(NamedTuple):
    """What came of looking or trying, with the sentence about it; `refused` where credentials were."""

    text: str
    good: bool
    refused: bool = False


def given(flags: Mapping[str, object]) -> dict[str, object]:
    """The settings that stand in flags, in the form of TOML."""
    return {key.name: key.kind.split(texts_of(flags[key.name])) for key in KEYS if key.name in flags}


def usual_stores() -> list[StoreSettings]:
    """The stores that may be there without anybody having named one."""
    return [StoreSettings(*store_urls(url)) for url in USUAL_STORES]


async def find_activitywatch(source: SourceSettings) -> Outcome:
    """Who answers at the address of a source, and how many buckets there are."""
    try:
        async with ActivityWatch(source, timeout=_LOOK, deadline=_LOOK) as server:
            info = await server.info()
            buckets = len(await server.buckets())
    except SourceError as error:
        return Outcome(str(error), good=False, refused=isinstance(error, SourceRefusedError))
    has = amount(buckets, "bucket") if buckets else "no bucket yet"
    return Outcome(
        f"Found ActivityWatch {info.version} of {info.hostname} at {source.aw_url}: {has}.", good=True
    )


async def find_store(store: StoreSettings) -> Outcome:
    """Who answers at the address of a store; whether it takes remote write is only known once it is tried."""
    url = shown_url(store.base_url or store.write_url).rstrip("/")
    async with open_http(replace(store, timeout=_LOOK)) as http:
        facts = await discover(http, store)
    if facts.relay is not None:
        return Outcome(f"Found {facts.relay} at {url}, which hands on what it takes.", good=True)
    if facts.engine == "unknown":
        return Outcome(f"No Prometheus or VictoriaMetrics answers at {url}.", good=False)
    sentence = f"Found {' '.join(filter(None, [facts.engine, facts.version]))} at {url}."
    if facts.receiver is False:
        sentence += " It takes no remote write yet: start it with --web.enable-remote-write-receiver."
    return Outcome(sentence, good=True)


class FirstRun:
    """What the first-run screen asks for, over the flags and the environment of this run.

    The settings are loaded anew each time, so that a token which is put into config.toml meanwhile counts.
    Raises ConfigError where the settings are wrong; a prometheus-url that is missing is not.
    """

    def __init__(self, flags: Mapping[str, object], environ: Mapping[str, str] = os.environ) -> None:
        self._flags = flags
        self._environ = environ
        self.path, _ = locate(flags, environ, Path.cwd())
        loaded = self._load()
        self.written = False
        self.needed = loaded.settings.store is None
        self.aw_url = ", ".join(source.aw_url for source in loaded.settings.sources)
        self._tables = AW_URL.name not in loaded.origins
        self.fixed = self._fixed(loaded)
        """Why another address of ActivityWatch would not count; empty where it would."""

    async def look(self, aw_url: str) -> Outcome:
        """Whether ActivityWatch is there, every source of it."""
        try:
            address = {} if self.fixed else {AW_URL.name: self._read(AW_URL, aw_url)}
            sources = self._load(address).settings.sources
        except ConfigError as error:
            return Outcome(str(error), good=False)
        found = await asyncio.gather(*map(find_activitywatch, sources))
        told = "\n".join(each.text for each in found)
        if any(each.refused for each in found) and not self._tables:
            told += f" In {self.path} they are {AW_TOKEN.name} and {AW_TOKEN_FILE.name}."
        return Outcome(told, good=all(each.good for each in found))

    async def usual_store(self) -> tuple[str, str]:
        """The address of a store that answers where one usually does, empty without one; and the sentence."""
        stores = usual_stores()
        found = await asyncio.gather(*map(find_store, stores))
        for store, outcome in zip(stores, found, strict=True):
            if outcome.good:
                return store.base_url or store.write_url, outcome.text
        return "", f"No Prometheus or VictoriaMetrics answers at {' or '.join(USUAL_STORES)}."

    async def test(self, store_url: str) -> Outcome:
        """Whether the store takes what awsync would send, found out as a pass does."""
        try:
            store = self._load({PROMETHEUS_URL.name: self._read(PROMETHEUS_URL, store_url)}).settings.store
            assert store is not None, "its address was just given"
            return await self._try(replace(store, timeout=min(store.timeout, _TRY)))
        except ConfigError as error:
            return Outcome(str(error), good=False)

    def write(self, aw_url: str, store_url: str) -> None:
        """Writes config.toml, or what is missing into the one there is. Raises ConfigError."""
        wanted: dict[str, str] = {} if self.fixed else {AW_URL.name: self._read(AW_URL, aw_url)}
        wanted[PROMETHEUS_URL.name] = self._read(PROMETHEUS_URL, store_url)
        try:
            self._write(wanted)
        except ConfigError as error:
            remedy = f"Or go without a file: awsync tui {PROMETHEUS_URL.flag} {store_url.strip()}"
            raise ConfigError(error.problems, remedy) from error
        self.written = True

    def _write(self, wanted: dict[str, str]) -> None:
        if not self.path.exists():
            write_text(self.path, render({**given(self._flags), **wanted}))
            return
        if wanted.get(AW_URL.name) == self.aw_url:
            del wanted[AW_URL.name]
        # The store comes last: a file without it leads here again.
        for name, value in wanted.items():
            set_value(self.path, name, value)

    async def _try(self, store: StoreSettings) -> Outcome:
        sink = shown_url(store.write_url)
        async with aclosing(Client(store)) as client:
            opened = await client.open()
            if isinstance(opened, Retry):
                return Outcome(f"{sink}: {opened.reason} Check that the store runs.", good=False)
            if isinstance(opened, Rejected):
                said = describe(StoreParked(sink=sink, reason=opened.words, remedy=opened.remedy))
                refused = opened.status in _REFUSED
                place = f" Put them into {self.path} and try again." if refused else ""
                return Outcome(said + place, good=False, refused=refused)
            facts = await discover(client.http, store)
        return Outcome(describe(store_reached(sink, opened, facts)), good=True)

    def _load(self, more: Mapping[str, object] | None = None) -> Loaded:
        flags = {**self._flags, **(more or {})}
        return load(flags, self._environ, needs_store=False, needs_file=False)

    def _fixed(self, loaded: Loaded) -> str:
        if self._tables:
            return f"They are the sources of {self.path}."
        if AW_URL.name in self._flags or any(self._environ.get(name, "").strip() for name in AW_URL.env):
            return f"It is given by {loaded.origins[AW_URL.name].place}."
        return ""

    def _read(self, key: Key[Any], text: str) -> str:
        try:
            return str(key.kind.read(text, self.path.parent))
        except ValueError as error:
            raise ConfigError((Problem("settings", key.name, str(error)),)) from error
