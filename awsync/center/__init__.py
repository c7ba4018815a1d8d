"""The receiving side of a team: everything that `awsync center DIR` lays out, and how.

    plan       what is wanted: the store, how long it keeps, the name it is reached by
    programs   how the store and its companions are started, wherever they run
    layout     the files of a plan
    tokens     a secret for each device
    writing    puts the files into the folder, and nothing over what somebody changed
    advice     what is to be done next

The files that are laid out lie in files/ as they are; what stands in << >> is filled in. dashboards/ holds
those of Grafana.

May import: the standard library, msgspec, errors.
"""
