"""What the job of daybook spark emit costs, compared with "daybook backfill" on one machine.

    python figures.py DAYBOOK [ROUNDS [a|b [SESSIONS]]]

Route A shares 32 days of 12,000 sessions each, route B makes one day of 132,000; SESSIONS
is another number for a day. CPU is that of all processes, user and system, from the first
to the last; that of Go is only that of daybook. The runs are repeated in turn, and the
median of the ratios counts. Events are the lines of dumps, about 33 a session on working
days.
"""

import ctypes
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

DAYBOOK = str(pathlib.Path(sys.argv[1]).resolve())
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
ROUTES = sys.argv[3:4] or ["a", "b"]
SESSIONS = {name: int(sys.argv[4]) if len(sys.argv) > 4 else usual for name, usual in (("a", 12000), ("b", 132000))}  # a day
SUBMIT = str(pathlib.Path(sys.executable).parent / "spark-submit")
DAYS = ["--from", "2025-11-08", "--to", "2025-12-09"]  # 2 tasks of 16 days, and no whole month
DAY = ["--from", "2025-10-30", "--to", "2025-10-30"]
JVM = "-XX:TieredStopAtLevel=1"  # as in submit.md
work = pathlib.Path(tempfile.mkdtemp(prefix="daybook-figures-"))


def cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(command, **options):
    """Runs a command, and returns the CPU seconds of all its processes."""
    before = cpu()
    with open(work / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, **options)
        code = process.wait()
    while True:  # processes that outlive their parents are children of this one
        try:
            os.wait()
        except ChildProcessError:
            break
    if code != 0:
        sys.exit(f"{command}: exit code {code}\n{(work / 'log').read_text()}")
    return cpu() - before


def sink():
    shutil.rmtree(work / "sink", ignore_errors=True)
    (work / "sink").mkdir()


def alone(config, days):
    sink()
    return run([DAYBOOK, "backfill", "--quiet", "--config", config, *days])


def counted():
    """A program that is daybook, and notes its CPU seconds. Spark's daemon of Python ignores the ends of its workers, so
    that the system does not add their CPU to that of the job: the program notes that of its worker, too."""
    times = work / "times"
    times.mkdir()
    script = work / "counted"
    script.write_text(f"""#!/bin/bash
{DAYBOOK} "$@"
code=$?
by=driver
if grep -qa pyspark.daemon /proc/$PPID/cmdline; then
    by=task
    cut -d ' ' -f 14,15 /proc/$PPID/stat > {times}/worker-$PPID
fi
times > {times}/$by-$$-$RANDOM
exit $code
""")
    script.chmod(0o755)
    return str(script)


def seconds(text):
    minutes, _, rest = text.partition("m")
    return 60 * int(minutes) + float(rest.rstrip("s"))


def noted():
    """The CPU seconds that the programs have noted since the last call: by the driver, by tasks, and by their workers."""
    used = {"driver": 0.0, "task": 0.0, "worker": 0.0}
    for file in (work / "times").iterdir():
        by, text = file.name.partition("-")[0], file.read_text()
        if by == "worker":
            used[by] += sum(map(int, text.split())) / os.sysconf("SC_CLK_TCK")
        else:
            used[by] += sum(map(seconds, text.splitlines()[1].split()))  # of the shell's children
        file.unlink()
    return used


def job(config, master, arguments):
    """Submits the job, and returns its CPU seconds, those of Go, the seconds from its first task to its last, and the bytes that each stage shuffles."""
    sink()
    events = work / "events"
    shutil.rmtree(events, ignore_errors=True)
    events.mkdir()
    settings = {"spark.eventLog.enabled": "true", "spark.eventLog.dir": f"file://{events}", "spark.eventLog.rolling.enabled": "false", "spark.eventLog.compress": "false", "spark.shuffle.compress": "false", "spark.executor.extraJavaOptions": JVM}
    command = [SUBMIT, "--master", master, "--driver-java-options", JVM, "--archives", "daybook.tgz#daybook", "--files", "daybook.yml"]
    for name, value in settings.items():
        command += ["--conf", f"{name}={value}"]
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_DIRS": str(work)}
    total = run([*command, "job.py", "--program", str(work / "counted"), *arguments], cwd=work / "job", env=environment)
    begins, ends, shuffled = [], [], {}
    for file in (file for file in events.rglob("*") if file.is_file() and not file.name.startswith(".")):
        for event in map(json.loads, file.read_text().splitlines()):
            if event["Event"] == "SparkListenerTaskEnd":
                begins.append(event["Task Info"]["Launch Time"])
                ends.append(event["Task Info"]["Finish Time"])
                written = event["Task Metrics"]["Shuffle Write Metrics"]["Shuffle Bytes Written"]
                shuffled[event["Stage ID"]] = shuffled.get(event["Stage ID"], 0) + written
    used = noted()
    return total + used["task"] + used["worker"], used["driver"] + used["task"], (max(ends) - min(begins)) / 1000, [written for _, written in sorted(shuffled.items()) if written]


def configured(name, first, days, sessions):
    """Generated dumps, the job for them, and the number of their lines."""
    shutil.rmtree(work / "dumps", ignore_errors=True)
    shutil.rmtree(work / "job", ignore_errors=True)
    run([DAYBOOK, "generate", "--quiet", "--out", str(work / "dumps"), "--from", first, "--days", str(days), "--sessions-per-day", str(sessions)])
    config = work / f"{name}.yml"
    config.write_text(f"source: {{store: {{url: {work}/dumps}}}}\nsink: {{store: {{url: {work}/sink}}}}\nreports: [{{name: sessions, timezone: Europe/Amsterdam}}]\n")
    run([DAYBOOK, "spark", "emit", str(work / "job"), "--config", str(config)])
    return str(config)


def lines():
    """The lines of the dumps that the sink's digests were made from."""
    manifests = (work / "sink/_manifests/state/digests").glob("*.json")
    return sum(json.loads(path.read_text())["accounting"]["lines"] for path in manifests)


def tell(name, values, most=None, least=None):
    value = statistics.median(values)
    target = f"at most {most}" if most else f"at least {least}" if least else ""
    print(f"{name:60} {value:10.2f}   {target:14} {' '.join(f'{v:.2f}' for v in values)}", flush=True)


def route_a():
    config = configured("a", DAYS[1], 32, SESSIONS["a"])
    ratios, speeds = [], []
    for _ in range(ROUNDS):
        one = alone(config, DAYS)
        _, go, fast, _ = job(config, "local-cluster[2,1,1024]", DAYS)
        _, _, slow, _ = job(config, "local-cluster[1,1,1024]", DAYS)
        ratios.append(go / one)
        speeds.append(slow / fast)
        print(f"one process: {one:.1f} s of CPU; Go in the job: {go:.1f} s; two executors: {fast:.1f} s, one: {slow:.1f} s; {lines()} events", flush=True)
    tell("A: CPU of Go / CPU of one process", ratios, most=1.1)
    tell("A: speed with two executors / with one", speeds, least=1.6)


def route_b():
    config = configured("b", DAY[1], 1, SESSIONS["b"])
    ratios, bytes_each, of_rows = [], [], []
    for _ in range(ROUNDS):
        one = alone(config, DAY)
        events = lines()
        total, go, _, shuffled = job(config, "local[2]", [*DAY, "--wide", "always", "--range-events", "1000000"])
        ratios.append(total / one)
        bytes_each.append(shuffled[0] / events)
        of_rows.append(sum(shuffled[1:]) / events)
        print(f"one process: {one:.1f} s of CPU; the job: {total:.1f} s, Go in it: {go:.1f} s; {sum(shuffled)} bytes of shuffle; {events} events", flush=True)
    tell("B: CPU of Go, JVM and Python / CPU of one process", ratios, most=2.5)
    tell("B: bytes of shuffle an event", bytes_each, most=32)
    tell("B: bytes of shuffle of the rows of the report, by event", of_rows)


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans are counted, too
    counted()
    try:
        for name in ROUTES:
            {"a": route_a, "b": route_b}[name]()
    finally:
        shutil.rmtree(work)
