"""Compares the Iceberg tables of a sink with the published Parquet files, value by value.

    readers.py SINK [READER …]

SINK is a directory with the default catalog, iceberg/catalog.db. The readers are
pyiceberg, spark and clickhouse; each needs its package from PyPI (pyiceberg with
sql-sqlite and pyarrow, pyspark, chdb). Spark also needs the jars in $JARS, separated by
commas: Iceberg's runtime for its version, and sqlite-jdbc. ClickHouse reads below the
working directory only, so run it in / or above SINK. The exit code is 1 if a
reader sees anything else than what the manifests name.
"""

import glob
import json
import os
import sqlite3
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def reports(sink):
    with sqlite3.connect(f"{sink}/iceberg/catalog.db") as db:
        return db.execute("SELECT table_name, metadata_location FROM iceberg_tables ORDER BY 1").fetchall()


def manifests(sink, report):
    """The manifests of a report's days, in the present layout and in the earlier one."""
    names = glob.glob(f"{sink}/_manifests/reports/{report}/dt=*.json")
    return names or glob.glob(f"{sink}/reports/{report}/dt=*/_manifest.json")


def published(sink, report):
    """The rows of the files that the manifests name."""
    tables = []
    for name in manifests(sink, report):
        with open(name) as f:
            tables += [pq.read_table(f"{sink}/{part['key']}", partitioning=None) for part in json.load(f)["parts"]]
    return canonical(pa.concat_tables(tables, promote_options="default"))


def canonical(table):
    """A table whose columns and rows are in one order, and whose types are those of the plain values."""
    columns = {}
    for name in sorted(table.column_names):
        column = table[name].combine_chunks()
        if pa.types.is_timestamp(column.type):
            column = pc.cast(pc.cast(column, pa.timestamp("us", tz="UTC")), pa.int64())
        elif pa.types.is_date(column.type):
            column = pc.cast(pc.cast(column, pa.date32()), pa.int32())
        elif pa.types.is_large_string(column.type) or pa.types.is_binary(column.type):
            column = pc.cast(column, pa.string())
        elif pa.types.is_integer(column.type):
            column = pc.cast(column, pa.int64()) if name != "report_date" else pc.cast(column, pa.int32())
        columns[name] = column
    table = pa.table(columns)
    return table.sort_by([("report_date", "ascending"), ("session_id", "ascending"), ("leg", "ascending"), ("begin_time", "ascending")])


def pyiceberg(sink, report, _):
    from pyiceberg.catalog import load_catalog

    catalog = load_catalog("daybook", type="sql", uri=f"sqlite:///{sink}/iceberg/catalog.db")
    return catalog.load_table(f"daybook.{report}").scan().to_arrow()


def spark(sink, report, _):
    from pyspark.sql import SparkSession

    os.environ["TZ"] = "UTC"
    catalog = "spark.sql.catalog.daybook"
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.jars", os.environ["JARS"])
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .config(catalog, "org.apache.iceberg.spark.SparkCatalog")
        .config(f"{catalog}.type", "jdbc")
        .config(f"{catalog}.uri", f"jdbc:sqlite:{sink}/iceberg/catalog.db")
        .config(f"{catalog}.jdbc.schema-version", "V1")
        .config(f"{catalog}.warehouse", f"file://{sink}/iceberg")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    frame = session.table(f"daybook.daybook.{report}")
    # A count and a filter by date are planned from the table's metadata alone.
    days = {str(row[0]): row[1] for row in session.sql(f"SELECT report_date, count(*) FROM daybook.daybook.{report} GROUP BY 1").collect()}
    for date, rows in days.items():
        assert session.sql(f"SELECT count(*) FROM daybook.daybook.{report} WHERE report_date = DATE '{date}'").collect()[0][0] == rows, date
    assert session.sql(f"SELECT sum(record_count) FROM daybook.daybook.{report}.files").collect()[0][0] == frame.count()
    return frame.toArrow()


def clickhouse(_, report, metadata_location):
    import chdb

    location = metadata_location.removeprefix("file://").split("/metadata/")[0]
    return chdb.query(f"SELECT * FROM icebergLocal('{location}')", "ArrowTable")


def main(sink, *names):
    sink, bad = os.path.abspath(sink), False
    for report, metadata_location in reports(sink):
        want = published(sink, report)
        for name in names or ["pyiceberg", "spark", "clickhouse"]:
            got = canonical(globals()[name](sink, report, metadata_location))
            differing = [c for c in want.column_names if c not in got.column_names or not got[c].equals(want[c])]
            same = got.num_rows == want.num_rows and got.column_names == want.column_names and not differing
            bad |= not same
            print(f"{name}: {report}: {got.num_rows} of {want.num_rows} rows in {len(got.column_names)} columns:", "same" if same else f"DIFFERENT {differing}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
