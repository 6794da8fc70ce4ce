"""Refusal: the one way to say no to a caller who can do something about it."""

from __future__ import annotations

from typing import Any, ClassVar


class Refusal(Exception):
    """A refusal has a stable code, the facts, and a message that ends with the next step.

    Subclasses set ``code`` (``stage.what_is_wrong``) and ``message`` (a format string over the facts).

    >>> class TooShort(Refusal):
    ...     code = "kit.too_short"
    ...     message = "{name} has {length} characters. Give 3 or more."
    >>> str(TooShort(name="ab", length=2))
    'ab has 2 characters. Give 3 or more.'
    """

    code: ClassVar[str] = "kit.refused"
    message: ClassVar[str] = "Refused."
    #: The same for whoever has a page and no command line, where the message's next step is a command.
    on_page: ClassVar[str] = ""

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        super().__init__(self.message.format(**facts))

    def as_json(self) -> dict[str, Any]:
        """Code, message and facts as JSON-ready values (anything else becomes its ``str``)."""
        return {
            "code": self.code,
            "message": str(self),
            "facts": {name: _plain(value) for name, value in self.facts.items()},
        }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)
