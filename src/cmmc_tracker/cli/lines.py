"""One line is one line: what commands and the log print names files and people, and those may try to look like more."""

import logging


def one_line(text: str) -> str:
    """The text on one line: line breaks, control and direction signs are written as escapes."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


class LineFormatter(logging.Formatter):
    """A record is one line; a trace below it is set in, so that nothing in it can pass for a record of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 the name of the base class
        """The record's own line."""
        record.message = one_line(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802 the name of the base class
        """The trace, every line of it set in."""
        trace = super().formatException(ei)  # type: ignore[arg-type]
        return "\n".join(f"    {one_line(line)}" for line in trace.splitlines())
