"""Engines that read what is published without statements of daybook sql: each gives the rows."""

import contextlib
import os
import pathlib
import subprocess
import sys

import pyarrow.parquet

from engines import ClickHouse, DuckDB, Spark, ordered
from history import REPORT, plain

ROOT = pathlib.Path(__file__).parents[2]


def command(*args, env={}):
    """What a command prints. Its failure is an error with what it says."""
    done = subprocess.run(list(map(str, args)), capture_output=True, text=True, env={**os.environ, **env})
    if done.returncode != 0:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return done.stdout


def sink_of(files):
    return str(files[0]).partition(f"/reports/{REPORT}/")[0]


class DataFusion:
    name = "datafusion"

    def __init__(self, directory):
        from datafusion import SessionContext
        self.context = SessionContext()

    def read(self, files, names):
        schema = pyarrow.parquet.read_schema(files[-1]).remove_metadata()  # the newest file has all columns
        frames = [self.context.read_parquet(str(path), schema=schema) for path in files]
        frame = frames[0]
        for other in frames[1:]:
            frame = frame.union(other)
        table = frame.to_arrow_table().select(names)
        return {self.name: ordered((row.values() for row in table.to_pylist()), names)}


class Dbt:
    """The example package, which reads the manifests."""
    name = "dbt"
    project = ROOT / "config/examples/dbt"

    def __init__(self, directory):
        self.dir = directory / "dbt"
        self.dir.mkdir()
        self.sizes = {}

    def read(self, files, names):
        warehouse = DuckDB(self.dir)
        sizes = {path: path.stat().st_size for path in files}
        # The history writes files anew under their names, which daybook does not.
        again = ["--full-refresh"] if any(self.sizes.get(path, size) != size for path, size in sizes.items()) else []
        self.sizes = sizes
        command(pathlib.Path(sys.executable).parent / "dbt", "build", "--quiet", "--profiles-dir", self.project, "--project-dir", self.project, *again, env={
            "DAYBOOK_SINK": sink_of(files), "DAYBOOK_REPORT": REPORT, "DAYBOOK_WAREHOUSE": warehouse.file,
            "DBT_TARGET_PATH": str(self.dir / "target"), "DBT_LOG_PATH": str(self.dir / "logs")})
        return {self.name: warehouse.rows(names, "sessions")}


class Iceberg:
    """The table that daybook-iceberg keeps, read by pyiceberg, ClickHouse and Spark."""
    name = "iceberg"
    binary = ROOT / ".bin/daybook-iceberg"
    in_spark = f"daybook.daybook.`{REPORT}`"

    def __init__(self, directory):
        self.dir = directory / "iceberg"
        self.dir.mkdir()
        self.sink = self.dir / "sink"  # leads to the history's, whose path Iceberg readers would misread
        self.clickhouse, self.spark = ClickHouse(directory), Spark(directory)
        (self.dir / "daybook.yml").write_text(f"sink: {{store: {{url: {self.sink}}}, remove_after: 24h}}\nreports: [{{name: {REPORT}}}]\n")

    def read(self, files, names):
        if not self.sink.exists():
            self.sink.symlink_to(sink_of(files))
        for _ in range(2):
            said = command(self.binary, "sync", "--once", "-c", self.dir / "daybook.yml")
        assert "no change" in said, f"a second sync says: {said}"
        from pyiceberg.catalog import load_catalog
        table = load_catalog("daybook", type="sql", uri=f"sqlite:///{self.sink}/iceberg/catalog.db").load_table(f"daybook.{REPORT}")
        location = table.location().removeprefix("file://")
        with contextlib.chdir("/"):  # ClickHouse reads Iceberg tables below the working directory only
            in_clickhouse = self.clickhouse.rows(names, f"icebergLocal('{location}')")
        rows = {
            "iceberg in clickhouse": in_clickhouse,
            "pyiceberg": ordered((row.values() for row in table.scan(selected_fields=tuple(names)).to_arrow().select(names).to_pylist()), names),
            "iceberg in spark": self.spark.rows(names, self.in_spark),
        }
        self.check_counts(rows["pyiceberg"], names)
        return rows

    def check_counts(self, rows, names):
        """Spark answers counts, also of a day, from the table's metadata alone."""
        def answer(query):
            return [tuple(map(plain, row)) for row in self.spark.session.sql(query).collect()]
        days = {}
        for row in rows:
            day = row[names.index("report_date")]
            days[day] = days.get(day, 0) + 1
        assert answer(f"SELECT report_date, count(*) FROM {self.in_spark} GROUP BY 1 ORDER BY 1") == sorted(days.items())
        day = max(days)
        assert answer(f"SELECT count(*) FROM {self.in_spark} WHERE report_date = DATE '{day}'") == [(days[day],)]
        assert answer(f"SELECT sum(record_count) FROM {self.in_spark}.files") == [(len(rows),)]


READERS = {r.name: r for r in (DataFusion, Dbt, Iceberg)}
