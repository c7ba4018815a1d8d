"""What becomes of an event's data before anything leaves: the user's rules, and the level of privacy.

    patterns    an expression with a limit of time
    template    a text with groups of what was found
    pseudonyms  texts made unreadable by a key
    steps       a rule for the buckets that it concerns
    scrub       addresses and paths in a text become domains and base names
    levels      the levels of privacy, as rules
    edits       all of it for one bucket, in order

May import: the standard library, msgspec, regex, errors, series, settings.
"""
