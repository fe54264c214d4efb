"""Parse the statements of engines that do not run here, in the dialect of each, by sqlglot.

    python dialects.py DIRECTORY-OF-GOLDEN-FILES
"""

import pathlib
import re
import sys

import sqlglot
import sqlglot.expressions

from engines import split

DIALECTS = {
    "snowflake": "snowflake", "bigquery": "bigquery", "redshift": "redshift", "databricks": "databricks",
    "athena": "athena", "trino": "trino", "fabric": "tsql", "spark": "spark", "duckdb": "duckdb", "clickhouse": "clickhouse",
}
ESCAPES = {"snowflake", "bigquery", "databricks", "spark", "clickhouse", "redshift", "athena"}  # a backslash in a text begins an escape

# What the documentation of an engine allows and sqlglot does not know, and what to parse in its place.
GAPS = [
    (r"\bLOAD DATA OVERWRITE TEMP TABLE\b", "LOAD DATA OVERWRITE"),
    (r"OPENROWSET\(BULK '[^']*', FORMAT = 'PARQUET'\)", "files"),
]


def statements(text, escapes):
    """The statements of a file, with those in Snowflake's blocks."""
    split.escapes = escapes
    for statement in split(text):
        block = re.fullmatch(r"EXECUTE IMMEDIATE \$\$\nBEGIN\n(.*)EXCEPTION WHEN OTHER THEN\nROLLBACK;\nRAISE;\nEND;\n\$\$", statement, re.S)
        yield from split(block[1]) if block else [statement]


def main(directory):
    failed = 0
    for name, dialect in DIALECTS.items():
        text = (pathlib.Path(directory) / f"{name}.sql").read_text()
        parsed = opaque = 0
        for statement in statements(text, name in ESCAPES):
            for gap, parsable in GAPS:
                statement = re.sub(gap, parsable, statement)
            try:
                (tree,) = sqlglot.parse(statement, read=dialect)
            except sqlglot.errors.SqlglotError as error:
                print(f"{name}: {str(error)[:300]}\n  {statement[:200]}")
                failed += 1
                continue
            if isinstance(tree, sqlglot.expressions.Command):
                opaque += 1
                print(f"{name}: sqlglot does not look into: {statement[:70]!r}")
            parsed += 1
        print(f"{name}: {parsed} statements parse as {dialect}, {opaque} of them as a command")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
