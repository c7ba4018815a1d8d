"""The line of each key of a TOML file."""

from pathlib import Path

import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from awsync.config.lines import KeyPath, Scanner, read_toml

TEXT = '''\
# first
a = 1 # = 2
b.c = "x # not a comment"
"quoted key" = \'\'\'
d = 1
[not a table]\'\'\'
e = """
""\\" f = 2
""""
g = [
  1, # ]
  "]", [2,
  3],
]
h = { i = 1, j = [ { k = 2 } ] }

[ l . "m.n" ]
o = 1
[[source]]
name = 1
[[source]]
  name = 2
[source.sub]
x = 1
[[ source . deep ]]
[[ source . deep ]]
y = 2
[z] # end
'''


def test_keys_are_found_among_strings_arrays_and_tables(tmp_path: Path) -> None:
    """A wrong line number sends a user to the wrong place; text inside values must not look like keys."""
    path = tmp_path / "x.toml"
    path.write_text(TEXT)
    file = read_toml(path)
    expected: dict[KeyPath, int] = {
        ("a",): 2,
        ("b",): 3,
        ("b", "c"): 3,
        ("quoted key",): 4,
        ("e",): 7,
        ("g",): 10,
        ("h",): 15,
        ("l",): 17,
        ("l", "m.n"): 17,
        ("l", "m.n", "o"): 18,
        ("source",): 19,
        ("source", 0): 19,
        ("source", 0, "name"): 20,
        ("source", 1): 21,
        ("source", 1, "name"): 22,
        ("source", 1, "sub"): 23,
        ("source", 1, "sub", "x"): 24,
        ("source", 1, "deep"): 25,
        ("source", 1, "deep", 0): 25,
        ("source", 1, "deep", 1): 26,
        ("source", 1, "deep", 1, "y"): 27,
        ("z",): 28,
    }
    assert dict(file.lines) == expected
    assert file.first_table == 17
    assert file.line("h", "j", 0, "k") == 15
    assert file.line("nowhere") is None


values = st.recursive(
    st.one_of(st.integers(-5, 5), st.booleans(), st.text(max_size=12)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(min_size=1, max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=5), st.booleans())
def test_every_key_of_any_document_has_its_line(document: dict[str, object], multiline: bool) -> None:
    """Whatever strings, nesting and odd names a file holds, each key is found where it is."""
    text = tomli_w.dumps(document, multiline_strings=multiline)
    lines = Scanner(text).scan()
    rows = text.split("\n")
    for name in document:
        row = rows[lines[(name,)] - 1]
        written = tomli_w.dumps({name: 1}).partition(" = ")[0]
        assert row.startswith((f"{written} =", f"[{written}", f"[[{written}"))
