"""Texts of daybook sql, taken apart into statements."""

import re


def split(text, escapes=False):
    """The statements of a text, without comments. Quotes and dollar quotes hide semicolons.

    escapes: a backslash in a text begins an escape.
    """
    statements, begin, i = [], 0, 0
    text = re.sub(r"^--.*\n?", "", text, flags=re.M)
    while i < len(text):
        if text.startswith("$$", i):
            i = text.index("$$", i + 2) + 2
            continue
        if text[i] in "'\"`":
            i = closing(text, i, escapes)
        elif text[i] == ";":
            statements.append(text[begin:i].strip())
            begin = i + 1
        i += 1
    return [s for s in statements if s]


def closing(text, i, escapes):
    """Where the quote ends that begins at i."""
    quote = text[i]
    i += 1
    while text[i] != quote:
        i += 2 if escapes and text[i] == "\\" else 1
    return i


def unblocked(text):
    """The statements of a text of Snowflake, with those inside of its blocks."""
    for statement in split(text, escapes=True):
        block = re.fullmatch(r"EXECUTE IMMEDIATE \$\$\nBEGIN\n(.*)EXCEPTION WHEN OTHER THEN\nROLLBACK;\nRAISE;\nEND;\n\$\$", statement, re.S)
        yield from split(block[1], escapes=True) if block else [statement]


def psql(text):
    """The statements of a text for psql: a line that begins with a backslash is one, too."""
    statements = []
    for i, piece in enumerate(re.split(r"^(\\.*)\n", text, flags=re.M)):
        statements += [piece] if i % 2 else [s + ";" for s in split(piece)]
    return statements
