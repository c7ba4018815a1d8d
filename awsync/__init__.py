"""awsync: delivers ActivityWatch history to Prometheus. This module imports nothing."""

__version__ = "0.1.0"
