"""History that is older than a store takes by remote write, as files that it imports.

`plan` decides which time of a bucket that is, `writing` reads it from ActivityWatch into files, `next_steps`
says what to run then, and `done` lets the state know of it.
"""
