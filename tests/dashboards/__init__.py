"""`just dashboards`: awsync/center/dashboards/*.json, built as code, and what it takes to run their queries.

A second run changes no byte.

    promql      the pieces that all queries are made of
    days        the same for whole days that are recorded
    building    panels and where they stand, in the words of the SDK
    variables   what is chosen above them
    my_time, my_year, devices, fleet     one dashboard each
    grafana     what Grafana makes of a panel before the store sees it: variables, ranges, steps
    recording   the centre's rules, evaluated over a store's past
    filled      people with several devices, their agents, and stores that have it all
    looking     somebody who looks at them, and what there should be to see
    pictures    what a picture of a dashboard shows, drawn from the answers to its queries
"""
