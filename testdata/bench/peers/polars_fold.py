"""Polars folds dumps into Parquet files: polars_fold.py unique|repeated DUMPS OUT THREADS.

The job is that of duckdb.sql: the same rows.
"""

import os
import sys

PERSON = ("id", "name", "email", "group")
ENDINGS = ["closed_by_customer", "closed_by_technician", "closed_by_waiting_customer", "timed_out",
           "timed_out_closed_by_technician", "aborted", "declined_by_customer"]
LATEST = ["name", "tracking_id", "customer_ip", "device_id", "platform", "browser_type"]
SPANS = {"hold": "on_hold", "transfer": "transferring", "rebooting": "rebooting", "reconnecting": "reconnecting"}


def schema(pl):
    texts = ["event_id", "ts", "type", "session_type", "calling_card", "status", "state", "sender", "tool", *LATEST]
    return {name: pl.String for name in texts} | {
        "session_id": pl.Int64, "seq": pl.Int64,
        "channel": pl.Struct({"id": pl.Int64, "name": pl.String}),
        "technician": pl.Struct({name: pl.Int64 if name == "id" else pl.String for name in PERSON}),
        "transferred_to": pl.Struct({"name": pl.String}),
        "custom_fields": pl.List(pl.String),
    }


def read(pl, dumps, repeated):
    """The events, each session's in order."""
    seq = pl.col("seq").fill_null(0)
    ts = pl.col("ts").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", time_zone="UTC")
    events = (
        pl.scan_ndjson(f"{dumps}/**/*.ndjson*", schema=schema(pl))
        .with_columns(ts=ts.dt.timestamp("us"), seq=seq)
        .sort("session_id", "ts", "seq", "event_id")
    )
    if repeated:
        events = events.unique(["session_id", "event_id"], keep="first", maintain_order=True)
    return events.with_columns(
        ms=pl.col("ts") // 1000, place=pl.col("ts") * 512 + pl.min_horizontal("seq", pl.lit(511))
    )


def latest(pl, column):
    return column.drop_nulls().last()


def sessions_of(pl, events):
    ms, sender = pl.col("ms"), pl.col("sender")
    first = lambda column: column.drop_nulls().first()
    return events.group_by("session_id").agg(
        first(pl.col("session_type")), first(pl.col("calling_card")),
        first(pl.col("channel").struct.field("id")).alias("channel_id"),
        first(pl.col("channel").struct.field("name")).alias("channel_name"),
        *(latest(pl, pl.col(name)) for name in LATEST),
        *(latest(pl, pl.col("custom_fields").list.get(i, null_on_oob=True)).alias(f"custom_field_{i + 1}") for i in range(5)),
        begun=ms.min(), last=ms.max(),
        started=ms.filter(pl.col("status") == "active").min(),
        starting_place=pl.col("place").filter(pl.col("status") == "active").min(),
        waited=ms.filter(pl.col("status") == "waiting").min(),
        connected=ms.filter(pl.col("status") != "connecting").min(),
        removed=ms.filter(pl.col("type") == "queue_removed").min(),
        first_chat=ms.filter(sender == "technician").min(),
        customer_messages=(sender == "customer").sum().cast(pl.Int64),
        technician_messages=(sender == "technician").sum().cast(pl.Int64),
        system_messages=(sender == "system").sum().cast(pl.Int64),
        tools_used=pl.col("tool").drop_nulls().unique(maintain_order=True).str.join(",").str.slice(0, 128),
    ).with_columns(tools_used=pl.when(pl.col("tools_used") != "").then("tools_used"))


def spans_of(pl, events, sessions):
    """The time from each event of the story to the next one, with what held then."""
    status, state = pl.col("status"), pl.col("state")
    started = pl.col("starts")

    def signal(on, off, restart):
        return (
            pl.when(restart).then(True).when(state.is_in([on, off])).then(state == on)
            .otherwise(None).forward_fill().over("session_id")
        )

    story = (
        events.filter(pl.col("type").is_in(["session_created", "status_changed", "presence"]))
        .select("session_id", "technician", "status", "state", "transferred_to", "ms", "place")
        .join(sessions.select("session_id", "last", "started", "starting_place", "removed"), on="session_id", maintain_order="left")
        .with_columns(starts=(status == "active") & (pl.col("place") == pl.col("starting_place")))
        .with_columns(
            until=pl.col("ms").shift(-1).over("session_id"),
            in_charge=pl.col("technician").struct.field("id").forward_fill().over("session_id"),
            status_now=status.forward_fill().over("session_id"),
            status_before=status.forward_fill().shift(1).over("session_id"),
            link=signal("link_up", "link_down", status == "active"),
            available=signal("available", "away", started),
            tab=signal("tab_selected", "tab_deselected", started),
            console=signal("console_foreground", "console_background", started),
        )
    )
    until = pl.min_horizontal(pl.coalesce("until", "last"), pl.coalesce("removed", "last"))
    return story.with_columns(
        ending=pl.col("status_now").is_in(ENDINGS), ended=pl.col("status_before").is_in(ENDINGS),
        span=pl.max_horizontal(pl.lit(0), until - pl.max_horizontal("ms", "started")),
    )


def parts_of(pl, spans):
    now, span = pl.col("status_now"), pl.col("span")
    person = lambda name: pl.col("technician").struct.field(name).drop_nulls().first().alias(f"technician_{name}")
    works = pl.all_horizontal("link", "available", "tab", "console")
    closes = pl.col("status").is_not_null() & pl.col("ending") & ~pl.col("ended").fill_null(False)
    return spans.group_by("session_id", technician_id="in_charge").agg(
        *(person(name) for name in PERSON[1:]),
        latest(pl, now).alias("status"), latest(pl, pl.col("ending")),
        latest(pl, pl.col("transferred_to").struct.field("name")).alias("transferred_to"),
        part_began=pl.col("ms").min(), closed=pl.col("ms").filter(closes).max(),
        active_time_ms=span.filter(now == "active").sum(),
        work_time_ms=span.filter((now == "active") & works).sum(),
        **{f"{name}_time_ms": span.filter(now == status).sum() for name, status in SPANS.items()},
    )


def rows_of(pl, parts, sessions):
    col = pl.col
    time = lambda name: pl.from_epoch(col(name), time_unit="ms").dt.replace_time_zone("UTC")
    waiting = (
        pl.when(col("waited") < col("started")).then(col("started") - col("waited"))
        .when(col("started").is_null() & col("waited").is_not_null())
        .then(pl.max_horizontal(pl.lit(0), pl.coalesce("ended", "last") - col("waited"))).otherwise(0)
    )
    return (
        parts.join(sessions, on="session_id")
        .with_columns(ended=pl.when("ending").then("closed").otherwise("removed"))
        .select(
            time("started").alias("start_time"), time("ended").alias("end_time"),
            time("begun").alias("begin_time"), time("part_began"),
            "technician_name", "technician_id", "technician_email", "technician_group",
            "session_id", "session_type", "status", "name", *(f"custom_field_{i}" for i in range(1, 6)),
            "tracking_id", "customer_ip", "device_id", "tools_used", "channel_id", "channel_name", "calling_card",
            (pl.min_horizontal(pl.coalesce("connected", "last"), pl.coalesce("removed", "last")) - col("begun")).alias("connecting_time_ms"),
            waiting.alias("waiting_time_ms"),
            pl.sum_horizontal("active_time_ms", *(f"{name}_time_ms" for name in SPANS)).alias("total_time_ms"),
            "active_time_ms", "work_time_ms", *(f"{name}_time_ms" for name in SPANS),
            "platform", "browser_type", "transferred_to", time("first_chat").alias("first_chat_message_sent"),
            "customer_messages", "technician_messages", "system_messages",
            pl.from_epoch(pl.coalesce("started", "begun"), time_unit="ms").dt.date().alias("dt"),
        )
    )


def main(content, dumps, out, threads):
    os.environ["POLARS_MAX_THREADS"] = threads  # read when Polars is imported
    import polars as pl

    # Both of what follows need the events: they are computed once.
    events = read(pl, dumps, content == "repeated").collect().lazy()
    sessions = sessions_of(pl, events).collect().lazy()
    rows = rows_of(pl, parts_of(pl, spans_of(pl, events, sessions)), sessions)
    rows.sink_parquet(pl.PartitionBy(out, key="dt"), compression="zstd", mkdir=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
