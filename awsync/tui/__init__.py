"""The operator console: what the engine says, folded into screens.

    text        what may stand in a cell: no control characters, cut to a width
    rows        one watcher of the table: its state in words, and its columns
    logbook     the log and its filters
    state       every event, survey and checkpoint folded into one board
    actions     every key: the one table that bindings, help, palette and documentation come from
    pages       the registry of pages: one file and one line for each
    page        what pages share: header, footer, disabled keys that say why
    grid        the table widget; lines, the log widget
    app         the application: the agent's stream in, four repaints a second out

text, rows, logbook, state and actions know nothing of textual.
May import: textual, rich, and of awsync only control and what it names, config, words, errors.
"""
