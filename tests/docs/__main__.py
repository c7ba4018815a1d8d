"""`python -m tests.docs`: writes every part of the pages that is made from the code."""

from tests.docs.pages import PAGES, filled

for page in PAGES:
    text = page.read_text(encoding="utf-8")
    made = filled(text)
    if made != text:
        page.write_text(made, encoding="utf-8")
        print(f"{page} was written anew.")  # noqa: T201 a tool's own words
