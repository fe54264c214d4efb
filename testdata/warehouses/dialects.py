"""Parse the statements of all engines: those for DuckDB by itself, the others by sqlglot.

    python dialects.py DIRECTORY-OF-GOLDEN-FILES

The golden files name a bucket, so DuckDB cannot run them here.

sqlglot keeps some statements as a text, as if every text were right: these are errors,
except for those that warehouses.py runs.
"""

import collections
import logging
import pathlib
import re
import sys

import duckdb
import sqlglot
import sqlglot.expressions

from statements import split, unblocked

DIALECTS = {
    "snowflake": "snowflake", "bigquery": "bigquery", "redshift": "redshift", "databricks": "databricks",
    "athena": "athena", "trino": "trino", "fabric": "tsql", "spark": "spark", "clickhouse": "clickhouse",
}
ESCAPES = {"snowflake", "bigquery", "databricks", "spark", "clickhouse", "redshift", "athena"}

# What the documentation of an engine allows and sqlglot does not know, and what to
# parse in its place: a statement with the same parts.
GAPS = {
    "bigquery": [
        (r"^LOAD DATA OVERWRITE TEMP TABLE\b", "LOAD DATA OVERWRITE"),
        (r"^(CREATE OR REPLACE) EXTERNAL (TABLE .*)\) WITH PARTITION COLUMNS \((.*?)\)(?=\nOPTIONS)", r"\1 \2, \3)"),
        (r"^(CREATE OR REPLACE) EXTERNAL (TABLE)", r"\1 \2"),
    ],
    "fabric": [(r"OPENROWSET\(BULK '[^']*', FORMAT = 'PARQUET'\)", "files")],
    "trino": [(r"^CALL ", "SELECT ")],
    "spark": [(r"^CREATE OR REPLACE TEMPORARY VIEW (.*) OPTIONS ", r"CREATE TABLE \1 TBLPROPERTIES ")],
}

# Statements that sqlglot does not look into, and that warehouses.py runs.
RUN = {"clickhouse": r"ALTER TABLE `\w+`\s+(REPLACE|DROP) PARTITION|EXCHANGE TABLES "}


def statements(name, text):
    return list(unblocked(text)) if name == "snowflake" else split(text, name in ESCAPES)


def parse(name, statement):
    """How sqlglot understands a statement: parsed, run in another test, or not at all with a reason."""
    for gap, parsable in GAPS.get(name, ()):
        statement = re.sub(gap, parsable, statement, flags=re.S)
    try:
        (tree,) = sqlglot.parse(statement, read=DIALECTS[name])
    except sqlglot.errors.SqlglotError as error:
        return str(error)[:300]
    if not isinstance(tree, sqlglot.expressions.Command):
        return "parsed"
    if name in RUN and re.match(RUN[name], statement):
        return "run by warehouses.py"
    return "sqlglot does not look into it"


def main(directory):
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of each statement that it does not look into
    directory, failed = pathlib.Path(directory), False
    print(f"duckdb: {len(duckdb.extract_statements((directory / 'duckdb.sql').read_text()))} parsed")
    for name in DIALECTS:
        count = collections.Counter()
        for statement in statements(name, (directory / f"{name}.sql").read_text()):
            result = parse(name, statement)
            count[result] += 1
            if result not in ("parsed", "run by warehouses.py"):
                failed = True
                print(f"{name}: {result}\n  {statement[:200]}")
        print(f"{name}: " + ", ".join(f"{n} {result}" for result, n in count.items()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
