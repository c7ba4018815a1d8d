generated := "awsync/remote_write/generated"

# What CI runs, without its environment: `just`, in an environment with `pip install -e '.[dev]'`.
default: lint types test

# Style, layout and the walls between the parts.
lint:
    ruff check
    ruff format --check
    lint-imports

types:
    mypy

# Tests of stores that are not there are skipped; `eval "$(just stores)"` first brings them in.
test *arguments:
    pytest -n 2 --dist loadfile --no-loadscope-reorder {{ arguments }}

# The stores of the tests; prints the variables that name them.
stores:
    @.ci/stores .cache/stores

# Wheel and sdist, in dist/.
dist:
    python -m build --no-isolation

# A real ActivityWatch server with made-up days, and a store.
demo *arguments:
    awsync demo {{ arguments }}

# How fast and how large, against the least that any program could do: prints tables.
bench:
    python -m tests.bench

# How the console feels while 200,000 events go out, in a real terminal: prints a table.
bench-console:
    python -m tests.bench_console

# Two years of a person through backfill and promtool, and sync behind them: prints a table.
long-history:
    python -m tests.long_history

# Thousands of passes in accelerated time under faults at random, over real servers: prints a table.
soak *arguments:
    python -m tests.soak {{ arguments }}

# Fifty devices with two agents each send to a Prometheus and a VictoriaMetrics: prints tables.
fleet *arguments:
    python -m tests.fleet {{ arguments }}

# The parts of README.md and docs/ that are made from the code.
docs:
    python -m tests.docs

# The pictures of README.md and docs/, from the real console; needs DejaVu Sans Mono (Debian: fonts-dejavu-core).
screenshots:
    python -m tests.pictures

# What the centre's Grafana shows, as JSON, from the code in tests/dashboards.
dashboards:
    python -m tests.dashboards

# The message classes of remote write, from their .proto files.
proto:
    python -m grpc_tools.protoc -I{{ generated }}=awsync/remote_write/proto --python_out=. --pyi_out=. \
        {{ generated }}/v1.proto {{ generated }}/v2.proto
