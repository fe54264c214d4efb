"""Engines that run here: each runs statements, and reads the rows of a table or view."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pyarrow.parquet

from history import KEY, REPORT, plain


def split(text):
    """The statements of a text, without comments. Quotes and dollar quotes hide semicolons."""
    statements, begin, i = [], 0, 0
    while i < len(text):
        c = text[i]
        if text.startswith("--", i) and (i == 0 or text[i - 1] == "\n"):
            end = text.find("\n", i)
            text = text[:i] + text[end + 1:]
            continue
        if text.startswith("$$", i):
            i = text.index("$$", i + 2) + 2
            continue
        if c in "'\"`":
            i += 1
            while text[i] != c:
                i += 2 if text[i] == "\\" and split.escapes else 1
        if c == ";":
            statements.append(text[begin:i].strip())
            begin = i + 1
        i += 1
    return [s for s in statements if s]


split.escapes = False


def ordered(rows, names):
    at = [names.index(name) for name in KEY]
    return sorted((tuple(plain(v) for v in row) for row in rows), key=lambda row: [row[i] for i in at])


class DuckDB:
    name = "duckdb"
    view = '"order_current"'

    def __init__(self, directory):
        self.file = str(directory / "warehouse.duckdb")

    def connect(self):
        import duckdb
        return duckdb.connect(self.file)

    def run(self, text, stop=None):
        with self.connect() as connection:
            for statement in split(text)[:stop]:
                connection.execute(statement)

    def rows(self, names, table=f'"{REPORT}"'):
        with self.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            columns = ", ".join(f'epoch_ms("{n}")' if n.endswith(("_time", "_sent")) else f'"{n}"' for n in names)
            return ordered(connection.execute(f"SELECT {columns} FROM {table}").fetchall(), names)


def backslashes(text):
    """The statements of a text in which a backslash begins an escape."""
    split.escapes = True
    try:
        return split(text)
    finally:
        split.escapes = False


class ClickHouse:
    name = "clickhouse"
    view = "`order_current`"

    def __init__(self, directory):
        from chdb.session import Session
        self.session = Session(str(directory / "clickhouse"))

    def run(self, text, stop=None):
        for statement in backslashes(text)[:stop]:
            self.session.query(statement)

    def rows(self, names, table=f"`{REPORT}`"):
        columns = ", ".join(f"toUnixTimestamp64Milli(`{n}`) AS `{n}`" if n.endswith(("_time", "_sent")) else f"`{n}` AS `{n}`" for n in names)
        text = str(self.session.query(f"SELECT {columns} FROM {table} FORMAT JSONCompactEachRow SETTINGS output_format_json_quote_64bit_integers = 0"))
        return ordered((json.loads(line) for line in text.split("\n") if line), names)


class Postgres:
    name = "postgres"
    view = '"order_current"'
    binaries = max(map(str, pathlib.Path("/usr/lib/postgresql").glob("*/bin")), default="/usr/bin")

    def __init__(self, directory):
        self.user = "postgres" if os.getuid() == 0 else None
        self.dir = pathlib.Path(tempfile.mkdtemp())
        if self.user:
            shutil.chown(self.dir, self.user)
        self.command("initdb", "-D", str(self.dir / "data"), "-E", "UTF8", "--locale=C", "-A", "trust", "-U", "daybook")
        self.command("pg_ctl", "-D", str(self.dir / "data"), "-w", "-l", str(self.dir / "log"),
                     "-o", f"-k {self.dir} -c listen_addresses=''", "start")

    def command(self, name, *args):
        sudo = ["runuser", "-u", self.user, "--"] if self.user else []
        subprocess.run([*sudo, f"{self.binaries}/{name}", *args], check=True, capture_output=True, cwd=self.dir)

    def psql(self, text, *args):
        path = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run([f"{self.binaries}/psql", "-X", "-q", "-h", str(self.dir), "-U", "daybook", "-d", "postgres", *args], input=text, text=True,
                              capture_output=True, env={**os.environ, "PATH": path})
        if done.returncode != 0:
            raise RuntimeError(done.stderr[:2000])
        return done.stdout

    def run(self, text, stop=None):
        if stop is not None:
            text = "\n".join(text.split("\n")[:-2])  # without COMMIT
        self.psql(text)

    def rows(self, names, table=f'"{REPORT}"'):
        columns = ", ".join(f'(extract(epoch FROM "{n}") * 1000)::bigint AS "{n}"' if n.endswith(("_time", "_sent")) else f'"{n}"' for n in names)
        text = self.psql(f"SELECT to_json(r) FROM (SELECT {columns} FROM {table}) AS r", "-At")
        return ordered(([json.loads(line)[n] for n in names] for line in text.split("\n") if line), names)

    def close(self):
        self.command("pg_ctl", "-D", str(self.dir / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.dir)


class Spark:
    name = "spark"
    view = "`order_current`"

    def __init__(self, directory):
        from pyspark.sql import SparkSession
        self.spark = (SparkSession.builder.master("local[2]").config("spark.sql.warehouse.dir", str(directory / "spark"))
                      .config("spark.sql.session.timeZone", "UTC").config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
                      .config("spark.sql.shuffle.partitions", "2").config("spark.driver.memory", "1g").getOrCreate())
        self.spark.sparkContext.setLogLevel("ERROR")

    def run(self, text, stop=None):
        for statement in backslashes(text)[:stop]:
            self.spark.sql(statement)

    def rows(self, names, table=f"`{REPORT}`"):
        columns = ", ".join(f"unix_millis(`{n}`) AS `{n}`" if n.endswith(("_time", "_sent")) else f"`{n}`" for n in names)
        return ordered(self.spark.sql(f"SELECT {columns} FROM {table}").collect(), names)

    def close(self):
        self.spark.stop()


class Polars:
    name = "polars"
    view = "current"

    def __init__(self, directory):
        self.table = None

    def run(self, text, stop=None):
        scope = {}
        exec(text, scope)
        if self.table is None:
            self.table = scope["pl"].LazyFrame(schema=scope["schema"])
        if "merge" in scope:
            self.table = scope["merge"](self.table).collect().lazy()
        elif "loaded" in scope:
            self.table = scope["loaded"].collect().lazy()
        self.current = scope.get("current")

    def rows(self, names, table=None):
        frame = self.current if table == "current" else self.table
        return ordered(frame.select(names).collect().rows(), names)


class DataFusion:
    """A reader of the published files: daybook has no statements for it."""
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
        return ordered((row.values() for row in table.to_pylist()), names)


class Dbt:
    """The example package, which reads the manifests: daybook has no statements for it."""
    name = "dbt"
    project = pathlib.Path(__file__).parents[2] / "config/examples/dbt"

    def __init__(self, directory):
        self.dir = directory / "dbt"
        self.dir.mkdir()
        self.sizes = {}

    def read(self, files, names):
        import duckdb
        sink = str(files[0]).partition(f"/reports/{REPORT}/")[0]
        warehouse = str(self.dir / "warehouse.duckdb")
        sizes = {path: path.stat().st_size for path in files}
        # The history writes files anew under their names, which daybook does not.
        again = ["--full-refresh"] if any(self.sizes.get(path, size) != size for path, size in sizes.items()) else []
        self.sizes = sizes
        done = subprocess.run(
            [pathlib.Path(sys.executable).parent / "dbt", "build", "--quiet", "--profiles-dir", self.project, "--project-dir", self.project, *again],
            capture_output=True, text=True, env={
                **os.environ, "DAYBOOK_SINK": sink, "DAYBOOK_REPORT": REPORT, "DAYBOOK_WAREHOUSE": warehouse,
                "DBT_TARGET_PATH": str(self.dir / "target"), "DBT_LOG_PATH": str(self.dir / "logs")})
        if done.returncode != 0:
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
        with duckdb.connect(warehouse) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            columns = ", ".join(f'epoch_ms("{n}")' if n.endswith(("_time", "_sent")) else f'"{n}"' for n in names)
            return ordered(connection.execute(f"SELECT {columns} FROM sessions").fetchall(), names)


class Iceberg:
    """The tables that daybook-iceberg keeps, read by pyiceberg and by ClickHouse."""
    name = "iceberg"
    root = pathlib.Path(__file__).parents[2]
    binary, readers = root / ".bin/daybook-iceberg", root / "cmd/daybook-iceberg/testdata/readers.py"

    def __init__(self, directory):
        self.dir = directory / "iceberg"
        self.dir.mkdir()
        self.sink = self.dir / "sink"  # leads to the history's, whose path Iceberg readers would misread
        (self.dir / "daybook.yml").write_text(f"sink: {{store: {{url: {self.sink}}}, remove_after: 24h}}\nreports: [{{name: {REPORT}}}]\n")

    def read(self, files, names):
        if not self.sink.exists():
            self.sink.symlink_to(str(files[0]).partition(f"/reports/{REPORT}/")[0])
        for _ in range(2):
            said = self.command(self.binary, "sync", "--once", "-c", self.dir / "daybook.yml")
        assert "no change" in said, f"a second sync says: {said}"
        # A process of its own: ClickHouse has one database in each.
        self.command(sys.executable, self.readers, self.sink, "pyiceberg", "clickhouse")
        from pyiceberg.catalog import load_catalog
        catalog = load_catalog("daybook", type="sql", uri=f"sqlite:///{self.sink}/iceberg/catalog.db")
        table = catalog.load_table(f"daybook.{REPORT}").scan(selected_fields=tuple(names)).to_arrow()
        return ordered((row.values() for row in table.select(names).to_pylist()), names)

    def command(self, *args):
        env = {**os.environ, "PYTHONWARNINGS": "ignore"}
        done = subprocess.run(list(map(str, args)), capture_output=True, text=True, cwd="/", env=env)  # ClickHouse reads below the working directory only
        if done.returncode != 0:
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
        return done.stdout


ENGINES = {e.name: e for e in (DuckDB, ClickHouse, Postgres, Spark, Polars, DataFusion, Dbt, Iceberg)}
