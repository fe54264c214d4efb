"""Load a published history into engines by the statements of daybook sql, and compare every value.

    python warehouses.py DAYBOOK [ENGINE...]
"""

import datetime
import pathlib
import sys
import tempfile
import time

from engines import ENGINES
from history import EMPTY, FIRST, LAST, History


def check(what, got, want):
    """Fail with the first differences of two lists of rows."""
    if got == want:
        print(f"  {what}: {len(got)} rows")
        return
    only = [row for row in got if row not in want][:2], [row for row in want if row not in got][:2]
    raise AssertionError(f"{what}: {len(got)} rows, want {len(want)}; only here {only[0]}; missing {only[1]}")


def trial(history, make, directory):
    engine, names = make(directory), history.schema()
    sql = lambda verb, *args: history.sql(engine.name, verb, *args)
    rows = lambda: engine.rows(names)
    day = LAST - datetime.timedelta(1)
    try:
        for _ in range(2):
            engine.run(sql("ddl"))
        for _ in range(2):  # a load may be repeated
            engine.run(sql("load"))
            check("load", rows(), history.rows())
        engine.run(sql("view"))
        check("view", engine.rows(names, engine.view), history.rows())

        history.restate(day)
        history.daybook("run", "-q")
        before = rows()
        if engine.name != "polars":  # it has one statement
            try:
                engine.run(sql("load", "--date", str(day)), stop=-1)  # interrupted before its last statement
            except RuntimeError:
                pass
            got = rows()
            assert got in (before, history.rows()), f"an interrupted load leaves {len(got)} rows"
        if engine.name == "polars":
            engine.run(sql("merge", "--date", str(day)))
        for _ in range(2 if engine.name != "polars" else 0):
            engine.run(sql("load", "--date", str(day)))
            check("load of a restated day", rows(), history.rows())

        history.restate(EMPTY)
        history.restate(FIRST, ["only one"])
        history.daybook("run", "-q")
        for _ in range(2):
            for args in (("--date", str(EMPTY)), ("--date", str(FIRST))):
                engine.run(sql("merge", *args))
            check("merge of restated days", rows(), history.rows())

        for dump in (history.dir / "dumps" / f"{EMPTY:%Y/%m/%d}").glob("*"):
            dump.write_text("\n")  # the day is empty again
        history.daybook("run", "-q")
        engine.run(sql("merge", "--date", str(EMPTY)))
        check("merge of a day that is empty again", rows(), history.rows())
        history.restate(EMPTY, ["here again"])
        history.daybook("run", "-q")
        engine.run(sql("merge", "--month", "2026-10"))
        check("merge of a month", rows(), history.rows())
        for dump in (history.dir / "dumps" / f"{EMPTY:%Y/%m/%d}").glob("*"):
            dump.write_text("\n")
        history.daybook("run", "-q")
        if engine.name != "polars":
            engine.run(sql("load", "--month", "2026-10"))
            check("load of a month", rows(), history.rows())
        else:
            engine.run(sql("merge", "--month", "2026-10"))
        history.forget_column("customer_address")
        engine.run(sql("load"))
        check("load of files without a column", rows(), history.rows())
        engine.run(sql("view"))
        check("view of files without a column", engine.rows(names, engine.view), history.rows())
    finally:
        if hasattr(engine, "close"):
            engine.close()


def main(binary, *chosen):
    for name in chosen or ENGINES:
        with tempfile.TemporaryDirectory() as directory:
            directory, begin = pathlib.Path(directory), time.time()
            print(name, flush=True)
            history = History(str(pathlib.Path(binary).resolve()), directory)
            history.publish()
            trial(history, ENGINES[name], directory)
            print(f"{name} has every row, in {time.time() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
