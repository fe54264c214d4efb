"""daybook on Apache Spark: one run of daybook, over many machines.

The driver asks "daybook plan --json" for what is due, and Spark gives its tasks to
executors. Each task is one process "daybook worker step", which builds its digests,
days or months and publishes them itself; only the outcomes come back. After each
stage the driver plans again, so that a stage builds on what is really there.

A day of billions of events is wide: many machines make it together. Its dumps are
decoded by "daybook worker decode", its events go through Spark's shuffle to the hash
ranges of their sessions, and only the driver publishes. "daybook worker begin-digests"
says which days are wide. The rows between two workers are an Arrow stream, whose last
row counts them, so that a stream which was cut off is noticed. At the
end "daybook worker finish" shows what "daybook backfill" shows, and its exit code
is that of the job.

Nothing is lost with a machine, an executor or the driver: what was published stays,
a task that is run twice changes nothing, and the same job does the rest.
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

TRIES = 3  # of a step whose dumps change again and again; the next run goes on
COLUMNS = "pid int, kind int, day int, seq bigint, n bigint, payload binary"  # between workers of a wide day
ROWS, TASK, RESULT, END = 3, 8, 9, 255  # kinds of these rows
MOST_STAGES = 1000  # of wide days, if dumps change again and again
SHOWN = 4000  # characters of the messages of a worker that failed


def place(name):
    """The path of a file that the job ships, on this machine."""
    for folder in (SparkFiles.getRootDirectory(), os.getcwd()):
        path = os.path.join(folder, name)  # an absolute name stays as it is
        if os.path.exists(path):
            return path
    raise FileNotFoundError(
        f"{name} is not on this machine; submit the job with --archives daybook.tgz#daybook --files daybook.yml"
    )


def command(options, *arguments):
    return [place(options.program), "--config", place(options.config), *arguments]


def environment():
    """Variables for daybook in a task: its cores, and the disk of its executor."""
    variables = dict(os.environ)
    if task := TaskContext.get():
        variables["GOMAXPROCS"] = str(task.cpus())
        if disks := variables.get("LOCAL_DIRS") or variables.get("SPARK_LOCAL_DIRS"):
            variables["TMPDIR"] = disks.split(",")[0]
    return variables


def call(options, *arguments, request=""):
    """What daybook writes. A process that fails raises its last messages."""
    done = subprocess.run(
        command(options, *arguments), input=request, capture_output=True, encoding="utf-8", env=environment()
    )
    if done.returncode != 0:
        what = " ".join(arguments[:2])
        raise RuntimeError(f"daybook {what} ended with exit code {done.returncode}: {done.stderr[-SHOWN:].strip()}")
    return done.stdout


def due(plan, tried, wide):
    """The tasks of the first stage with steps that are not wide, nor tried yet with the inputs that they have now."""
    inputs = {f"{s['kind']}/{s.get('report', '')}/{s['partition']}": s.get("inputs") for s in plan["steps"]}
    tasks = []
    for task in plan["tasks"]:
        new = [s for s in task["steps"] if inputs[s] not in tried.get(s, []) and len(tried.get(s, [])) < TRIES]
        steps = [s for s in new if s not in wide]
        if steps and (not tasks or task["stage"] == tasks[0]["stage"]):
            tasks.append({**task, "steps": steps})
    for task in tasks:
        for step in task["steps"]:
            tried.setdefault(step, []).append(inputs[step])
    return tasks


def do(spark, options, tasks):
    """The outcomes of tasks, each of which is a partition of its own."""
    requests = [json.dumps({"steps": task["steps"]}) + "\n" for task in tasks]

    def work(batches):
        import pyarrow

        for batch in batches:
            for number in batch.column(0).to_pylist():
                outcomes = call(options, "worker", "step", request=requests[number]).splitlines()
                yield pyarrow.RecordBatch.from_pydict({"outcome": outcomes})

    stage, first, last = tasks[0]["stage"], tasks[0]["name"], tasks[-1]["name"]
    spark.sparkContext.setJobDescription(f"daybook, stage {stage}: {len(tasks)} tasks from {first} to {last}")
    rows = spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(work, "outcome string").collect()
    return [row.outcome for row in rows]


def pipe(options, name, task, batches):
    """The rows that a worker makes of its task and of rows, as Arrow batches."""
    import pyarrow

    kinds = {"int": pyarrow.int32(), "bigint": pyarrow.int64(), "binary": pyarrow.binary()}
    schema = pyarrow.schema([(column.split()[0], kinds[column.split()[1]]) for column in COLUMNS.split(", ")])

    def row(kind, n, payload):
        values = zip((0, kind, 0, 0, n, payload), schema.types)
        return pyarrow.RecordBatch.from_arrays([pyarrow.array([v], t) for v, t in values], schema=schema)

    with tempfile.TemporaryFile() as messages:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": messages}
        process = subprocess.Popen(command(options, "worker", name), env=environment(), **pipes)
        try:
            with process.stdin, pyarrow.ipc.new_stream(process.stdin, schema) as to:
                to.write_batch(row(TASK, 0, task))
                sent = 1
                for batch in batches:
                    to.write_batch(pyarrow.RecordBatch.from_arrays(batch.columns, schema=schema))
                    sent += batch.num_rows
                to.write_batch(row(END, sent, b""))
            received, ended = 0, False
            for batch in pyarrow.ipc.open_stream(process.stdout):
                if ended:
                    raise ValueError(f"daybook worker {name} wrote rows after its end")
                ended = batch.num_rows > 0 and batch.column("kind")[-1].as_py() == END
                if ended:
                    count, batch = batch.column("n")[-1].as_py(), batch.slice(0, batch.num_rows - 1)
                    if count != received + batch.num_rows:
                        raise ValueError(f"daybook worker {name} wrote {count} rows, and other ones came")
                received += batch.num_rows
                yield batch
            if not ended:
                raise ValueError(f"the rows of daybook worker {name} were cut off")
        except (OSError, ValueError):  # also of pyarrow; the messages of a worker that has failed say more
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            if process.poll() in (None, 0):
                raise
        finally:
            process.stdout.close()  # also if Spark needs no more rows: the worker ends
        if (code := process.wait()) != 0:
            messages.seek(0)
            text = messages.read()[-SHOWN:].decode(errors="replace").strip()
            raise RuntimeError(f"daybook worker {name} ended with exit code {code}: {text}")


def stream(spark, options, name, tasks, rows=None):
    """The rows that workers make. Each task gets the rows of its pid, which is its number."""
    payloads = [json.dumps(task).encode() for task in tasks]

    def work(batches):
        number = TaskContext.get().partitionId()
        if rows_come:
            yield from pipe(options, name, payloads[number], batches)
            return
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield from pipe(options, name, payloads[number], [])

    rows_come = rows is not None
    spark.sparkContext.setJobDescription(f"daybook, {name} of wide days: {len(tasks)} tasks")
    if rows_come:
        return rows.repartitionById(len(tasks), "pid").mapInArrow(work, COLUMNS)
    return spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(work, COLUMNS)


def results(rows):
    return [json.loads(row.payload) for row in rows.filter(f"kind = {RESULT}").select("payload").collect()]


def wide_digests(spark, options, stage):
    """The outcomes of digests that many workers make together."""
    decoded = stream(spark, options, "decode", stage["decode"])
    stage["results"] = results(stream(spark, options, "digest", stage["digest"], decoded))
    return call(options, "worker", "commit-digests", request=json.dumps(stage)).splitlines()


def wide_days(spark, options, stage):
    """The outcomes of days that many workers make together."""
    stitched = stream(spark, options, "stitch", stage["stitch"]).persist()
    stage["stitched"] = results(stitched)
    rows = stitched.filter(f"kind = {ROWS}")
    stage["buckets"] = [{"PID": r.pid, "Bucket": r.seq, "Rows": r.n} for r in rows.select("pid", "seq", "n").collect()]
    stage = json.loads(call(options, "worker", "cut-days", request=json.dumps(stage)))
    places = [(r["From"], r["Bucket"], r["To"]) for r in stage["routes"]]
    routes = spark.createDataFrame(places, "pid int, seq bigint, part int").hint("broadcast")
    routed = rows.join(routes, ["pid", "seq"]).selectExpr("part as pid", "kind", "day", "seq", "n", "payload")
    stage["results"] = results(stream(spark, options, "parts", stage["parts"], routed))
    stitched.unpersist()
    return call(options, "worker", "commit-days", request=json.dumps(stage)).splitlines()


def wide_steps(stage):
    """The names of the steps of a stage."""
    for job in stage["jobs"]:
        date = datetime.date(1970, 1, 1) + datetime.timedelta(days=job.get("Day", job.get("Date")))
        for name in [f"day/{r['Name']}/{date}" for r in job["Reports"]] if "Reports" in job else [f"digest//{date}"]:
            yield name


def do_wide(spark, options, target, wide):
    """The outcomes of the wide digests that are due, or else of the wide days."""
    if options.wide == "never":
        return []
    events = ["--range-events", str(options.range_events)] if options.range_events else []
    for begin, work, more in (("begin-digests", wide_digests, events), ("begin-days", wide_days, [])):
        stage = json.loads(call(options, "worker", begin, "--wide", options.wide, *more, *target))
        jobs = {json.dumps(job, sort_keys=True) for job in stage["jobs"]}
        if not jobs <= wide["tried"] and wide["stages"] < MOST_STAGES:
            wide["tried"] |= jobs
            wide["stages"] += 1
            wide["steps"].update(wide_steps(stage))
            return work(spark, options, stage)
    return []


def reason(error):
    """The messages of a worker without the traces of Spark around them."""
    text = str(error)
    at = text.rfind("RuntimeError: daybook")
    return text[at if at >= 0 else 0 :].split("\n\n")[0].strip()[:SHOWN]


def run(spark, options):
    """Does what is due, and returns the exit code of the job."""
    target = [part for name in ("from", "to") if (day := getattr(options, name)) for part in ("--" + name, day)]
    target += [part for name in options.report for part in ("--report", name)]
    ending = ["--began", datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")]
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "64")  # a row of a wide day has up to some MB
    outcomes, tried, wide = [], {}, {"steps": set(), "tried": set(), "stages": 0}
    try:
        while True:
            if done := do_wide(spark, options, target, wide):
                outcomes += done
            elif tasks := due(json.loads(call(options, "plan", "--json", *target)), tried, wide["steps"]):
                outcomes += do(spark, options, tasks)
            else:
                break
    except Exception as error:  # also of Spark: the end tells it with what was done
        ending += ["--failure", reason(error)]
    spark.sparkContext.setJobDescription(None)
    text = "".join(line + "\n" for line in outcomes)
    return subprocess.run(
        command(options, "worker", "finish", *target, *ending), input=text, encoding="utf-8"
    ).returncode


def parse(arguments):
    parser = argparse.ArgumentParser(description="Run daybook on Apache Spark.")
    parser.add_argument("--from", metavar="DAY", help="the first day; goes with --to (default: everything)")
    parser.add_argument("--to", metavar="DAY", help="the last day")
    parser.add_argument("--report", metavar="NAME", action="append", default=[], help="only this report")
    parser.add_argument(
        "--wide",
        choices=["auto", "always", "never"],
        default="auto",
        help="which days many machines make together: those of many events, all, or none (default: auto)",
    )
    parser.add_argument(
        "--range-events", type=int, help="about how many events of a wide day a task sorts (default: 16 million)"
    )
    parser.add_argument("--config", default="daybook.yml", help="a shipped file, or a path that all machines have")
    parser.add_argument("--program", default="daybook/daybook", help="likewise")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    options = parse(sys.argv[1:])
    session = SparkSession.builder.appName("daybook").getOrCreate()
    code = run(session, options)
    session.stop()
    sys.exit(code)
