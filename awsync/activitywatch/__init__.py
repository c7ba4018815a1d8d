"""A server of ActivityWatch: its client, its answers typed, its failures in words, and its moments."""
