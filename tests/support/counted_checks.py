"""Health checks that count their runs."""

from typing import Any


class Counted:
    """A check that counts its runs and answers what it is told."""

    def __init__(self, answer: Any = True) -> None:
        self.answer = answer
        self.runs = 0

    def __call__(self) -> Any:
        self.runs += 1
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class CountedAsync(Counted):
    async def __call__(self) -> Any:
        return super().__call__()
