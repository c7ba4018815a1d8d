"""docs/stores.md: its lines for config.toml load, and lead where it says."""

import re
from pathlib import Path

import pytest

from tests.config_files import loaded, make_home, store_of

TEXT = (Path(__file__).resolve().parent.parent / "docs" / "stores.md").read_text(encoding="utf-8")
SNIPPETS = {
    section.split("\n", 1)[0]: found[1]
    for section in TEXT.split("\n## ")[1:]
    if (found := re.search(r"```toml\n(.*?)```", section, re.DOTALL))
}
WRITES = {
    "Mimir": "https://mimir.example/api/v1/push",
    "Grafana Cloud": "https://prometheus-prod-01-eu-west-0.grafana.net/api/prom/push",
    "Thanos Receive": "http://thanos-receive:19291/api/v1/receive",
    "VictoriaMetrics cluster": "http://vminsert:8480/insert/0/prometheus/api/v1/write",
    "Cortex": "http://cortex:9009/api/v1/push",
    "vmagent as a relay": "http://vmagent:8429/api/v1/write",
}


def test_every_store_has_its_lines() -> None:
    """A recipe without lines to copy is none."""
    assert SNIPPETS.keys() == WRITES.keys()


@pytest.mark.parametrize("name", SNIPPETS)
def test_the_lines_of_a_recipe_load(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever copies them gets settings without a complaint, and can query what was written."""
    home = make_home(tmp_path, monkeypatch)
    text = SNIPPETS[name].replace("/run/secrets/", f"{home}/")
    for path in re.findall(rf'"({re.escape(str(home))}/[\w-]+)"', text):
        Path(path).touch(mode=0o600)
        Path(path).write_text("a-secret-of-some-length\n")
    store = store_of(loaded(home, text).settings)
    assert store.write_url == WRITES[name]
    assert store.query_url is not None
    assert store.asked_url == store.query_url
    assert name == "vmagent as a relay" or store.base_url is None
