"""The parts of README.md and docs/ that are made from the code: `just docs` writes them, a test compares."""
