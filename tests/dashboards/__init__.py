"""`just dashboards`: awsync/center/dashboards/*.json, built as code, and what it takes to run their queries.

A second run changes no byte.

    promql      the pieces that all queries are made of
    building    panels, variables and where they stand, in the words of the SDK
    my_time, devices, fleet     one dashboard each
    grafana     what Grafana makes of a panel before the store sees it: variables, ranges, steps
    filled      people with several devices, their agents, and stores that have it all
    pictures    what a picture of a dashboard shows, drawn from the answers to its queries
"""
