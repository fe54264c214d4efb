"""Load a published history into engines by the statements of daybook sql, and compare every value.

    python warehouses.py DAYBOOK [ENGINE...]

The history goes from step to step once, and all engines follow it.
"""

import datetime
import pathlib
import sys
import tempfile
import time

from engines import ENGINES
from history import EMPTY, FIRST, LAST, History

DAY = LAST - datetime.timedelta(1)
ALWAYS = "2000-01-01"


def check(what, got, want):
    """Fail with the first differences of two lists of rows."""
    if got == want:
        return
    only = [row for row in got if row not in want][:2], [row for row in want if row not in got][:2]
    raise AssertionError(f"{what}: {len(got)} rows, want {len(want)}; only here {only[0]}; missing {only[1]}")


class Trial:
    """An engine, and what it has loaded of a history."""

    def __init__(self, history, engine):
        self.history, self.engine, self.names = history, engine, history.schema()
        self.cursor, self.seconds = ALWAYS, 0

    def run(self, verb, *args, stop=None):
        text = self.history.sql(self.engine.name, verb, *args)
        self.engine.run(text, stop)
        return text

    def rows(self, *table):
        return self.engine.rows(self.names, *table)

    def twice(self, what, want, *loads):
        """Run loads, which may be repeated, two times."""
        for _ in range(2):
            for load in loads:
                self.run(*load)
            check(f"{self.engine.name}: {what}", self.rows(), want)

    def view(self, what, want):
        self.run("view")
        check(f"{self.engine.name}: view of {what}", self.rows(self.engine.view), want)

    def interrupted(self, what, want, *load):
        """Run all statements of a load but the last one: it has replaced all or nothing."""
        before = self.rows()
        try:
            self.run(*load, stop=-1)
        except RuntimeError:
            pass
        got = self.rows()
        assert got in (before, want), f"{self.engine.name}: an interrupted {what} leaves {len(got)} rows"

    def since(self, what, want):
        """Merge the changes since the cursor, and keep the next one."""
        last = self.run("merge", "--since", self.cursor).splitlines()[-1]
        check(f"{self.engine.name}: changes of {what}", self.rows(), want)
        self.cursor = last.split("cursor: ")[1]


# Each step changes the history, and says what an engine does then.


def everything(trial, want):
    for _ in range(2):
        trial.run("ddl")
    trial.since("everything", want)
    trial.twice("load of everything", want, ("load",))
    trial.view("everything", want)


def restated_day(history):
    history.restate(DAY)


def load_day(trial, want):
    if trial.engine.name != "polars":  # its load is one statement, and replaces nothing by itself
        trial.interrupted("load of a restated day", want, "load", "--date", str(DAY))
        trial.twice("load of a restated day", want, ("load", "--date", str(DAY)))
    trial.twice("merge of a restated day", want, ("merge", "--date", str(DAY)))


def restated_days(history):
    history.restate(EMPTY)
    history.restate(FIRST, ["only one"])


def merge_days(trial, want):
    trial.twice("merge of restated days", want, ("merge", "--date", str(EMPTY)), ("merge", "--date", str(FIRST)))


def merge_empty(trial, want):
    trial.twice("merge of a day that is empty again", want, ("merge", "--date", str(EMPTY)))
    trial.since("a day that is empty again", want)


def superseded(history):
    history.configure(remove_after="24h")
    history.restate(EMPTY, ["here again"])
    history.restate(DAY, ["later"])


def merge_month(trial, want):
    trial.run("merge", "--date", str(DAY))
    trial.twice("merge of a month", want, ("merge", "--month", "2026-10"))
    trial.view("files beside superseded ones", want)


def load_month(trial, want):
    verb = "load" if trial.engine.name != "polars" else "merge"
    trial.twice("load of a month", want, (verb, "--month", "2026-10"))


def without_column(trial, want):
    trial.twice("load of files without a column", want, ("load",))
    trial.view("files without a column", want)


def removed(trial, want):
    before = trial.cursor
    trial.since("a removed day", want)
    trial.cursor = before  # the cursor was lost: the same statements again
    trial.since("a removed day, again", want)


STEPS = [
    ("everything", History.publish, everything),
    ("a restated day", restated_day, load_day),
    ("restated days", restated_days, merge_days),
    ("a day that is empty again", lambda history: history.empty(EMPTY), merge_empty),
    ("a month, with superseded files", superseded, merge_month),
    ("a month", lambda history: history.empty(EMPTY), load_month),
    ("a column that early files do not have", lambda history: history.forget_column("customer_address"), without_column),
    ("a removed day", lambda history: history.remove(DAY), removed),
]
AS_IT_IS = {History.publish, without_column, removed}  # no run follows these


def main(binary, *chosen):
    begin = time.time()
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        history = History(str(pathlib.Path(binary).resolve()), directory)
        trials = []
        try:
            for name in chosen or ENGINES:
                started = time.time()
                trials.append(Trial(history, ENGINES[name](directory)))
                trials[-1].seconds = time.time() - started
            for what, change, follow in STEPS:
                change(history)
                if not {change, follow} & AS_IT_IS:
                    history.run()
                want = history.rows()
                for trial in trials:
                    started = time.time()
                    if hasattr(trial.engine, "read"):
                        check(f"{trial.engine.name}: {what}", trial.engine.read(history.files("day"), trial.names), want)
                    else:
                        follow(trial, want)
                    trial.seconds += time.time() - started
                print(f"{what}: {len(want)} rows, in {time.time() - begin:.0f} s", flush=True)
        finally:
            for trial in trials:
                if hasattr(trial.engine, "close"):
                    trial.engine.close()
        for trial in trials:
            print(f"{trial.engine.name} has every row, in {trial.seconds:.0f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
