"""Engines that run the statements of daybook sql, and give the rows of a table or view.

An engine runs statements in a session. A session that ends rolls back what it has not
committed, as it does when a client is interrupted.
"""

import ast
import functools
import json
import logging
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from history import KEY, REPORT, plain
from statements import psql, split, unblocked

JARS = pathlib.Path(__file__).parents[2] / ".bin/jars"


def ordered(rows, names):
    """Rows as plain values, in the order of their keys."""
    at = [names.index(name) for name in KEY]
    return sorted((tuple(plain(v) for v in row) for row in rows), key=lambda row: [row[i] for i in at])


def selected(names, quote, millis):
    """A list of columns: moments in milliseconds, by the given expression, and the others as they are."""
    def column(name):
        quoted = f"{quote}{name}{quote}"
        return f"{millis.format(quoted)} AS {quoted}" if name.endswith(("_time", "_sent")) else quoted
    return ", ".join(map(column, names))


class Engine:
    loads = "load", "merge"  # the commands whose statements replace days

    @property
    def dialect(self):
        """The engine as daybook sql calls it."""
        return self.name

    def run(self, text):
        self.execute(self.statements(text))

    def statements(self, text):
        return split(text, escapes=True)

    def close(self):
        pass


class DuckDB(Engine):
    name = "duckdb"
    view = '"order_current"'

    def __init__(self, directory):
        self.file = str(directory / "warehouse.duckdb")

    def connect(self):
        import duckdb
        return duckdb.connect(self.file)

    def statements(self, text):
        return split(text)

    def execute(self, statements):
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement)

    def rows(self, names, table=f'"{REPORT}"'):
        with self.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            columns = selected(names, '"', "epoch_ms({})")
            return ordered(connection.execute(f"SELECT {columns} FROM {table}").fetchall(), names)


class DuckDBCLI(DuckDB):
    """The command line, whose releases are older than those of the library."""
    name = "duckdb-cli"
    dialect = "duckdb"
    program = str(pathlib.Path(sys.executable).parent / "duckdb")

    def __init__(self, directory):
        self.file = str(directory / "warehouse-cli.duckdb")
        self.copy = str(directory / "warehouse-cli.parquet")

    def execute(self, statements):
        subprocess.run([self.program, "-bail", self.file], input=";\n".join([*statements, ""]), check=True, encoding="utf-8", stdout=subprocess.DEVNULL)

    def rows(self, names, table=f'"{REPORT}"'):
        import duckdb
        columns = selected(names, '"', "epoch_ms({})")
        self.execute(["SET TimeZone = 'UTC'", f"COPY (SELECT {columns} FROM {table}) TO '{self.copy}' (FORMAT parquet)"])
        return ordered(duckdb.sql(f"SELECT * FROM '{self.copy}'").fetchall(), names)


@functools.cache
def clickhouse_session():
    """The session of this process: chdb can have one only. It is in a directory of its own."""
    from chdb.session import Session
    return Session()


class ClickHouse(Engine):
    name = "clickhouse"
    view = "`order_current`"
    loads = ("load",)  # merge is the same

    def __init__(self, directory):
        self.session = clickhouse_session()

    def execute(self, statements):
        for statement in statements:
            self.session.query(statement)

    def rows(self, names, table=f"`{REPORT}`"):
        columns = selected(names, "`", "toUnixTimestamp64Milli({})")
        text = str(self.session.query(f"SELECT {columns} FROM {table} FORMAT JSONCompactEachRow SETTINGS output_format_json_quote_64bit_integers = 0"))
        return ordered((json.loads(line) for line in text.split("\n") if line), names)


class Postgres(Engine):
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

    def run(self, text):
        self.psql(text)  # as daybook has written it

    def statements(self, text):
        return psql(text)

    def execute(self, statements):
        self.psql("\n".join(statements) + "\n")

    def rows(self, names, table=f'"{REPORT}"'):
        columns = selected(names, '"', "(extract(epoch FROM {}) * 1000)::bigint")
        text = self.psql(f"SELECT to_json(r) FROM (SELECT {columns} FROM {table}) AS r", "-At")
        return ordered((json.loads(line).values() for line in text.split("\n") if line), names)  # to_json keeps the order of columns

    def close(self):
        self.command("pg_ctl", "-D", str(self.dir / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.dir)


@functools.cache
def spark_session(directory):
    """The session of this process, with the Iceberg catalog if Iceberg's jars are there."""
    from pyspark.sql import SparkSession
    builder = (SparkSession.builder.master("local[2]").config("spark.sql.warehouse.dir", str(directory / "spark"))
               .config("spark.sql.session.timeZone", "UTC").config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
               .config("spark.sql.shuffle.partitions", "2").config("spark.driver.memory", "1g"))
    if jars := sorted(map(str, JARS.glob("*.jar"))):
        sink, catalog = directory / "iceberg/sink", "spark.sql.catalog.daybook"
        builder = (builder.config("spark.jars", ",".join(jars)).config(catalog, "org.apache.iceberg.spark.SparkCatalog").config(f"{catalog}.type", "jdbc")
                   .config(f"{catalog}.uri", f"jdbc:sqlite:{sink}/iceberg/catalog.db").config(f"{catalog}.jdbc.schema-version", "V1")
                   .config(f"{catalog}.warehouse", f"file://{sink}/iceberg").config(f"{catalog}.cache-enabled", "false"))
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


class Spark(Engine):
    name = "spark"
    view = "`order_current`"
    loads = ("load",)  # merge is the same

    def __init__(self, directory):
        self.session = spark_session(directory)

    def execute(self, statements):
        for statement in statements:
            self.session.sql(statement)

    def rows(self, names, table=f"`{REPORT}`"):
        columns = selected(names, "`", "unix_millis({})")
        return ordered(self.session.sql(f"SELECT {columns} FROM {table}").collect(), names)

    def close(self):
        self.session.stop()


class Polars(Engine):
    """A table is a frame, which a caller replaces by the one that the statements make."""
    name = "polars"
    view = "current"
    loads = ("merge",)  # load makes a frame of the files that it names

    def __init__(self, directory):
        self.table = self.current = None

    def statements(self, text):
        return [ast.unparse(statement) for statement in ast.parse(text).body]

    def execute(self, statements):
        scope = {}
        exec("\n".join(statements), scope)
        return scope

    def run(self, text):
        scope = self.execute([text])
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


class Snowflake(Engine):
    """The emulator fakesnow. It does not know blocks, temporary tables in COPY, a MERGE in a transaction, and views of files."""
    name = "snowflake"
    view = None
    loads = ("load",)  # the merge is no transaction here

    # The statements of a merge that are left out or replaced here.
    transaction = {"BEGIN TRANSACTION", "COMMIT"}
    temporary = "CREATE OR REPLACE TEMPORARY TABLE", "CREATE OR REPLACE TABLE"

    def __init__(self, directory):
        from fakesnow.instance import FakeSnow
        logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # it warns of comments on columns
        self.server, self.sink = FakeSnow(), directory / "snowflake"

    def connect(self):
        return self.server.connect(database="DAYBOOK", schema="PUBLIC")

    def statements(self, text):
        statements = list(unblocked(text))
        if any(statement.startswith("MERGE ") for statement in statements):
            statements = [s.replace(*self.temporary) for s in statements if s not in self.transaction]
        return statements

    def execute(self, statements):
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def stage(self, sink):
        """Make the stage. The emulator takes no quote in its path."""
        self.sink.symlink_to(sink)
        self.execute([f"CREATE STAGE DAYBOOK URL = 'file://{self.sink}/'"])

    def refused(self, statements):
        """The errors of those statements that the emulator does not know, by their first two words."""
        errors = {}
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                try:
                    cursor.execute(statement)
                except Exception as error:  # of DuckDB, or of Snowflake's connector
                    errors[" ".join(statement.split()[:2])] = str(error)
            cursor.execute("ROLLBACK")
        return errors

    def check_limits(self, sql):
        """Fail if the emulator knows what it did not: then it is to run more of the statements."""
        for statements, first, message in (
            (split(sql("load"), escapes=True), "EXECUTE IMMEDIATE", 'syntax error at or near "$$'),
            (unblocked(sql("merge")), "COPY INTO", "_ORDER_STAGE does not exist"),
            (unblocked(sql("merge")), "MERGE INTO", "a single transaction can only write to a single attached database"),
            (unblocked(sql("view")), "CREATE OR", 'syntax error at or near "("'),
        ):
            error = self.refused(statements).get(first, "no error")
            assert message in error, f"the emulator's answer to {first} is {error}, and was: {message}"

    def rows(self, names, table=f'"{REPORT.upper()}"'):
        columns = ", ".join(f'"{name.upper()}"' for name in names)
        with self.connect() as connection, connection.cursor() as cursor:
            return ordered(cursor.execute(f"SELECT {columns} FROM {table}").fetchall(), names)


ENGINES = {e.name: e for e in (DuckDB, DuckDBCLI, ClickHouse, Postgres, Spark, Polars, Snowflake)}
