"""A history of reports, published by daybook, and the rows that warehouses should have.

The sink's path and the report's name are those that break careless statements: a
quote, a space, a letter outside of ASCII; and a keyword.
"""

import datetime
import json
import os
import pathlib
import subprocess
import time

import pyarrow
import pyarrow.parquet

REPORT = "order"
KEY = ("report_date", "session_id", "leg")
FIRST, LAST = datetime.date(2026, 9, 29), datetime.date(2026, 11, 3)
EMPTY = datetime.date(2026, 10, 7)  # a day without dumps

# Texts that separators, quotes and lengths break.
TEXTS = [
    "O'Neil \"x\" `y` $$z$$ [q]", "back\\slash \\N \\. end\\", "two\nlines\r\n\\.\nand\ta tab", "a,b;c|d",
    "😀" * 64, "ß" * 300, "naïve — 王", "-- ; DROP TABLE", "nul\u0000here", " spaces ", "NULL", "\u2028",
]


class History:
    """A sink in a directory, and the commands that fill it."""

    def __init__(self, binary, directory, sink="o'neil & söhne"):
        self.binary, self.dir = binary, pathlib.Path(directory)
        self.out = self.dir / sink
        self.configure()
        self.serial = 0

    def configure(self, remove_after="0s"):
        (self.dir / "daybook.yml").write_text(
            f"source: {{max_rejected: 50%}}\nsink: {{store: {{url: {json.dumps(str(self.out))}}}, remove_after: {remove_after}}}\n"
            f"reports: [{{name: {REPORT}, timezone: Europe/Amsterdam}}]\n")

    def daybook(self, *args):
        return subprocess.run([self.binary, *args], cwd=self.dir, check=True, capture_output=True, text=True).stdout

    def sql(self, engine, verb, *args):
        return self.daybook("sql", engine, verb, *args)

    def publish(self):
        """Publish days of two months and more, and the month between them."""
        days = (LAST - FIRST).days + 1
        self.daybook("generate", "--out", "dumps", "--from", str(FIRST), "--days", str(days), "--sessions-per-day", "12", "-q")
        for d in (EMPTY, EMPTY + datetime.timedelta(1)):
            for dump in (self.dir / "dumps" / f"{d:%Y/%m/%d}").glob("*"):
                dump.unlink()
        self.restate(LAST)
        self.run()
        assert (self.out / "reports").exists()

    def empty(self, day):
        """Leave a day without events."""
        for dump in (self.dir / "dumps" / f"{day:%Y/%m/%d}").glob("*"):
            dump.write_text("\n")

    def run(self):
        self.daybook("run", "-q")

    def remove(self, day):
        """Delete the manifest of a day, as somebody may, two days after all that is published."""
        for path in self.out.rglob("*"):
            os.utime(path, (time.time() - 2 * 86400,) * 2)
        (self.out / f"_manifests/reports/{REPORT}/dt={day}.json").unlink()

    def restate(self, day, texts=TEXTS):
        """Add dumps with the texts to a day."""
        lines = []
        for i, text in enumerate(texts):
            self.serial += 1
            session = 9_000_000_000_000_000_000 + self.serial
            at = f"{day}T10:00:{i:02}Z"
            lines.append(dict(event_id=f"h{self.serial}a", ts=at, session_id=session, type="session_created", session_type="applet",
                              name=text, custom_fields=[text] * 5, customer_ip="10.0.0.1", tracking_id=text))
            lines.append(dict(event_id=f"h{self.serial}b", ts=at, session_id=session, type="status_changed", status="active",
                              technician={"id": 7, "name": text, "email": "t@example.com", "group": "A/B"}))
        directory = self.dir / "dumps" / f"{day:%Y/%m/%d}"
        directory.mkdir(parents=True, exist_ok=True)
        text = "\n".join(json.dumps(line) for line in lines)
        (directory / f"late-{self.serial}.ndjson").write_text(text + "\n")

    def files(self, kind):
        """The published files of all days or months, and none of those that they superseded."""
        changes = [json.loads(line) for line in self.daybook("changes", "--json").splitlines()[:-1]]
        return [pathlib.Path(part["url"].removeprefix("file://")) for change in changes if change["kind"] == kind for part in change["parts"]]

    def rows(self):
        """The rows of all days, read by another reader of Parquet: tuples, ordered by key."""
        schema = self.schema()
        rows = []
        for path in self.files("day"):
            table = pyarrow.parquet.ParquetFile(path).read()
            for row in table.to_pylist():
                rows.append(tuple(plain(row.get(name)) for name in schema))
        at = [schema.index(name) for name in KEY]
        return sorted(rows, key=lambda row: [row[i] for i in at])

    def schema(self):
        """The names of the columns, in order."""
        return list(json.loads(self.daybook("schema", "--format", "json-schema"))["required"])

    def forget_column(self, name):
        """Write the files before November as an older daybook did: without a column."""
        early = [path for path in self.files("day") if "dt=2026-11" not in str(path)]
        for path in early + self.files("month"):
            table = pyarrow.parquet.ParquetFile(path).read()
            pyarrow.parquet.write_table(table.drop_columns([name]), path)


def plain(value):
    """A value as all engines can give it: moments in milliseconds since the epoch, dates as text."""
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=datetime.timezone.utc)
        return round(value.timestamp() * 1000)
    if isinstance(value, datetime.date):
        return str(value)
    if value == "":
        return None
    return value
