"""The job of daybook spark emit, on a Spark cluster of two executors.

    python spark_test.py DAYBOOK VERSITYGW [TEST...]

Each test runs the job into a sink of its own, most of them with a fault, and compares
what is published with what "daybook backfill" publishes: every file under reports/,
reports_monthly/ and summaries/, by its SHA-256. Meanwhile a reader checks again and
again that each manifest names files that are there and whole.
"""

import contextlib
import functools
import hashlib
import importlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest
import urllib.request

import pyspark
from pyspark import cloudpickle
from pyspark.sql import SparkSession

DAYBOOK, VERSITYGW = (str(pathlib.Path(path).resolve()) for path in sys.argv[1:3])
FIRST, FROM, TO, DAYS = "2025-10-27", "2025-10-28", "2025-12-01", 37  # a whole month among them
BROKEN = "2025/11/20"  # the day whose dumps change or are broken
REPORTS = """
reports:
  - {name: sessions, timezone: Europe/Amsterdam, sessions_csv: true}
  - {name: emea, timezone: America/New_York, language: nl, unit: {groups: [EMEA]}}
"""
PUBLISHED = ("reports", "reports_monthly", "summaries")
WIDE = ["--from", "2025-11-19", "--to", "2025-11-20", "--wide", "always", "--range-events", "2000"]
WIDE_DUMPS = "2025/11/19", BROKEN, "2025/11/21"
STAGES = "decode", "digest", "stitch", "parts"  # of wide days
LIMIT = 600  # seconds that something may take on a slow machine
work = pathlib.Path(tempfile.mkdtemp(prefix="daybook-spark-"))
JVM = f"-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.io.tmpdir={work}"  # starts soon


def daybook(*arguments, code=0):
    done = subprocess.run([DAYBOOK, *arguments], capture_output=True, encoding="utf-8")
    if done.returncode != code:
        raise AssertionError(f"daybook {arguments}: exit code {done.returncode}, not {code}\n{done.stderr}")
    return done


def configuration(name, source, sink, more=""):
    path = work / f"{name}.yml"
    path.write_text(f"source: {{store: {{url: {source}{more}}}}}\nsink: {{store: {{url: {sink}{more}}}}}\n{REPORTS}")
    return str(path)


def backfill(config, code=0):
    return daybook("backfill", "--quiet", "--config", config, "--from", FROM, "--to", TO, code=code)


@functools.cache
def digest_of(path, *_version):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def sha256(path):
    """The SHA-256 of a file, which is read once as long as it is the same one."""
    found = path.stat()
    return digest_of(str(path), found.st_ino, found.st_mtime_ns, found.st_size)


def published(sink):
    """The SHA-256 of the published files, by path."""
    files = (path for root in PUBLISHED for path in (sink / root).rglob("*") if path.is_file())
    return {str(path.relative_to(sink)): sha256(path) for path in files}


def contents(sink):
    """Likewise by directory, since the name of a restated part has its revision."""
    return sorted((str(pathlib.PurePath(name).parent), digest) for name, digest in published(sink).items())


def torn(sink):
    """A manifest that names a file which is gone or is another one; None: all are whole."""
    for manifest in (sink / "_manifests").glob("reports*/**/*.json"):
        with contextlib.suppress(FileNotFoundError):
            text = manifest.read_bytes()
            for part in json.loads(text)["parts"]:
                file = sink / part["key"]
                whole = file.exists() and sha256(file) == part["sha256"]
                if not whole and manifest.read_bytes() == text:  # it was not replaced meanwhile
                    return f"{manifest} names {part['key']}"
    return None


@contextlib.contextmanager
def reader(sink):
    """Looks at a sink until the block ends."""
    found, ended = [], threading.Event()

    def look():
        while not found:
            over = ended.is_set()
            found.extend(filter(None, [torn(sink)]))
            if over or ended.wait(0.2):
                break

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    assert not found and torn(sink) is None, found


@contextlib.contextmanager
def output():
    """What a block writes to the process's standard output and error."""
    texts, kept = {}, {1: os.dup(1), 2: os.dup(2)}
    sys.stdout.flush()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        try:
            yield texts
        finally:
            for number, copy in kept.items():
                os.dup2(copy, number)
                os.close(copy)
            for name, file in (("out", out), ("err", err)):
                file.seek(0)
                texts[name] = file.read().decode()


def faulty(name, fault):
    """A program for the executors that is daybook with a fault. The script has the task's
    request in $request and its stage in $stage. once NAME succeeds one time in a job."""
    folder = work / f"faults-{name}"
    folder.mkdir()
    script = folder / "daybook"
    script.write_text(
        "#!/bin/bash\n" + textwrap.dedent(f"""
        once() {{ mkdir {folder}/$1 2> /dev/null; }}
        executor() {{
            pid=$$
            until [ "$(cat /proc/$pid/comm)" = java ]; do pid=$(awk '{{print $4}}' /proc/$pid/stat); done
            echo $pid
        }}
        daybook() {{ {DAYBOOK} "$@"; }}
        case "$1$3$4" in
        --configworkerstep) read -r request; stage=${{request#*[\\"}}; stage=${{stage%%/*}} ;;
        --configworkerdecode | --configworkerdigest | --configworkerstitch | --configworkerparts) stage=$4 ;;  # rows, no request
        *) exec {DAYBOOK} "$@" ;;
        esac
        """) + textwrap.dedent(fault)
    )
    script.chmod(0o755)
    return str(script)


def setUpModule():
    global spark, job, dumps, want
    dumps = work / "dumps"
    daybook("generate", "--out", str(dumps), "--from", FIRST, "--days", str(DAYS), "--sessions-per-day", "60")
    backfill(configuration("alone", dumps, work / "alone"))
    want = published(work / "alone")
    assert len(want) > 500 and "reports_monthly/sessions" in " ".join(want), f"{len(want)} files"

    emitted = work / "job"
    daybook("spark", "emit", str(emitted), "--config", configuration("plain", dumps, work / "plain"))
    sys.path.insert(0, str(emitted))
    job = importlib.import_module("job")
    cloudpickle.register_pickle_by_value(job)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_DIRS"] = str(work)
    settings = {
        "spark.archives": f"{emitted}/daybook.tgz#daybook", "spark.files": f"{emitted}/daybook.yml", "spark.ui.port": "0", "spark.ui.showConsoleProgress": "false",
        "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": JVM, "spark.executor.extraJavaOptions": JVM, "spark.network.timeout": "600s",
    }
    builder = SparkSession.builder.master("local-cluster[2,1,1024]").appName("daybook")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")


def tearDownModule():
    spark.stop()
    shutil.rmtree(work)
    shutil.rmtree(pathlib.Path(pyspark.__file__).parent / "work")  # of the executors


class JobTest(unittest.TestCase):
    maxDiff = 4000

    def run_job(self, config, *arguments, code=0):
        days = [] if "--from" in arguments else ["--from", FROM, "--to", TO]
        options = job.parse([*days, "--config", config, *arguments])
        with output() as texts:
            got = job.run(spark, options)
        self.assertEqual(got, code, texts["err"])
        return texts

    def fault(self, name, script, source=None, code=0):
        """Runs the job with a faulty program, and returns its sink and its output."""
        sink = work / name
        sink.mkdir()
        with reader(sink):
            texts = self.run_job(configuration(name, source or dumps, sink), "--program", faulty(name, script), code=code)
        return sink, texts

    def copied(self, name):
        """Dumps of the test's own."""
        source = work / f"dumps-{name}"
        shutil.copytree(dumps, source)
        return source

    def few(self, name):
        """Dumps of the test's own, of some days, each of which is several joined: each is a task of a wide day."""
        source = work / f"dumps-{name}"
        for day in WIDE_DUMPS:
            (source / day).mkdir(parents=True)
            for number, dump in enumerate(sorted((dumps / day).iterdir())):
                with open(source / day / f"part-{number % 4}.ndjson.gz", "ab") as joined:
                    joined.write(dump.read_bytes())
        return source

    def test_directory(self):
        texts = self.run_job("daybook.yml")  # as shipped
        self.assertEqual(published(work / "plain"), want)
        alone = backfill(configuration("again", dumps, work / "again"))
        rows = lambda text, sink: [line.replace(f"/{sink}/", "/").split() for line in text.partition("STATE")[2].splitlines()]
        self.assertEqual(rows(texts["out"], "plain"), rows(alone.stdout, "again"))
        for made in "digest 2025-10-27 to 2025-12-02 published", "emea 2025-11 published", "sessions 2025-10-28 to 2025-12-01 published":
            self.assertIn(made, " ".join(alone.stdout.split()))

        # The console lists the run, and Spark's pages say what its jobs are.
        runs = [json.loads(path.read_text()) for path in (work / "plain/state/runs").iterdir()]
        self.assertEqual([(run["outcome"], run["trigger"]) for run in runs], [("done", "job on many machines")])
        context = spark.sparkContext
        with urllib.request.urlopen(f"{context.uiWebUrl}/api/v1/applications/{context.applicationId}/jobs") as answer:
            described = " ".join(job.get("description", "") for job in json.load(answer))
        for stage in "digest", "day", "month":
            self.assertIn(f"daybook, stage {stage}: ", described)

        # Once more there is nothing to do, and no job for Spark.
        self.assertIn("everything is fresh", self.run_job("daybook.yml")["out"])

    def test_s3(self):
        root = work / "s3"
        for bucket in "raw", "few", "out", "wide", "alone":
            (root / bucket).mkdir(parents=True)
        with socket.socket() as chosen:
            chosen.bind(("127.0.0.1", 0))
            port = chosen.getsockname()[1]
        keys = {"access_key_id": "daybook-test", "secret_access_key": "not-a-secret-of-anyone"}
        for name, key in keys.items():
            (work / name).write_text(key)
        server = subprocess.Popen(
            [VERSITYGW, "--quiet", "--port", f"127.0.0.1:{port}", "posix", str(root)],
            env={**os.environ, "ROOT_ACCESS_KEY_ID": keys["access_key_id"], "ROOT_SECRET_ACCESS_KEY": keys["secret_access_key"]},
        )
        try:
            for _ in range(LIMIT):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(1)
            os.environ.update(AWS_ACCESS_KEY_ID=keys["access_key_id"], AWS_SECRET_ACCESS_KEY=keys["secret_access_key"])
            url = f"http://127.0.0.1:{port}"
            for bucket, first, days in ("raw", FIRST, DAYS), ("few", "2025-11-19", 3):
                daybook("generate", "--out", f"s3://{bucket}", "--endpoint", url, "--from", first, "--days", str(days), "--sessions-per-day", "60")
            files = "".join(f", {name}_file: {work / name}" for name in keys)
            more = f", region: us-east-1, addressing: path, endpoint: '{url}'{files}"
            self.run_job(configuration("s3", "s3://raw", "s3://out", more))
            self.assertEqual(published(root / "out"), want)
            self.run_job(configuration("s3-wide", "s3://few", "s3://wide", more), *WIDE)
            daybook("backfill", "--quiet", "--config", configuration("s3-alone", "s3://few", "s3://alone", more), *WIDE[:4])
            self.assertEqual(published(root / "wide"), published(root / "alone"))
            self.assertGreater(len(published(root / "wide")), 5)
        finally:
            server.kill()
            server.wait()

    def test_executors_are_killed(self):
        # In the midst of a task, once in each of two stages. Its daybook lives on, as a zombie.
        sink, _ = self.fault("killed", """
            if [ $stage != month ] && once $stage; then
                daybook "$@" <<< "$request" &
                kill -9 $(executor)
                wait
            else
                daybook "$@" <<< "$request"
            fi""")
        self.assertEqual(published(sink), want)
        self.assertEqual(sorted(path.name for path in (work / "faults-killed").iterdir()), ["day", "daybook", "digest"])

    def test_tasks_run_twice(self):
        sink, _ = self.fault("twice", """
            daybook "$@" <<< "$request" > /dev/null &
            daybook "$@" <<< "$request" && wait $!""")
        self.assertEqual(published(sink), want)

    def test_workers_are_killed(self):
        # The process of daybook, at any moment: the task fails and is tried again.
        sink, _ = self.fault("workers", """
            daybook "$@" <<< "$request" &
            once $stage && sleep 0.05 && kill -9 $!
            wait $!""")
        self.assertEqual(published(sink), want)

    def test_a_dump_changes(self):
        source = self.copied("changes")
        dump = min((source / BROKEN).iterdir())
        sink, _ = self.fault("changes", f"""
            if [ $stage = day ] && once day; then cp {dump} {dump.parent}/again.tmp; rm {dump}; mv {dump.parent}/again.tmp {dump.parent}/late-{dump.name}; rm {max(dump.parent.iterdir())}; fi
            daybook "$@" <<< "$request" """, source)
        backfill(configuration("changed", source, work / "changed"))
        self.assertEqual(contents(sink), contents(work / "changed"))
        self.assertNotEqual(contents(sink), contents(work / "alone"))

    def test_too_many_rejects(self):
        source = self.copied("rejects")
        (source / BROKEN / "broken.ndjson").write_text("nonsense\n" * 1000)
        sink, texts = self.fault("rejects", 'daybook "$@" <<< "$request"', source, code=3)
        alone = backfill(configuration("rejected", source, work / "rejected"), code=3)
        self.assertEqual(published(sink), published(work / "rejected"))
        told = lambda text, sink: [line.replace(f"/{sink}/", "/") for line in text.splitlines() if line.startswith(("failed:", "not tried", "daybook:"))]
        self.assertEqual(told(texts["err"], "rejects"), told(alone.stderr, "rejected"))
        self.assertEqual(len(told(texts["err"], "rejects")), 3)

    def test_a_worker_that_always_fails(self):
        # The job ends with its message. What was published stays, and the next job does the rest.
        sink, texts = self.fault("failing", """
            if [ $stage = day ]; then echo no such luck >&2; exit 1; fi
            daybook "$@" <<< "$request" """, code=1)
        self.assertIn("the job ended early: RuntimeError: daybook worker step ended with exit code 1: no such luck", texts["err"])
        self.assertIn("digest  2025-11-20  published", texts["out"])
        self.assertIn('"outcome":"failed"', next((sink / "state/runs").iterdir()).read_text())
        self.run_job(configuration("failing", dumps, sink))
        self.assertEqual(published(sink), want)

    def wide(self, name, fault, spoil=lambda source: None, code=0):
        """Has many machines make two days together, with a fault, and compares them with those of one machine. Returns the output."""
        source, sink = self.few(name), work / name
        spoil(source)
        sink.mkdir()
        with reader(sink):
            texts = self.run_job(configuration(name, source, sink), *WIDE, "--program", faulty(name, fault), code=code)
        daybook("backfill", "--quiet", "--config", configuration(f"{name}-alone", source, work / f"{name}-alone"), *WIDE[:4], code=code)
        self.assertEqual(published(sink), published(work / f"{name}-alone"))
        if code == 0:
            self.assertGreater(len(published(sink)), 5)
        return texts

    def test_wide(self):
        # In each stage an executor is killed.
        self.wide("wide", """
            if once $stage; then (sleep 0.2; kill -9 $(executor)) & fi
            exec {DAYBOOK} "$@" """.replace("{DAYBOOK}", DAYBOOK))
        for stage in STAGES:
            self.assertTrue((work / f"faults-wide/{stage}").exists(), f"no executor was killed in {stage}")
        digest = json.loads((work / "wide/_manifests/state/digests/dt=2025-11-20.json").read_text())
        self.assertGreater(digest["digest"]["range_bits"], 0)

    def test_wide_rows_are_cut_off(self):
        # The first rows for each worker lack their end, and so do the first from it: the task is tried again.
        self.wide("cut", """
            if once in-$stage; then head -c -100 | {DAYBOOK} "$@"; exit; fi
            if once out-$stage; then {DAYBOOK} "$@" > {folder}/$stage.rows; head -c -100 {folder}/$stage.rows; exit 0; fi
            exec {DAYBOOK} "$@" """.replace("{DAYBOOK}", DAYBOOK).replace("{folder}", str(work)))
        for stage in STAGES:
            for side in "in", "out":
                self.assertTrue((work / f"faults-cut/{side}-{stage}").exists(), f"no stream was cut off: {side} {stage}")

    def test_wide_twice(self):
        # Each task runs twice at the same time, and a dump changes before it is read.
        dump = work / "dumps-wide-twice" / BROKEN / "part-0.ndjson.gz"
        self.wide("wide-twice", f"""
            rows=$(mktemp {work}/rows-XXXXXX)
            {{ if [ -n "$request" ]; then echo "$request"; fi; cat; }} > $rows
            if [ $stage = decode ] && once changed; then cp {dump} {dump}.tmp; rm {dump}; mv {dump}.tmp {dump.parent}/late-{dump.name}; fi
            daybook "$@" < $rows > /dev/null &
            daybook "$@" < $rows && wait $! """)
        self.assertTrue((work / "faults-wide-twice/changed").exists())

    def test_wide_too_many_rejects(self):
        # The first day is refused, the second one has its digest, and the report waits for both.
        def spoil(source):
            (source / WIDE_DUMPS[0] / "broken.ndjson").write_text("nonsense\n" * 1000)

        texts = self.wide("bad", """
            if [ -n "$request" ]; then exec {DAYBOOK} "$@" <<< "$request"; fi
            exec {DAYBOOK} "$@" """.replace("{DAYBOOK}", DAYBOOK), spoil, code=3)
        self.assertIn("were rejected", texts["err"])
        digests = {path.name for path in (work / "bad/_manifests/state/digests").iterdir()}
        self.assertIn("dt=2025-11-20.json", digests)
        self.assertNotIn("dt=2025-11-19.json", digests)

    def test_the_driver_is_killed(self):
        self.kill_driver("driver", ["--from", FROM, "--to", TO], "_manifests/state/digests/*.json", dumps, want)

    def test_the_driver_is_killed_at_wide_days(self):
        # Between the files of a day and its commit.
        source = self.few("killed-wide")
        daybook("backfill", "--quiet", "--config", configuration("killed-alone", source, work / "killed-alone"), *WIDE[:4])
        self.kill_driver("killed-wide", WIDE, "reports/*/*/*.parquet", source, published(work / "killed-alone"))

    def kill_driver(self, name, arguments, until, source, want):
        """Submits a job of its own, as people do, kills its driver when there is such a file, and runs the job again."""
        sink = work / name
        sink.mkdir()
        emitted = work / f"{name}-job"
        daybook("spark", "emit", str(emitted), "--config", configuration(name, source, sink))
        submit = subprocess.Popen(
            [str(pathlib.Path(sys.executable).parent / "spark-submit"), "--master", "local[2]", "--driver-java-options", JVM, "--conf", "spark.ui.enabled=false",
             "--archives", "daybook.tgz#daybook", "--files", "daybook.yml", "job.py", *arguments],
            cwd=emitted, preexec_fn=os.setpgrp, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        with reader(sink):
            for _ in range(LIMIT * 20):
                if list(sink.glob(until)) or submit.poll() is not None:
                    break
                time.sleep(0.05)
            self.assertIsNone(submit.poll(), "the job ended too early")
            os.killpg(submit.pid, signal.SIGKILL)
            submit.wait()
            self.assertNotEqual(published(sink), want)
            self.run_job(configuration(name, source, sink), *arguments)
        self.assertEqual(published(sink), want)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
