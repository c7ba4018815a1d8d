"""What the made-up person of days.py looks at: projects, pages, mails, channels, meetings.

All names are invented; every host is a reserved example name or a site that anybody may have open.

May import: the standard library only.
"""

from typing import NamedTuple


class Project(NamedTuple):
    """A folder with files, opened in the editor and in the terminal."""

    name: str
    language: str
    files: tuple[str, ...]


class Page(NamedTuple):
    """A page of the browser; `audible` while it plays."""

    title: str
    url: str
    audible: bool = False


HOME = "/home/sam/src"

PROJECTS = (
    Project(
        "harbour-api",
        "python",
        (
            "harbour/app.py",
            "harbour/berths.py",
            "harbour/invoices.py",
            "harbour/tides.py",
            "harbour/models.py",
            "harbour/permits.py",
            "harbour/pricing.py",
            "harbour/settings.py",
            "tests/test_berths.py",
            "tests/test_invoices.py",
            "tests/test_tides.py",
            "tests/conftest.py",
            "pyproject.toml",
            "README.md",
            "migrations/0042_berth_length.py",
            "docs/permits.md",
        ),
    ),
    Project(
        "harbour-web",
        "typescript",
        (
            "src/main.ts",
            "src/api/client.ts",
            "src/views/Berths.vue",
            "src/views/Invoices.vue",
            "src/views/Tides.vue",
            "src/components/DatePicker.vue",
            "src/components/BerthMap.vue",
            "src/stores/session.ts",
            "src/i18n/de.json",
            "package.json",
            "vite.config.ts",
            "tests/berths.spec.ts",
        ),
    ),
    Project(
        "infra",
        "terraform",
        (
            "main.tf",
            "network.tf",
            "monitoring/prometheus.tf",
            "monitoring/grafana.tf",
            "modules/db/main.tf",
            "modules/db/variables.tf",
            "envs/staging.tfvars",
            "envs/production.tfvars",
            "ansible/site.yml",
            "ansible/roles/backup/tasks/main.yml",
        ),
    ),
    Project(
        "tide-model",
        "python",
        (
            "tides/harmonics.py",
            "tides/stations.py",
            "tides/fit.py",
            "notebooks/compare.py",
            "tests/test_harmonics.py",
            "tests/test_fit.py",
            "README.md",
            "Makefile",
        ),
    ),
    Project("dotfiles", "shell", (".bashrc", ".gitconfig", "bin/backup", "bin/notes", "install.sh")),
)

WORK_PAGES = (
    Page(
        "Wrong VAT for foreign berths · Issue #418 · harbour/api",
        "https://git.example.org/harbour/api/issues/418",
    ),
    Page("Touch gestures · Pull Request #77 · harbour/web", "https://git.example.org/harbour/web/pulls/77"),
    Page("Pipeline #9312 failed · harbour/api", "https://git.example.org/harbour/api/pipelines/9312"),
    Page("Issues · harbour/api", "https://git.example.org/harbour/api/issues"),
    Page("Pull Requests · harbour/web", "https://git.example.org/harbour/web/pulls"),
    Page("Sprint board - Harbour", "https://board.example.org/harbour/sprint"),
    Page("HBR-231 Permits expire at midnight UTC - Harbour", "https://board.example.org/harbour/HBR-231"),
    Page("HBR-240 Import tide tables of Zürich - Harbour", "https://board.example.org/harbour/HBR-240"),
    Page("HBR-244 Slow berth search - Harbour", "https://board.example.org/harbour/HBR-244"),
    Page("Harbour overview - Grafana", "https://grafana.example.org/d/harbour/overview"),
    Page("API latency - Grafana", "https://grafana.example.org/d/latency/api?from=now-6h&to=now"),
    Page("Runbook: restore the database - Wiki", "https://wiki.example.org/runbooks/restore"),
    Page("Architecture decisions - Wiki", "https://wiki.example.org/adr"),
    Page("On-call calendar - Wiki", "https://wiki.example.org/on-call"),
    Page(
        "zoneinfo: IANA time zone support - Python documentation",
        "https://docs.python.org/3/library/zoneinfo.html",
    ),
    Page("itertools - Python documentation", "https://docs.python.org/3/library/itertools.html"),
    Page(
        "asyncio: Coroutines and Tasks - Python documentation",
        "https://docs.python.org/3/library/asyncio-task.html",
    ),
    Page(
        "PostgreSQL: Documentation: Window Functions",
        "https://www.postgresql.org/docs/current/tutorial-window.html",
    ),
    Page(
        "PostgreSQL: Documentation: CREATE INDEX",
        "https://www.postgresql.org/docs/current/sql-createindex.html",
    ),
    Page("Query functions | Prometheus", "https://prometheus.io/docs/prometheus/latest/querying/functions/"),
    Page(
        "Array.prototype.flatMap() - JavaScript | MDN",
        "https://developer.mozilla.org/docs/Web/JavaScript/Array/flatMap",
    ),
    Page("Pointer events - Web APIs | MDN", "https://developer.mozilla.org/docs/Web/API/Pointer_events"),
    Page(
        "python - Round a Decimal half up - Stack Overflow",
        "https://stackoverflow.com/questions/1000001/round-half-up",
    ),
    Page(
        "sql - Index is not used - Stack Overflow",
        "https://stackoverflow.com/questions/1000002/index-expression",
    ),
    Page(
        "vue.js - Emit an event from a slot - Stack Overflow",
        "https://stackoverflow.com/questions/1000003/emit-slot",
    ),
    Page("Harmonic analysis of tides - Wikipedia", "https://en.wikipedia.org/wiki/Theory_of_tides"),
    Page("Harbour staging", "https://staging.example.org/berths?day=today"),
    Page("Harbour staging: Invoices", "https://staging.example.org/invoices"),
    Page("localhost:5173 - Harbour", "http://localhost:5173/"),
)

LEISURE_PAGES = (
    Page("Hacker News", "https://news.ycombinator.com/"),
    Page("Show HN: A tide clock made of wood | Hacker News", "https://news.ycombinator.com/item?id=40000001"),
    Page("Café Größenwahn, Zürich - Maps", "https://maps.example.com/place/cafe"),
    Page("Train connections Bern to Genève", "https://trains.example.com/search?from=bern&to=geneve"),
    Page("Sourdough for the impatient - Kitchen notes", "https://kitchen.example.net/sourdough"),
    Page("Weather for the weekend", "https://weather.example.net/weekend"),
    Page("The Guardian: World news", "https://www.theguardian.com/world"),
    Page("Rowing boats - Classifieds", "https://ads.example.com/boats/rowing"),
    Page("Anmelden - Stadtbibliothek", "https://bibliothek.example.com/anmelden"),
    Page("r/sailing - Reddit", "https://www.reddit.com/r/sailing/"),
    Page("How to splice a rope - YouTube", "https://www.youtube.com/watch?v=rope0000001", audible=True),
    Page(
        "Round the Isle of Wight in a dinghy - YouTube",
        "https://www.youtube.com/watch?v=isle0000002",
        audible=True,
    ),
    Page("Bach: Cello Suites - YouTube", "https://www.youtube.com/watch?v=bach0000003", audible=True),
    Page("山の天気 - 天気予報", "https://tenki.example.net/yama"),
)

VIDEOS = tuple(page for page in LEISURE_PAGES if page.audible)

MAILS = (
    "Inbox - sam@example.org - Mozilla Thunderbird",
    "Re: Invoice 2214 has the wrong berth - Mozilla Thunderbird",
    "Write: Re: Permit for the regatta - Mozilla Thunderbird",
    "Weekly report - Mozilla Thunderbird",
    "Fwd: Angebot Schwimmsteg Größe L - Mozilla Thunderbird",
    "Re: Lunch on Thursday? - Mozilla Thunderbird",
    "[harbour/api] Pipeline failed (#9312) - Mozilla Thunderbird",
    "Your ticket to Genève - Mozilla Thunderbird",
    "Re: Review of the pricing rules - Mozilla Thunderbird",
    "Drafts - sam@example.org - Mozilla Thunderbird",
)

CHANNELS = (
    "general - Harbour - Slack",
    "backend - Harbour - Slack",
    "frontend - Harbour - Slack",
    "incidents - Harbour - Slack",
    "random - Harbour - Slack",
    "Noor (direct message) - Harbour - Slack",
    "Émile (direct message) - Harbour - Slack",
)

MEETINGS = (
    "Daily stand-up - Zoom Meeting",
    "Sprint planning - Zoom Meeting",
    "Sam / Noor 1:1 - Zoom Meeting",
    "Harbour authority: demo - Zoom Meeting",
)

DOCUMENTS = (
    "Pricing rules 2027.ods - LibreOffice Calc",
    "Regatta permit letter.odt - LibreOffice Writer",
    "Harbour demo.odp - LibreOffice Impress",
    "Tide tables.pdf - Document Viewer",
    "Desktop - Files",
    "Downloads - Files",
)

COMMANDS = ("git", "pytest", "psql harbour", "ssh staging", "make", "journalctl -f", "htop")
