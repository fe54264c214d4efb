"""Load a published history into engines by the statements of daybook sql, and compare every value.

    python warehouses.py DAYBOOK [ENGINE...]

The history goes from step to step once, and all engines follow it.
"""

import dataclasses
import datetime
import pathlib
import sys
import tempfile
import time
import typing

from engines import ENGINES
from history import EMPTY, FIRST, LAST, History
from readers import READERS

DAY = LAST - datetime.timedelta(1)
ALWAYS = "2000-01-01"


def check(what, got, want):
    """Fail with the first differences of two lists of rows."""
    if got == want:
        return
    only = [row for row in got if row not in want][:2], [row for row in want if row not in got][:2]
    raise AssertionError(f"{what}: {len(got)} rows, want {len(want)}; only here {only[0]}; missing {only[1]}")


class Reader:
    """An engine that reads what is published."""

    def __init__(self, history, engine):
        self.history, self.engine, self.names, self.seconds = history, engine, history.schema(), 0

    def follow(self, step, want):
        for name, rows in self.engine.read(self.history.files("day"), self.names).items():
            check(f"{name}: {step.name}", rows, want)


class Loader:
    """An engine that runs statements, and what it has loaded of a history."""

    def __init__(self, history, engine):
        self.history, self.engine, self.names, self.seconds = history, engine, history.schema(), 0
        self.cursor, self.earlier = ALWAYS, None

    def follow(self, step, want):
        step.follow(self, want)

    def sql(self, verb, *args):
        return self.history.sql(self.engine.dialect, verb, *args)

    def run(self, verb, *args):
        text = self.sql(verb, *args)
        self.engine.run(text)
        return text

    def rows(self, *table):
        return self.engine.rows(self.names, *table)

    def check(self, what, want):
        check(f"{self.engine.name}: {what}", self.rows(), want)

    def twice(self, what, want, *loads):
        """Run loads, which may be repeated, two times."""
        for _ in range(2):
            for load in loads:
                self.run(*load)
            self.check(what, want)

    def view(self, what, want):
        if self.engine.view:
            self.run("view")
            check(f"{self.engine.name}: view of {what}", self.rows(self.engine.view), want)

    def interrupt(self, text, want):
        """Stop a load between any two of its statements: it has replaced all or nothing. The whole load then does the rest."""
        before, statements = self.rows(), self.engine.statements(text)
        for done in range(1, len(statements)):
            self.engine.run(self.earlier)
            self.check("the earlier load", before)
            self.engine.execute(statements[:done])
            got = self.rows()
            assert got in (before, want), f"{self.engine.name}: {done} statements leave {len(got)} rows of:\n{text}"
            self.engine.run(text)
            self.check(f"a load after an interrupted one, {done} statements of:\n{text}", want)
        self.engine.run(self.earlier)

    def since(self, what, want):
        """Merge the changes since the cursor, and keep the next one."""
        last = self.run("merge", "--since", self.cursor).splitlines()[-1]
        self.check(f"changes of {what}", want)
        self.cursor = last.split("cursor: ")[1]


# Each step changes the history, and says what an engine does then.


def everything(trial, want):
    if hasattr(trial.engine, "stage"):
        trial.engine.stage(trial.history.out)
    for _ in range(2):
        trial.run("ddl")
    if hasattr(trial.engine, "check_limits"):
        trial.engine.check_limits(trial.sql)
    trial.since("everything", want)
    trial.twice("load of everything", want, ("load",))
    trial.view("everything", want)


def restated_day(history):
    history.restate(DAY)


def load_day(trial, want):
    for verb in trial.engine.loads:
        trial.twice(f"{verb} of a restated day", want, (verb, "--date", str(DAY)))


def restated_days(history):
    history.restate(EMPTY)
    history.restate(FIRST, ["only one"])


def merge_days(trial, want):
    trial.twice("merge of restated days", want, ("merge", "--date", str(EMPTY)), ("merge", "--date", str(FIRST)))


def empty_again(history):
    history.empty(EMPTY)


def merge_empty(trial, want):
    trial.twice("merge of a day that is empty again", want, ("merge", "--date", str(EMPTY)))
    trial.since("a day that is empty again", want)
    trial.earlier = trial.sql(trial.engine.loads[0], "--date", str(DAY))


def superseded(history):
    history.configure(remove_after="24h")
    history.restate(DAY, ["later"])


def interrupt_loads(trial, want):
    """Interrupt the load of a restated day, whose superseded file is still there."""
    for verb in trial.engine.loads:
        trial.interrupt(trial.sql(verb, "--date", str(DAY)), want)
    trial.twice("merge of a day beside its superseded file", want, ("merge", "--date", str(DAY)))
    trial.view("files beside superseded ones", want)


def filled_again(history):
    history.restate(EMPTY, ["here again"])


def merge_month(trial, want):
    trial.twice("merge of a month", want, ("merge", "--month", "2026-10"))
    trial.view("months beside superseded ones", want)


def load_month(trial, want):
    trial.twice("load of a month", want, (trial.engine.loads[0], "--month", "2026-10"))


def without_column(trial, want):
    trial.twice("load of files without a column", want, ("load",))
    trial.view("files without a column", want)


def removed(trial, want):
    before = trial.cursor
    trial.since("a removed day", want)
    trial.cursor = before  # the cursor was lost: the same statements again
    trial.since("a removed day, again", want)


@dataclasses.dataclass
class Step:
    name: str
    change: typing.Callable  # of the history
    follow: typing.Callable  # of an engine that runs statements
    run: bool = True  # daybook publishes the change
    tables: bool = True  # tables of files follow it: they note the sizes of files, which this step changes in place


STEPS = [
    Step("everything", History.publish, everything, run=False),
    Step("a restated day", restated_day, load_day),
    Step("restated days", restated_days, merge_days),
    Step("a day that is empty again", empty_again, merge_empty),
    Step("interrupted loads of a restated day", superseded, interrupt_loads),
    Step("a month, with superseded files", filled_again, merge_month),
    Step("a month", empty_again, load_month),
    Step("a removed day", lambda history: history.remove(DAY), removed, run=False),
    Step("a column that early files do not have", lambda history: history.forget_column("customer_address"), without_column, run=False, tables=False),
]


def start(history, name):
    """The trial of an engine. It counts its seconds."""
    started = time.time()
    kind, engine = (Loader, ENGINES[name]) if name in ENGINES else (Reader, READERS[name])
    trial = kind(history, engine(history.dir))
    trial.seconds = time.time() - started
    return trial


def follow(history, trials):
    """Go through the steps, and let all engines follow each one."""
    begin = time.time()
    for step in STEPS:
        step.change(history)
        if step.run:
            history.run()
        want = history.rows()
        for trial in trials:
            if not step.tables and isinstance(trial, Reader):
                continue
            started = time.time()
            trial.follow(step, want)
            trial.seconds += time.time() - started
        print(f"{step.name}: {len(want)} rows, in {time.time() - begin:.0f} s", flush=True)


def main(binary, *chosen):
    with tempfile.TemporaryDirectory() as directory:
        history, trials = History(str(pathlib.Path(binary).resolve()), directory), []
        try:
            for name in chosen or [*ENGINES, *READERS]:
                trials.append(start(history, name))
            follow(history, trials)
        finally:
            for trial in trials:
                if hasattr(trial.engine, "close"):
                    trial.engine.close()
        for trial in trials:
            print(f"{trial.engine.name} has every row, in {trial.seconds:.0f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
