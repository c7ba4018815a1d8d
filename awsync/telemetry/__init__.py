"""What the agent says of itself: the engine's events as figures, shown to a scraper and sent to the store.

    figures      pure: events -> numbers
    families     numbers -> the metric families of prometheus_client
    own_series   the same numbers as samples, at the end of a pass
    health       whether an agent that runs also does its work
    endpoint     an HTTP server for pages
    pages        /metrics, /-/healthy and /-/ready

prometheus_client takes its time to load: only `families` and `pages` import it, and those are imported late.
"""
