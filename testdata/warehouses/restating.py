"""Read reports in a loop while a day is restated again and again, and check every answer.

    python restating.py DAYBOOK TIMES [ENGINE...]

A dump of the day comes and goes, so the report has two states. A view that names files
and an Iceberg table show one of the two, always. A glob may also fail, or see both
revisions of the day, between a commit and the removal of the old file: how often is
printed. Any other answer is an error.
"""

import datetime
import functools
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

import pyarrow.compute
import pyarrow.dataset

from engines import clickhouse_session
from history import KEY, REPORT, History

FIRST, DAY, DAYS = datetime.date(2026, 11, 1), datetime.date(2026, 11, 3), 4
SUMMED = "total_time_ms"

# How a glob may fail: a listed file was removed, or is one that is being written.
GONE = r"No such file|FILE_DOESNT_EXIST|/\.tmp-"


def figures(table):
    """What a scan of all columns gives: rows, different keys, and a sum."""
    keys = table.group_by(list(KEY)).aggregate([]).num_rows
    return table.num_rows, keys, pyarrow.compute.sum(table[SUMMED]).as_py()


class DuckDB:
    """A view or glob, read in one thread while another one makes the view again."""

    def __init__(self, history):
        import duckdb
        self.history, self.database = history, duckdb.connect()
        self.reader = self.database.cursor()

    def scan(self):
        return figures(self.reader.sql(f"SELECT * FROM {self.relation}").to_arrow_table())

    def count(self):
        return self.value("count(*)")

    def sum(self):
        return int(self.value(f"sum({SUMMED})"))

    def value(self, column):
        return self.reader.execute(f"SELECT {column} FROM {self.relation}").fetchall()[0][0]


class DuckDBView(DuckDB):
    name, relation = "duckdb, view", '"order_current"'

    def follow(self):
        self.database.execute(self.history.sql("duckdb", "view"))


class DuckDBGlob(DuckDB):
    pattern = "dt=*/*.parquet"

    def __init__(self, history):
        super().__init__(history)
        self.name = f"duckdb, {self.pattern}"
        self.relation = f"read_parquet('{history.out}/reports/{REPORT}/{self.pattern}', hive_partitioning = false)"

    def follow(self):
        pass


class DuckDBAll(DuckDBGlob):
    pattern = "dt=*/*"


class ClickHouse:
    """A view or glob, in a server's only session, which threads share."""

    def __init__(self, history):
        self.history, self.session = history, clickhouse_session()

    def scan(self):
        return figures(self.query("*", "ArrowTable"))

    def count(self):
        return self.value("count()")

    def sum(self):
        return self.value(f"sum({SUMMED})")

    def value(self, column):
        return int(str(self.query(column, "TSV")))

    def query(self, columns, form):
        try:
            return self.session.query(f"SELECT {columns} FROM {self.relation}", form)
        except RuntimeError:
            self.session.query("SELECT 1")  # chdb puts the begun answer of a failed query before the next one
            raise


class ClickHouseView(ClickHouse):
    name, relation = "clickhouse, view", "`order_current`"

    def follow(self):
        self.session.query(self.history.sql("clickhouse", "view"))


class ClickHouseGlob(ClickHouse):
    name, pattern = "clickhouse, dt=*/*.parquet", "dt=*/*.parquet"

    def __init__(self, history):
        super().__init__(history)
        self.relation = f"file('{history.out}/reports/{REPORT}/{self.pattern}', 'Parquet')"

    def follow(self):
        pass


class Polars:
    """A lazy frame of the files that a view names, or of a directory."""

    def __init__(self, history):
        import polars
        self.polars, self.history = polars, history

    def scan(self):
        return figures(self.frame().collect().to_arrow())

    def count(self):
        return self.frame().select(self.polars.len()).collect().item()

    def sum(self):
        return self.frame().select(self.polars.col(SUMMED).sum()).collect().item()


class PolarsView(Polars):
    name = "polars, view"

    def follow(self):
        scope = {}
        exec(self.history.sql("polars", "view"), scope)
        self.current = scope["current"]

    def frame(self):
        return self.current


class PolarsGlob(Polars):
    name, pattern = "polars, dt=*/*.parquet", "dt=*/*.parquet"

    def follow(self):
        pass

    def frame(self):
        return self.polars.scan_parquet(f"{self.history.out}/reports/{REPORT}/{self.pattern}", hive_partitioning=False)


class PolarsDirectory(PolarsGlob):
    name, pattern = "polars, the directory", ""


class Iceberg:
    """The Iceberg table that daybook-iceberg keeps, read by pyiceberg."""

    name = "iceberg"

    def __init__(self, history):
        self.history = history

    def follow(self):
        binary = pathlib.Path(self.history.binary).with_name("daybook-iceberg")
        subprocess.run([binary, "sync", "--once"], cwd=self.history.dir, check=True, capture_output=True)

    @functools.cached_property
    def catalog(self):
        from pyiceberg.catalog import load_catalog
        return load_catalog("daybook", type="sql", uri=f"sqlite:///{self.history.out}/iceberg/catalog.db")

    def table(self, *columns):
        return self.catalog.load_table(f"daybook.{REPORT}").scan(selected_fields=columns or ("*",))

    def scan(self):
        return figures(self.table().to_arrow())

    def count(self):
        return self.table().count()

    def sum(self):
        return pyarrow.compute.sum(self.table(SUMMED).to_arrow()[SUMMED]).as_py()


NAMING = {DuckDBView: "duckdb", ClickHouseView: "clickhouse", PolarsView: "polars", Iceberg: "iceberg"}
GLOBBING = {DuckDBGlob: "duckdb", DuckDBAll: "duckdb", ClickHouseGlob: "clickhouse", PolarsGlob: "polars", PolarsDirectory: "polars"}


class Loop(threading.Thread):
    """A reader that scans, counts and sums until it is stopped, and what it has seen."""

    def __init__(self, reader, states, mixed, begun):
        super().__init__()
        self.reader, self.states, self.mixed = reader, states, mixed
        self.begun = begun  # is not set any more when the loop has to end
        self.loops, self.failed, self.both, self.seen, self.wrong = 0, [], 0, set(), []

    def run(self):
        while self.begun.is_set():
            for question, column in (("scan", slice(0, 3)), ("count", 0), ("sum", 2)):
                self.ask(question, column)
            self.loops += 1

    def ask(self, question, column):
        try:
            got = getattr(self.reader, question)()
        except Exception as error:  # each engine has errors of its own
            self.failed.append(f"{question}: {error}")
            return
        if got in [state[column] for state in self.states]:
            self.seen.add((question, got))
        elif got == self.mixed[column]:
            self.both += 1
        else:
            self.wrong.append(f"{question}: {got}")

    def told(self):
        unfinished = sum("/.tmp-" in text for text in self.failed)
        return (f"{self.reader.name}: {self.loops} loops, {len(self.failed)} reads failed, {unfinished} of them on a file that was being written, "
                f"{self.both} saw both revisions, {len(self.wrong)} were wrong")


class Day:
    """A day with a dump that comes late: it is there, or it is not."""

    def __init__(self, history):
        self.history = history
        self.dump = max((history.dir / "dumps" / f"{DAY:%Y/%m/%d}").iterdir(), key=lambda path: path.stat().st_size)
        self.away = history.dir / self.dump.name

    def restate(self):
        """Publish the day with the dump if it was away, and without it if it was there."""
        if self.away.exists():
            self.away.rename(self.dump)
        else:
            self.dump.rename(self.away)
        self.history.daybook("run", "-q", "--date", str(DAY))

    def table(self, only=""):
        """The published rows, of all days or one."""
        return pyarrow.dataset.dataset([path for path in self.history.files("day") if only in str(path)]).to_table()


def answers(day):
    """The figures of the two states, and of a state with both revisions of the day."""
    states, revisions = [], []
    for _ in range(2):
        day.restate()
        states.append(figures(day.table()))
        revisions.append(day.table(f"dt={DAY}"))
    keys = pyarrow.concat_tables(revisions).group_by(list(KEY)).aggregate([]).num_rows
    rows, distinct, total = states[0]
    added = figures(revisions[1])
    mixed = rows + added[0], distinct - revisions[0].num_rows + keys, total + added[2]
    assert len({mixed, *states}) == 3 and len({state[0] for state in states}) == 2 and len({state[2] for state in states}) == 2, (states, mixed)
    return states, mixed


def restating(history, readers, times):
    """Restate the day so many times, and let readers follow each time. Returns their loops."""
    day = Day(history)
    states, mixed = answers(day)
    for reader in readers:
        reader.follow()
    begun = threading.Event()
    begun.set()
    loops = [Loop(reader, states, mixed, begun) for reader in readers]
    for loop in loops:
        loop.start()
    try:
        for _ in range(times):
            day.restate()
            for reader in readers:
                reader.follow()
            # Each reader sees each state: of two loops, one begins after the change.
            before = [loop.loops for loop in loops]
            while any(loop.is_alive() and loop.loops < n + 2 for loop, n in zip(loops, before)):
                time.sleep(0.005)
    finally:
        begun.clear()
        for loop in loops:
            loop.join()
    for loop in loops:
        print(loop.told(), flush=True)
        assert not loop.wrong, f"{loop.reader.name}: {loop.wrong[:3]}, want {states}"
        assert len(loop.seen) == 6, f"{loop.reader.name} has not seen both states: {loop.seen}"
    return loops


def main(binary, times, *chosen):
    binary, times = str(pathlib.Path(binary).resolve()), int(times)
    for remove_after, kinds in (("1h", NAMING), ("0s", GLOBBING)):
        kinds = {kind: engine for kind, engine in kinds.items() if not chosen or engine in chosen}
        if not kinds:
            continue
        begin = time.time()
        with tempfile.TemporaryDirectory() as directory:
            history = History(binary, directory, "out")
            history.configure(remove_after)
            history.daybook("generate", "--out", "dumps", "--from", str(FIRST), "--days", str(DAYS), "--sessions-per-day", "12", "-q")
            history.run()
            loops = restating(history, [kind(history) for kind in kinds], times)
        for loop in loops:
            if type(loop.reader) in NAMING:
                assert not loop.failed and not loop.both, f"{loop.reader.name}: {loop.failed[:3]}"
            unlike = [text for text in loop.failed if not re.search(GONE, text)]
            assert not unlike, f"{loop.reader.name}: {unlike[:3]}"
        print(f"{times} restatements with remove_after {remove_after}, in {time.time() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
