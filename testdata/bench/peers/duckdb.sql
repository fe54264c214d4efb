-- What DuckDB is given to do: the dumps' events, for each session and each
-- technician who was in charge of it, into one row of its report. The numbers
-- are those of the report for sessions with one leg; compare.sql says which of
-- them are equal by definition. DuckDB is spared rejected lines, details that
-- were cleared, last action and wrap-up times, collaborators, handovers,
-- anomalies, row order and the audit.
--
-- It is the fastest of ten variants. Reading the lines once for each of their
-- uses, with only the columns that are used there, takes less time and half
-- the memory of keeping them in a temporary table. Where events repeat they
-- have to be kept; then it is the fastest to look for ids that occur twice, and
-- to choose among the copies of those alone.
COPY (
WITH
lines AS {{if .Repeated}}MATERIALIZED{{else}}NOT MATERIALIZED{{end}} (
    SELECT * FROM read_json({{.Files}}, format = 'newline_delimited', maximum_object_size = 2097152, columns = {
        event_id: 'VARCHAR', ts: 'TIMESTAMPTZ', session_id: 'BIGINT', seq: 'BIGINT', type: 'VARCHAR',
        session_type: 'VARCHAR', calling_card: 'VARCHAR', channel: 'STRUCT(id BIGINT, name VARCHAR)',
        technician: 'STRUCT(id BIGINT, name VARCHAR, email VARCHAR, "group" VARCHAR)', technician_id: 'BIGINT',
        status: 'VARCHAR', transferred_to: 'STRUCT(kind VARCHAR, id BIGINT, name VARCHAR)',
        state: 'VARCHAR', sender: 'VARCHAR', tool: 'VARCHAR', resolution: 'VARCHAR', "by": 'VARCHAR',
        name: 'VARCHAR', tracking_id: 'VARCHAR', customer_ip: 'VARCHAR', device_id: 'VARCHAR',
        platform: 'VARCHAR', browser_type: 'VARCHAR', custom_fields: 'VARCHAR[]'})
),
{{- if .Repeated}}
repeated AS MATERIALIZED (
    SELECT session_id, event_id FROM lines GROUP BY ALL HAVING count(*) > 1
),
{{- end}}
events AS NOT MATERIALIZED (
    SELECT *, epoch_ms(ts) AS ms,
        -- orders the events of a session, but for those with equal times and numbers
        epoch_us(ts) * 512 + least(coalesce(seq, 0), 511) AS place
    FROM {{if .Repeated}}(
        SELECT * FROM lines ANTI JOIN repeated USING (session_id, event_id)
        UNION ALL
        SELECT * FROM lines SEMI JOIN repeated USING (session_id, event_id)
        QUALIFY row_number() OVER (PARTITION BY session_id, event_id ORDER BY ts, coalesce(seq, 0)) = 1
    ){{else}}lines{{end}}
),
sessions AS (
    SELECT session_id,
        any_value(session_type) AS session_type, any_value(calling_card) AS calling_card,
        any_value(channel.id) AS channel_id, any_value(channel.name) AS channel_name,
        arg_max(name, place) AS name, arg_max(tracking_id, place) AS tracking_id,
        arg_max(customer_ip, place) AS customer_ip, arg_max(device_id, place) AS device_id,
        arg_max(platform, place) AS platform, arg_max(browser_type, place) AS browser_type,
        arg_max(custom_fields[1], place) AS custom_field_1, arg_max(custom_fields[2], place) AS custom_field_2,
        arg_max(custom_fields[3], place) AS custom_field_3, arg_max(custom_fields[4], place) AS custom_field_4,
        arg_max(custom_fields[5], place) AS custom_field_5,
        min(ms) AS begun, max(ms) AS last,
        min(ms) FILTER (status = 'active') AS started,
        min(ms) FILTER (status = 'waiting') AS waited,
        min(ms) FILTER (status <> 'connecting') AS connected,
        min(ms) FILTER (type = 'queue_removed') AS removed,
        min(ms) FILTER (sender = 'technician') AS first_chat,
        count(*) FILTER (sender = 'customer') AS customer_messages,
        count(*) FILTER (sender = 'technician') AS technician_messages,
        count(*) FILTER (sender = 'system') AS system_messages
    FROM events GROUP BY session_id
),
tools AS (
    SELECT session_id, string_agg(tool, ',' ORDER BY first)[:128] AS tools_used
    FROM (SELECT session_id, tool, min(row(ts, coalesce(seq, 0), event_id)) AS first FROM events WHERE tool IS NOT NULL GROUP BY ALL)
    GROUP BY session_id
),
story AS (
    SELECT session_id, technician, status, transferred_to, ms,
        lead(ms) OVER so_far AS until,
        row_number() OVER so_far AS nr,
        last_value(technician.id IGNORE NULLS) OVER so_far AS in_charge,
        last_value(status IGNORE NULLS) OVER so_far AS status_now,
        lag(status IGNORE NULLS) OVER so_far AS status_before,
        -- a technician who starts has all four, and earlier signals do not count
        last_value(CASE WHEN status = 'active' OR state = 'link_up' THEN true WHEN state = 'link_down' THEN false END IGNORE NULLS) OVER so_far AS link,
        last_value(CASE WHEN starts THEN true WHEN state IN ('available', 'away') THEN state = 'available' END IGNORE NULLS) OVER so_far AS available,
        last_value(CASE WHEN starts THEN true WHEN state IN ('tab_selected', 'tab_deselected') THEN state = 'tab_selected' END IGNORE NULLS) OVER so_far AS tab,
        last_value(CASE WHEN starts THEN true WHEN state IN ('console_foreground', 'console_background') THEN state = 'console_foreground' END IGNORE NULLS) OVER so_far AS console
    FROM (
        SELECT *, status = 'active' AND place = min(CASE WHEN status = 'active' THEN place END) OVER (PARTITION BY session_id) AS starts
        FROM events WHERE type IN ('session_created', 'status_changed', 'presence')
    )
    WINDOW so_far AS (PARTITION BY session_id ORDER BY ts, coalesce(seq, 0), event_id)
),
spans AS (
    SELECT story.*, status_now IN ('closed_by_customer', 'closed_by_technician', 'closed_by_waiting_customer', 'timed_out',
            'timed_out_closed_by_technician', 'aborted', 'declined_by_customer') AS ending,
        status_before IN ('closed_by_customer', 'closed_by_technician', 'closed_by_waiting_customer', 'timed_out',
            'timed_out_closed_by_technician', 'aborted', 'declined_by_customer') AS ended,
        greatest(0, least(coalesce(until, last), coalesce(removed, last)) - greatest(ms, started)) AS span
    FROM story JOIN sessions USING (session_id)
),
parts AS (
    SELECT session_id, in_charge AS technician_id,
        any_value(technician.name) AS technician_name, any_value(technician.email) AS technician_email,
        any_value(technician."group") AS technician_group,
        arg_max(status_now, nr) AS status, arg_max(ending, nr) AS ending, arg_max(transferred_to.name, nr) AS transferred_to,
        min(ms) AS part_began,
        max(ms) FILTER (status IS NOT NULL AND ending AND NOT coalesce(ended, false)) AS closed,
        coalesce(sum(span) FILTER (status_now = 'active'), 0)::BIGINT AS active_time_ms,
        coalesce(sum(span) FILTER (status_now = 'active' AND link AND available AND tab AND console), 0)::BIGINT AS work_time_ms,
        coalesce(sum(span) FILTER (status_now = 'on_hold'), 0)::BIGINT AS hold_time_ms,
        coalesce(sum(span) FILTER (status_now = 'transferring'), 0)::BIGINT AS transfer_time_ms,
        coalesce(sum(span) FILTER (status_now = 'rebooting'), 0)::BIGINT AS rebooting_time_ms,
        coalesce(sum(span) FILTER (status_now = 'reconnecting'), 0)::BIGINT AS reconnecting_time_ms
    FROM spans GROUP BY ALL
),
timed AS (
    SELECT *, CASE WHEN ending THEN closed ELSE removed END AS ended
    FROM parts JOIN sessions USING (session_id) LEFT JOIN tools USING (session_id)
)
SELECT
    epoch_ms(started) AS start_time, epoch_ms(ended) AS end_time, epoch_ms(begun) AS begin_time, epoch_ms(part_began) AS part_began,
    technician_name, technician_id, technician_email, technician_group, session_id, session_type, status, name,
    custom_field_1, custom_field_2, custom_field_3, custom_field_4, custom_field_5,
    tracking_id, customer_ip, device_id, tools_used, channel_id, channel_name, calling_card,
    least(coalesce(connected, last), coalesce(removed, last)) - begun AS connecting_time_ms,
    CASE WHEN waited < started THEN started - waited WHEN started IS NULL AND waited IS NOT NULL
        THEN greatest(0, coalesce(ended, last) - waited) ELSE 0 END AS waiting_time_ms,
    active_time_ms + hold_time_ms + transfer_time_ms + rebooting_time_ms + reconnecting_time_ms AS total_time_ms,
    active_time_ms, work_time_ms, hold_time_ms, transfer_time_ms, rebooting_time_ms, reconnecting_time_ms,
    platform, browser_type, transferred_to, epoch_ms(first_chat) AS first_chat_message_sent,
    customer_messages, technician_messages, system_messages,
    epoch_ms(coalesce(started, begun))::DATE AS dt
FROM timed
) TO {{.Out}} (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (dt), OVERWRITE true)
