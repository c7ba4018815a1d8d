"""`just screenshots`: the pictures in screenshots/, of the real console over the demo's data.

A second run changes no byte: the person's days, the clock and the addresses are the same each time.
"""
