"""What the buckets cost at the store: counted from what ActivityWatch holds, before anything is sent.

`distinct` and `weighing` count, `forecast` says what that makes in a month and a year, `bill` puts it
together and says what to cut, `plan` reads ActivityWatch.
"""
