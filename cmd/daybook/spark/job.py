"""daybook on Apache Spark: one run of daybook, over many machines.

The driver asks "daybook plan --json" for what is due, and Spark gives its tasks to
executors. Each task is one process "daybook worker step", which builds its digests,
days or months and publishes them itself; only the outcomes come back. After each
stage the driver plans again, so that a stage builds on what is really there. At the
end "daybook worker finish" shows what "daybook backfill" shows, and its exit code
is that of the job.

Nothing is lost with a machine, an executor or the driver: what was published stays,
a task that is run twice changes nothing, and the same job does the rest.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys

from pyspark import SparkFiles, TaskContext
from pyspark.sql import SparkSession

TRIES = 3  # of a step whose dumps change again and again; the next run goes on
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


def due(plan, tried):
    """The tasks of the first stage with steps that were not tried yet with the inputs that they have now."""
    inputs = {f"{s['kind']}/{s.get('report', '')}/{s['partition']}": s.get("inputs") for s in plan["steps"]}
    tasks = []
    for task in plan["tasks"]:
        steps = [s for s in task["steps"] if inputs[s] not in tried.get(s, []) and len(tried.get(s, [])) < TRIES]
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
    outcomes, tried = [], {}
    try:
        while tasks := due(json.loads(call(options, "plan", "--json", *target)), tried):
            outcomes += do(spark, options, tasks)
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
    parser.add_argument("--config", default="daybook.yml", help="a shipped file, or a path that all machines have")
    parser.add_argument("--program", default="daybook/daybook", help="likewise")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    options = parse(sys.argv[1:])
    session = SparkSession.builder.appName("daybook").getOrCreate()
    code = run(session, options)
    session.stop()
    sys.exit(code)
