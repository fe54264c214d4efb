"""daybook on Apache Spark: one run of daybook, over many machines.

The driver asks "daybook worker next" for a stage, and Spark gives its tasks to
executors. Each task is a process of daybook. "worker step" builds digests, days or
months and publishes them itself; only the outcomes come back.

A day of billions of events is wide: many machines make it together. "worker decode"
reads its dumps, Spark shuffles the events to the hash ranges of their sessions, and
only the driver publishes. The rows between two workers are an Arrow stream, whose last
row counts the others: a stream that was cut off fails its task.

At the end "worker finish" shows what "daybook backfill" shows, and its exit code is
that of the job. What was published stays if a machine, an executor or the driver is
lost, a task that is run twice changes nothing, and the same job does the rest.
"""

import argparse
import contextlib
import datetime
import json
import os
import subprocess
import sys
import tempfile

from pyspark import SparkFiles, TaskContext
from pyspark.sql import SparkSession

COLUMNS = "pid int, kind int, day int, seq bigint, n bigint, payload binary"  # of the rows between workers
ROWS, TASK, RESULT, END = 3, 8, 9, 255  # kinds of them
SHOWN = 4000  # bytes of the messages of a worker that failed


def place(name):
    """The path of a file that the job ships, on this machine. An absolute name stays as it is."""
    for folder in (SparkFiles.getRootDirectory(), os.getcwd()):
        if os.path.exists(path := os.path.join(folder, name)):
            return path
    files = "--archives daybook.tgz#daybook --files daybook.yml"
    raise FileNotFoundError(f"{name} is not on this machine; submit the job with {files}")


def start(options, *arguments, **streams):
    """A process of daybook. In a task it has the task's cores and the disk of the executor."""
    variables = dict(os.environ)
    if task := TaskContext.get():
        variables["GOMAXPROCS"] = str(task.cpus())
        if disks := variables.get("LOCAL_DIRS") or variables.get("SPARK_LOCAL_DIRS"):
            variables["TMPDIR"] = disks.split(",")[0]
    command = [place(options.program), "--config", place(options.config), "worker", *arguments]
    return subprocess.Popen(command, env=variables, stdin=subprocess.PIPE, **streams)


def check(code, name, messages):
    """Raises the last messages of a worker that failed."""
    if code != 0:
        text = messages[-SHOWN:].decode(errors="replace").strip()
        raise RuntimeError(f"daybook worker {name} ended with exit code {code}: {text}")


def call(options, *arguments, request):
    """What daybook writes about a request, which becomes a line of JSON."""
    process = start(options, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    answer, messages = process.communicate(json.dumps(request).encode() + b"\n")
    check(process.returncode, arguments[0], messages)
    return answer.decode()


def pipe(options, name, task, batches):
    """The rows that a worker makes of a task and of rows. It reads them all before it writes."""
    import pyarrow

    types = {"int": pyarrow.int32(), "bigint": pyarrow.int64(), "binary": pyarrow.binary()}
    schema = pyarrow.schema([(column, types[kind]) for column, kind in map(str.split, COLUMNS.split(", "))])

    def row(kind, n=0, payload=b""):
        return pyarrow.RecordBatch.from_pylist([dict(pid=0, kind=kind, day=0, seq=0, n=n, payload=payload)], schema)

    with tempfile.TemporaryFile() as messages:
        process = start(options, name, stdout=subprocess.PIPE, stderr=messages)
        try:
            with process.stdin, pyarrow.ipc.new_stream(process.stdin, schema) as to:
                to.write_batch(row(TASK, payload=json.dumps(task).encode()))
                sent = 1
                for batch in batches:
                    to.write_batch(pyarrow.RecordBatch.from_arrays(batch.columns, schema=schema))
                    sent += batch.num_rows
                to.write_batch(row(END, sent))
            came, count = 0, None
            for batch in pyarrow.ipc.open_stream(process.stdout):
                if batch.column("kind")[0].as_py() == END:  # it is alone
                    count = batch.column("n")[0].as_py()
                else:
                    came += batch.num_rows
                    yield batch
            if came != count:
                raise ValueError(f"the rows of daybook worker {name} were cut off: {came} came, of {count}")
        except (OSError, ValueError):  # also of pyarrow; the messages of a worker that failed say more
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            if not process.poll():
                raise
        finally:
            process.stdout.close()  # also if Spark needs no more rows: the worker ends
        code = process.wait()
        messages.seek(0)
        check(code, name, messages.read())


def each(spark, tasks, do, columns):
    """The rows of tasks, each of which is a partition of its own."""

    def work(batches):
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield from do(tasks[number])

    return spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(work, columns)


def shuffled(options, name, tasks, rows):
    """The rows that workers make of their tasks and of rows. The pid of a row is the number of its task."""

    def work(batches):
        return pipe(options, name, tasks[TaskContext.get().partitionId()], batches)

    return rows.repartitionById(len(tasks), "pid").mapInArrow(work, COLUMNS)


def results(rows):
    return [json.loads(row.payload) for row in rows.filter(f"kind = {RESULT}").select("payload").collect()]


def steps(spark, options, stage):
    """The outcomes of steps, as lines of JSON. Each worker publishes its own."""

    def do(task):
        import pyarrow

        lines = call(options, "step", request={"steps": task["steps"]}).splitlines()
        yield pyarrow.RecordBatch.from_pydict({"outcome": lines}, pyarrow.schema([("outcome", pyarrow.string())]))

    return [row.outcome for row in each(spark, stage["tasks"], do, "outcome string").collect()]


def wide_digests(spark, options, stage):
    """The outcomes of digests that many workers make together."""
    wide = stage["wide"]
    decoded = each(spark, wide["decode"], lambda task: pipe(options, "decode", task, []), COLUMNS)
    wide["results"] = results(shuffled(options, "digest", wide["digest"], decoded))
    return call(options, "commit-digests", request=wide).splitlines()


def wide_days(spark, options, stage):
    """The outcomes of days that many workers make together."""
    wide = stage["wide"]
    stitched = each(spark, wide["stitch"], lambda task: pipe(options, "stitch", task, []), COLUMNS).persist()
    wide["stitched"] = results(stitched)
    wide = json.loads(call(options, "cut-days", request=wide))
    if wide.get("parts"):
        routes = spark.createDataFrame(wide.get("routes", []), "pid int, seq bigint, part int").hint("broadcast")
        rows = stitched.filter(f"kind = {ROWS}")
        routed = rows.join(routes, ["pid", "seq"]).selectExpr("part as pid", "kind", "day", "seq", "n", "payload")
        wide["results"] = results(shuffled(options, "parts", wide["parts"], routed))
    stitched.unpersist()
    return call(options, "commit-days", request=wide).splitlines()


def reason(error):
    """The messages of a worker without the traces of Spark around them."""
    text = str(error)
    return text[max(0, text.rfind("RuntimeError: daybook")) :].split("\n\n")[0].strip()[:SHOWN]


def run(spark, options):
    """Does what is due, and returns the exit code of the job."""
    ending = ["--began", datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")]
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "64")  # a row of a wide day has up to some MB
    works, outcomes, tried = {"steps": steps, "digests": wide_digests, "days": wide_days}, [], {}
    try:
        while work := (stage := json.loads(call(options, "next", *options.others, request=tried))).get("work"):
            spark.sparkContext.setJobDescription("daybook, " + stage["name"])
            outcomes += works[work](spark, options, stage)
            tried = stage["tried"]
    except Exception as error:  # also of Spark: the end tells it with what was done
        ending += ["--failure", reason(error)]
    spark.sparkContext.setJobDescription(None)
    finish = start(options, "finish", *options.others, *ending)
    finish.communicate("".join(line + "\n" for line in outcomes).encode())
    return finish.returncode


def parse(arguments):
    """The options of the job. All others, such as --from and --to, are those of "daybook worker next"."""
    parser = argparse.ArgumentParser(allow_abbrev=False, description=parse.__doc__)
    parser.add_argument("--config", default="daybook.yml", help="a shipped file, or a path that all machines have")
    parser.add_argument("--program", default="daybook/daybook", help="likewise")
    options, options.others = parser.parse_known_args(arguments)
    return options


if __name__ == "__main__":
    options = parse(sys.argv[1:])
    session = SparkSession.builder.appName("daybook").getOrCreate()
    code = run(session, options)
    session.stop()
    sys.exit(code)
