"""Message classes, made from proto/*.proto by `just proto`; never edited by hand."""
