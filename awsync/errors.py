"""What can go wrong, as a small tree; every message says what happened, where, and what to do.

    AwsyncError                  exit code 1
    ├── ConfigError              exit code 2: a setting is missing, unknown or wrong
    ├── UsageError               exit code 2: the command cannot work where or how it was called
    ├── LockHeldError            exit code 3: another awsync writes to the same state
    ├── ServiceError             the system's manager of services refuses, or there is none
    ├── StateError               the state database cannot be used
    │   └── StateDamagedError    its file is broken: it has to be begun anew
    └── SourceError              what a source has cannot be had, or not be sent
        ├── RuleError            a rule of the user's cannot be applied to an event
        ├── SourceUnreachableError
        ├── SourceRefusedError   401: it wants an API key, or another one
        ├── BucketGoneError      404: the bucket was deleted or renamed
        ├── SourceAnswerError    it answered something that is not ActivityWatch
        │   └── AnswerTooLargeError
        ├── CategoryError        an event's category cannot be told
        └── UncategorizedError   nobody can tell the categories of a whole source

What a store answers is not an exception but a verdict (remote_write/client.py).

May import: the standard library, msgspec.
"""

from msgspec import Struct

GONE_REMEDY = "It was deleted or renamed: awsync buckets lists those there are."


class AwsyncError(Exception):
    """Base of everything awsync raises on purpose; `remedy` is the sentence that says what to do."""

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class Problem(Struct, frozen=True):
    """One thing wrong in the settings: where it stands and what it is."""

    where: str
    key: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.where}:{self.line}" if self.line is not None else self.where
        return f"{place}: {self.key}: {self.message}"


class ConfigError(AwsyncError):
    """The settings cannot be used; `problems` lists every fault found, not only the first."""

    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...], remedy: str = "") -> None:
        super().__init__("\n".join(map(str, problems)), remedy)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(filter(None, [self.message, self.remedy]))


class UsageError(AwsyncError):
    """The command cannot work where or how it was called."""

    exit_code = 2


class LockHeldError(AwsyncError):
    """Another process is the one writer of this state folder."""

    exit_code = 3


class ServiceError(AwsyncError):
    """What the system starts programs with refuses, or is not there."""


class StateError(AwsyncError):
    """The state database is unreadable, unwritable or of a newer version."""


class StateDamagedError(StateError):
    """The file of the state database is broken, for `reason`; whoever may write begins it anew."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"The state database {path} is damaged ({reason}).",
            "The next awsync sync puts it aside, begins a new one and asks the store what it holds.",
        )
        self.reason = reason


class SourceError(AwsyncError):
    """What a source has cannot be had, or not be sent; the next pass tries again."""


class RuleError(SourceError):
    """A rule cannot be applied to an event, which therefore does not leave: nor does what lies behind it."""

    def __init__(self, rule: str, fault: str, remedy: str) -> None:
        super().__init__(f'The rule "{rule}" {fault}', remedy)
        self.rule = rule


class SourceUnreachableError(SourceError):
    """Nothing answers at the address, or not in time."""


class SourceRefusedError(SourceError):
    """The server wants an API key, or another one (HTTP 401)."""


class BucketGoneError(SourceError):
    """The bucket does not exist any more (HTTP 404)."""


class SourceAnswerError(SourceError):
    """The answer is not what an ActivityWatch server gives."""


class AnswerTooLargeError(SourceAnswerError):
    """The answer has more bytes than awsync reads at once."""


class CategoryError(SourceError):
    """An expression of a category takes too long on an event: nothing leaves without its category."""


class UncategorizedError(SourceError):
    """The categories of a source cannot be read: nothing of it leaves without them."""


def no_such_bucket(bucket: str) -> AwsyncError:
    """What is said where no source has the bucket that was asked for."""
    return AwsyncError(f'No source has a bucket "{bucket}".', "awsync buckets lists those there are.")
