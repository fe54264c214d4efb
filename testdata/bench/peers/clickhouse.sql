-- The job of duckdb.sql for ClickHouse: the same rows. The lines are read once into
-- memory, since a CTE is computed again at each use. The statements are separated by
-- lines of dashes.
CREATE TABLE lines ENGINE = Memory AS
SELECT *, toUnixTimestamp64Milli(ts) AS ms, toUnixTimestamp64Micro(ts) * 512 + least(coalesce(seq, 0), 511) AS place
FROM file({files}, JSONEachRow, '
    event_id String, ts DateTime64(6, ''UTC''), session_id Int64, seq Nullable(Int64), type LowCardinality(String),
    session_type LowCardinality(Nullable(String)), calling_card LowCardinality(Nullable(String)),
    channel Tuple(id Nullable(Int64), name Nullable(String)),
    technician Tuple(id Nullable(Int64), name Nullable(String), email Nullable(String), `group` Nullable(String)),
    status LowCardinality(Nullable(String)), transferred_to Tuple(name Nullable(String)),
    state LowCardinality(Nullable(String)), sender LowCardinality(Nullable(String)), tool LowCardinality(Nullable(String)),
    name Nullable(String), tracking_id Nullable(String), customer_ip Nullable(String), device_id Nullable(String),
    platform LowCardinality(Nullable(String)), browser_type LowCardinality(Nullable(String)), custom_fields Array(Nullable(String))')
----
CREATE VIEW events AS {events}
----
CREATE TABLE sessions ENGINE = Memory AS
SELECT session_id,
    any(session_type) AS session_type, any(calling_card) AS calling_card,
    any(channel.id) AS channel_id, any(channel.name) AS channel_name,
    argMax(name, place) AS name, argMax(tracking_id, place) AS tracking_id,
    argMax(customer_ip, place) AS customer_ip, argMax(device_id, place) AS device_id,
    argMax(platform, place) AS platform, argMax(browser_type, place) AS browser_type,
    argMax(custom_fields[1], place) AS custom_field_1, argMax(custom_fields[2], place) AS custom_field_2,
    argMax(custom_fields[3], place) AS custom_field_3, argMax(custom_fields[4], place) AS custom_field_4,
    argMax(custom_fields[5], place) AS custom_field_5,
    min(ms) AS begun, max(ms) AS last,
    minOrNullIf(ms, status = 'active') AS started, minOrNullIf(place, status = 'active') AS starting_place,
    minOrNullIf(ms, status = 'waiting') AS waited,
    minOrNullIf(ms, status != 'connecting') AS connected,
    minOrNullIf(ms, type = 'queue_removed') AS removed,
    minOrNullIf(ms, sender = 'technician') AS first_chat,
    countIf(sender = 'customer')::Int64 AS customer_messages,
    countIf(sender = 'technician')::Int64 AS technician_messages,
    countIf(sender = 'system')::Int64 AS system_messages,
    left(arrayStringConcat(arrayDistinct(arrayMap(t -> t.4,
        arraySort(groupArrayIf((ts, coalesce(seq, 0), event_id, assumeNotNull(tool)), tool IS NOT NULL)))), ','), 128) AS tools
FROM events GROUP BY session_id
----
INSERT INTO FUNCTION file({out}, Parquet) PARTITION BY dt
WITH
story AS (
    SELECT e.session_id AS session_id, e.technician AS technician, e.status AS status, e.transferred_to AS transferred_to, e.ms AS ms,
        s.last AS last, s.removed AS removed, s.started AS started,
        coalesce(e.status = 'active' AND e.place = s.starting_place, false) AS starts,
        leadInFrame(toNullable(e.ms)) OVER (PARTITION BY e.session_id ORDER BY e.ts, coalesce(e.seq, 0), e.event_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS until,
        row_number() OVER so_far AS nr,
        last_value(e.technician.id) OVER so_far AS in_charge,
        last_value(e.status) OVER so_far AS status_now,
        last_value(e.status) OVER (PARTITION BY e.session_id ORDER BY e.ts, coalesce(e.seq, 0), e.event_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS status_before,
        -- a technician who starts has all four, and earlier signals do not count
        last_value(multiIf(e.status = 'active' OR e.state = 'link_up', true, e.state = 'link_down', false, NULL)) OVER so_far AS link,
        last_value(multiIf(starts, true, e.state IN ('available', 'away'), e.state = 'available', NULL)) OVER so_far AS available,
        last_value(multiIf(starts, true, e.state IN ('tab_selected', 'tab_deselected'), e.state = 'tab_selected', NULL)) OVER so_far AS tab,
        last_value(multiIf(starts, true, e.state IN ('console_foreground', 'console_background'), e.state = 'console_foreground', NULL)) OVER so_far AS console
    FROM events AS e JOIN sessions AS s ON e.session_id = s.session_id
    WHERE e.type IN ('session_created', 'status_changed', 'presence')
    WINDOW so_far AS (PARTITION BY e.session_id ORDER BY e.ts, coalesce(e.seq, 0), e.event_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
spans AS (
    SELECT *, status_now IN ('closed_by_customer', 'closed_by_technician', 'closed_by_waiting_customer', 'timed_out',
            'timed_out_closed_by_technician', 'aborted', 'declined_by_customer') AS ending,
        status_before IN ('closed_by_customer', 'closed_by_technician', 'closed_by_waiting_customer', 'timed_out',
            'timed_out_closed_by_technician', 'aborted', 'declined_by_customer') AS ended_before,
        greatest(0, least(coalesce(until, last), coalesce(removed, last)) - greatest(ms, started)) AS span
    FROM story
),
parts AS (
    SELECT session_id, in_charge AS technician_id,
        any(technician.name) AS technician_name, any(technician.email) AS technician_email,
        any(technician.group) AS technician_group,
        argMax(status_now, nr) AS status, argMax(ending, nr) AS ending, argMax(transferred_to.name, nr) AS transferred_to,
        min(ms) AS part_began,
        maxOrNullIf(ms, spans.status IS NOT NULL AND spans.ending AND NOT coalesce(ended_before, false)) AS closed,
        coalesce(sumIf(span, status_now = 'active'), 0)::Int64 AS active_time_ms,
        coalesce(sumIf(span, status_now = 'active' AND link AND available AND tab AND console), 0)::Int64 AS work_time_ms,
        coalesce(sumIf(span, status_now = 'on_hold'), 0)::Int64 AS hold_time_ms,
        coalesce(sumIf(span, status_now = 'transferring'), 0)::Int64 AS transfer_time_ms,
        coalesce(sumIf(span, status_now = 'rebooting'), 0)::Int64 AS rebooting_time_ms,
        coalesce(sumIf(span, status_now = 'reconnecting'), 0)::Int64 AS reconnecting_time_ms
    FROM spans GROUP BY session_id, in_charge
),
timed AS (
    SELECT p.*, s.* EXCEPT (session_id), if(ending, closed, removed) AS ended
    FROM parts AS p JOIN sessions AS s ON p.session_id = s.session_id
)
SELECT
    fromUnixTimestamp64Milli(started, 'UTC') AS start_time, fromUnixTimestamp64Milli(ended, 'UTC') AS end_time,
    fromUnixTimestamp64Milli(begun, 'UTC') AS begin_time, fromUnixTimestamp64Milli(part_began, 'UTC') AS part_began,
    technician_name, technician_id, technician_email, technician_group, session_id, session_type, status, name,
    custom_field_1, custom_field_2, custom_field_3, custom_field_4, custom_field_5,
    tracking_id, customer_ip, device_id, nullIf(tools, '') AS tools_used, channel_id, channel_name, calling_card,
    least(coalesce(connected, last), coalesce(removed, last)) - begun AS connecting_time_ms,
    multiIf(waited < started, started - waited, started IS NULL AND waited IS NOT NULL,
        greatest(0, coalesce(ended, last) - waited), 0) AS waiting_time_ms,
    active_time_ms + hold_time_ms + transfer_time_ms + rebooting_time_ms + reconnecting_time_ms AS total_time_ms,
    active_time_ms, work_time_ms, hold_time_ms, transfer_time_ms, rebooting_time_ms, reconnecting_time_ms,
    platform, browser_type, transferred_to, fromUnixTimestamp64Milli(first_chat, 'UTC') AS first_chat_message_sent,
    customer_messages, technician_messages, system_messages,
    toDate(fromUnixTimestamp64Milli(coalesce(started, begun), 'UTC')) AS dt
FROM timed
