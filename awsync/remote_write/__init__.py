"""Remote write: the messages (wire), one request and its verdict (client), what a store tells (store)."""
