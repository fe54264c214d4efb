"""ClickHouse folds dumps into Parquet files: clickhouse.py unique|repeated DUMPS OUT THREADS."""

import pathlib
import sys

from chdb import session

# Where events repeat, it is the fastest to look for ids that occur twice, and to choose
# among the copies of those alone.
EVENTS = {
    "unique": "SELECT * FROM lines",
    "repeated": """
        WITH repeated AS (SELECT session_id, event_id FROM lines GROUP BY session_id, event_id HAVING count() > 1)
        SELECT * FROM lines WHERE (session_id, event_id) NOT IN repeated
        UNION ALL
        SELECT * FROM lines WHERE (session_id, event_id) IN repeated
        ORDER BY ts, coalesce(seq, 0) LIMIT 1 BY session_id, event_id""",
}


def quote(text):
    return "'" + str(text).replace("\\", "\\\\").replace("'", "\\'") + "'"


def main(content, dumps, out, threads):
    sql = pathlib.Path(__file__).with_suffix(".sql").read_text()
    pathlib.Path(out).mkdir(parents=True)
    for name, value in {
        "files": quote(f"{dumps}/*/*/*/*"),
        "out": quote(f"{out}/{{_partition_id}}/rows.parquet"),
        "events": EVENTS[content],
    }.items():
        sql = sql.replace("{" + name + "}", value)
    with session.Session() as clickhouse:
        clickhouse.query(f"""SET max_threads = {int(threads)}, max_insert_threads = {int(threads)}, session_timezone = 'UTC',
            date_time_input_format = 'best_effort', input_format_skip_unknown_fields = 1,
            output_format_parquet_compression_method = 'zstd'""")
        for statement in sql.split("\n----\n"):
            clickhouse.query(statement)


if __name__ == "__main__":
    main(*sys.argv[1:])
