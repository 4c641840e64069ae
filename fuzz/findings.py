"""What goes wrong with an input, and the shortest input with which it does."""

import traceback
from collections.abc import Callable

Check = Callable[[bytes], None]
Change = Callable[[bytes], bytes]


def fault(check: Check, content: bytes) -> str | None:
    """What goes wrong with the content, and where; None where all is well."""
    try:
        check(content)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {place.name}, line {place.lineno} of {place.filename}"
    return None


def minimise(check: Check, content: bytes) -> bytes:
    """A content with the same fault of which no part can go and no byte can be zero that is not."""
    wrong, before = fault(check, content), b""
    while content != before:
        before, size = content, max(len(content) // 2, 1)
        while size:
            content = _try_each(lambda part: b"", size, content, check, wrong)
            size //= 2
        content = _try_each(lambda part: bytes(len(part)), 1, content, check, wrong)
    return content


def _try_each(change: Change, size: int, content: bytes, check: Check, wrong: str | None) -> bytes:
    """Change each part of `size` bytes if the fault stays the same."""
    at = 0
    while at < len(content):
        part = content[at : at + size]
        changed = content[:at] + change(part) + content[at + size :]
        if changed != content and fault(check, changed) == wrong:
            content = changed
            at += len(change(part))
        else:
            at += size
    return content
