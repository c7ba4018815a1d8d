"""Every sentence that says what went wrong, found in the code that says it: for docs/errors.md and its test.

The source is read, not run: a call of an error, of a verdict on the store, of a fault in the settings or of a
finding of the doctor is met wherever it stands, and what it says is worked out as far as the code writes it
out; what is known at run time only becomes {name}.
"""

import ast
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct

from awsync import errors

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "awsync"
EITHER = " / "
"""Between the remedies of one sentence, of which one is said."""
_MOST = 24
"""So many ways of one sentence are written out; more would be noise."""


class Said(Struct, frozen=True, order=True):
    """One sentence: in which file and function it is said, by which call, and what to do about it."""

    file: str
    function: str
    kind: str
    sentence: str
    remedy: str


class Call(Struct, frozen=True):
    """Where a call has its sentence and its remedy: positions of its arguments, and what comes before."""

    sentence: int
    remedy: int | None = None
    before: str = ""


def _errors() -> dict[str, Call]:
    """The exceptions of awsync.errors, but for those that are made of other sentences."""
    found = {
        name: Call(0, 1)
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, errors.AwsyncError)
    }
    del found["ConfigError"], found["StateDamagedError"]
    return {**found, "RuleError": Call(1, 2, before='The rule "{rule}" ')}


ERRORS: Mapping[str, Call] = _errors()
FAULTS: Mapping[str, Call] = {
    "Problem": Call(2),
    "complain": Call(2),
    "_refused": Call(2),
    "_error": Call(-1),
    "ValueError": Call(0),
}
"""What is wrong with the settings: told with its file, line and key."""
VERDICTS: Mapping[str, Call] = {"Retry": Call(0), "Rejected": Call(1, 2)}
"""What a store answered."""
FINDINGS: Mapping[str, Call] = {"failed": Call(1, 2), "warning": Call(1, 2)}
"""What the doctor found."""


class Module:
    """One file of the source, with its functions and constants by name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.functions = {
            node.name: node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        self.constants = {
            target.id: node.value
            for node in self.tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }

    def imported(self, name: str) -> "tuple[Module, str] | None":
        """The module of awsync that a name was imported from, and its name there."""
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("awsync."):
                continue
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    path = ROOT.joinpath(*str(node.module).split(".")).with_suffix(".py")
                    return (module_of(path), alias.name) if path.is_file() else None
        return None


@cache
def module_of(path: Path) -> Module:
    """A file of the source, read once."""
    return Module(path)


class Reading:
    """What an expression of one function says, in every way that is written out."""

    def __init__(self, module: Module, function: ast.AST, depth: int = 0) -> None:
        self.module = module
        self.function = function
        self.depth = depth

    def texts(self, node: ast.expr | None) -> list[str]:
        """The texts that a node may be; one placeholder where nothing is written out."""
        if node is None:
            return [""]
        if isinstance(node, ast.Constant):
            return [] if node.value is None else [str(node.value)]
        if isinstance(node, ast.JoinedStr):
            return self._joined([self._part(part) for part in node.values])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._joined([self.texts(node.left), self.texts(node.right)])
        if isinstance(node, ast.IfExp):
            return _unique([*self.texts(node.body), *self.texts(node.orelse)])
        if isinstance(node, ast.BoolOp):
            return _unique([text for value in node.values for text in self.texts(value)])
        if isinstance(node, ast.Name):
            return self._named(node) or [_placeholder(node)]
        if isinstance(node, ast.Call):
            return self._called(node) or [_placeholder(node)]
        return [_placeholder(node)]

    def _part(self, part: ast.expr) -> list[str]:
        if not isinstance(part, ast.FormattedValue):
            return self.texts(part)
        inner = part.value
        written_out = isinstance(inner, ast.IfExp | ast.Constant) or (
            isinstance(inner, ast.Name) and self._named(inner)
        )
        found = self.texts(inner) if written_out else [_placeholder(inner)]
        return found if len(found) <= _MOST else [_placeholder(inner)]

    def _joined(self, parts: Sequence[Sequence[str]]) -> list[str]:
        return _unique(["".join(each) for each in itertools.islice(itertools.product(*parts), _MOST)])

    def _named(self, node: ast.Name) -> list[str]:
        """What a local name was given, else a constant of the module or of the one it is imported from."""
        if self.depth > 4:
            return []
        inside = Reading(self.module, self.function, self.depth + 1)
        given = list(_given(self.function, node.id))
        if given:
            texts = _unique([text for value in given for text in inside.texts(value)])
            return texts if any(_is_written(text) for text in texts) else []
        if node.id in self.module.constants:
            return inside._written(self.module.constants[node.id])
        origin = self.module.imported(node.id)
        if origin and origin[1] in origin[0].constants:
            return Reading(origin[0], origin[0].tree)._written(origin[0].constants[origin[1]])
        return []

    def _written(self, node: ast.expr) -> list[str]:
        return [text for text in self.texts(node) if _is_written(text)]

    def _called(self, node: ast.Call) -> list[str]:
        """What a function of the same file returns."""
        name = node.func.id if isinstance(node.func, ast.Name) else None
        name = node.func.attr if isinstance(node.func, ast.Attribute) else name
        function = self.module.functions.get(name or "")
        if function is None or self.depth > 4:
            return []
        inside = Reading(self.module, function, self.depth + 1)
        returned = [each.value for each in _own(function) if isinstance(each, ast.Return)]
        texts = _unique([text for value in returned if value for text in inside.texts(value)])
        return texts if any(_is_written(text) for text in texts) else []


def said(kinds: Mapping[str, Call], folder: Path = PACKAGE, *, but: Sequence[str] = ()) -> list[Said]:
    """Every sentence of these calls below a folder, in the order of the files."""
    found: dict[Said, None] = {}
    for path in [folder] if folder.is_file() else sorted(folder.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith(tuple(but)):
            continue
        module = module_of(path)
        for function, call in _calls(module):
            kind = _callee(call)
            if kind in kinds:
                for each in _sentences(module, function, call, kind, kinds[kind]):
                    found[Said(name, getattr(function, "name", ""), kind, *each)] = None
    return list(found)


def damaged() -> list[Said]:
    """The sentence of the one error that is its own author."""
    module = module_of(PACKAGE / "errors.py")
    return [
        Said("errors.py", "StateDamagedError", "StateDamagedError", sentence, remedy)
        for function, call in _calls(module)
        if isinstance(call.func, ast.Attribute) and len(call.args) == 2 and call.func.attr == "__init__"
        for sentence, remedy in _sentences(module, function, call, "StateDamagedError", Call(0, 1))
        if "damaged" in sentence
    ]


def pairs(path: Path) -> list[tuple[str, str]]:
    """What the functions of a file return that give a sentence and its remedy."""
    module = module_of(path)
    found: dict[tuple[str, str], None] = {}
    for function in module.functions.values():
        if function.returns is None or ast.unparse(function.returns) != "tuple[str, str]":
            continue
        reading = Reading(module, function)
        for node in _own(function):
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                sentence, remedy = (reading.texts(each)[0] for each in node.value.elts)
                found[sentence, remedy] = None
    return list(found)


def is_written(text: str) -> bool:
    """Whether more than placeholders is written out."""
    return _is_written(text)


def _calls(module: Module) -> Iterator[tuple[ast.AST, ast.Call]]:
    """Every call with the innermost function that it stands in."""

    def walk(node: ast.AST, function: ast.AST) -> Iterator[tuple[ast.AST, ast.Call]]:
        for child in ast.iter_child_nodes(node):
            inner = child if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
            if isinstance(child, ast.Call):
                yield function, child
            yield from walk(child, inner)

    return walk(module.tree, module.tree)


def _callee(call: ast.Call) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _sentences(
    module: Module, function: ast.AST, call: ast.Call, kind: str, where: Call
) -> Iterator[tuple[str, str]]:
    if any(isinstance(each, ast.Starred) for each in call.args):
        return
    reading = Reading(module, function)
    named = {each.arg: each.value for each in call.keywords}
    sentence = call.args[where.sentence] if len(call.args) > where.sentence else named.get("message")
    if sentence is None:
        return
    remedy = named.get("remedy")
    if where.remedy is not None and len(call.args) > where.remedy:
        remedy = call.args[where.remedy]
    remedies = reading.texts(remedy)
    for text in reading.texts(sentence):
        yield _whole(where.before + text), EITHER.join(_unique([_whole(each) for each in remedies]))


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions inside it."""
    for child in ast.iter_child_nodes(function):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        yield child
        yield from _own(child)


def _given(function: ast.AST, name: str) -> Iterator[ast.expr]:
    """Every value that a name is given inside a function."""
    for node in _own(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _matched(target, node.value, name)
        elif isinstance(node, ast.NamedExpr | ast.AnnAssign) and node.value is not None:
            yield from _matched(node.target, node.value, name)


def _matched(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.expr]:
    if isinstance(target, ast.Name) and target.id == name:
        yield value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for each, part in zip(target.elts, value.elts, strict=False):
            yield from _matched(each, part, name)


def _placeholder(node: ast.expr) -> str:
    """What stands in for a value that is known at run time only: its last name in the code."""
    if isinstance(node, ast.BinOp):
        return _placeholder(node.left)
    if isinstance(node, ast.BoolOp):
        return _placeholder(node.values[-1])
    if isinstance(node, ast.Call) and _callee(node) == "join" and node.args:
        return _placeholder(node.args[0])
    if isinstance(node, ast.Call):
        inner = node.args[0] if node.args and not isinstance(node.func, ast.Attribute) else node.func
        return _placeholder(inner)
    if isinstance(node, ast.Attribute):
        of_another = not (isinstance(node.value, ast.Name) and node.value.id == "self")
        vague = node.attr in {"value", "name"} and of_another
        return _placeholder(node.value) if vague else f"{{{node.attr.strip('_')}}}"
    if isinstance(node, ast.Subscript | ast.Starred):
        return _placeholder(node.value)
    if isinstance(node, ast.Name):
        return f"{{{node.id.strip('_')}}}"
    if isinstance(node, ast.IfExp):
        return _placeholder(node.body)
    return "{…}"


def _is_written(text: str) -> bool:
    return bool(re.search(r"[a-z]{2}", re.sub(r"\{[^}]*\}", "", text)))


def _unique(texts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _whole(text: str) -> str:
    return re.sub(r"\.\.$", ".", " ".join(text.split()))
