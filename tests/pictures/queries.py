"""The query API of a store, over what the demo's receiver holds: it takes remote write and answers no query.

Only what verify asks is understood: the raw samples of the series that have some labels, up to a moment.
"""

import json
import re
from collections.abc import Collection, Mapping
from urllib.parse import parse_qs

import httpx

from awsync.series import Labels, Sample

PATH = "/api/v1/query"
_ASKED = re.compile(r"\{(.*)\}\[(\d+)ms\]", re.S)
_MATCHER = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def answer(
    body: bytes, held: Mapping[Labels, Mapping[int, float]], lost: Collection[Sample]
) -> httpx.Response:
    """What a Prometheus that holds this, but for what it lost, answers to a query."""
    form = parse_qs(body.decode())
    asked = _ASKED.fullmatch(form["query"][0])
    assert asked is not None, "verify asks for raw samples"
    end = int(form["time"][0]) * 1000
    begin = end - int(asked[2])
    wanted = set(_MATCHER.findall(asked[1]))
    gone = {(sample.labels, sample.timestamp_ms) for sample in lost}
    found = []
    for labels, values in held.items():
        if wanted <= set(labels):
            kept = [
                [stamp / 1000, repr(value)]
                for stamp, value in sorted(values.items())
                if begin < stamp <= end and (labels, stamp) not in gone
            ]
            found.append({"metric": dict(labels), "values": kept})
    data = {"resultType": "matrix", "result": found}
    return httpx.Response(200, content=json.dumps({"status": "success", "data": data}))
