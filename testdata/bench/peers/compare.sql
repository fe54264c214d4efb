-- Every value that daybook's rows and the peer's define equally, session by
-- session: how many were compared, and how many differ.
WITH
ours AS (
    SELECT session_id, min(epoch_ms(begin_time)) AS begin_time,
        min(epoch_ms(start_time)) FILTER (role = 'lead') AS start_time,
        min(epoch_ms(first_chat_message_sent)) AS first_chat_message_sent,
        sum(technician_messages)::BIGINT AS technician_messages,
        NOT coalesce(contains(any_value(anomalies), 'no_such_leg'), false) AS every_event_has_a_leg,
        count(*) = 1 AND count(anomalies) = 0 AS simple,
        -- the rest is taken of simple sessions, which have one row
        any_value(epoch_ms(end_time)) AS end_time, any_value(status) AS status,
        any_value(technician_id) AS technician_id, any_value(session_type) AS session_type,
        any_value(channel_id) AS channel_id, any_value(calling_card) AS calling_card, any_value(tools_used) AS tools_used,
        any_value(connecting_time_ms) AS connecting_time_ms, any_value(waiting_time_ms) AS waiting_time_ms,
        any_value(total_time_ms) AS total_time_ms, any_value(active_time_ms) AS active_time_ms,
        any_value(work_time_ms) AS work_time_ms, any_value(hold_time_ms) AS hold_time_ms,
        any_value(transfer_time_ms) AS transfer_time_ms, any_value(rebooting_time_ms) AS rebooting_time_ms,
        any_value(reconnecting_time_ms) AS reconnecting_time_ms,
        any_value(customer_messages) AS customer_messages, any_value(system_messages) AS system_messages
    FROM read_parquet({{.Ours}}, hive_partitioning = false) GROUP BY session_id
),
-- A session has a row more where it began before anybody was in charge of it.
theirs AS (
    SELECT session_id, min(epoch_ms(begin_time)) AS begin_time, min(epoch_ms(start_time)) AS start_time,
        min(epoch_ms(first_chat_message_sent)) AS first_chat_message_sent, min(technician_messages) AS technician_messages,
        arg_max(coalesce(epoch_ms(end_time), -1), part_began) AS end_time,
        arg_max(coalesce(status, 'connecting'), part_began) AS status,
        max(technician_id) AS technician_id, any_value(session_type) AS session_type,
        any_value(channel_id) AS channel_id, any_value(calling_card) AS calling_card, any_value(tools_used) AS tools_used,
        min(connecting_time_ms) AS connecting_time_ms, arg_max(waiting_time_ms, part_began) AS waiting_time_ms,
        sum(total_time_ms)::BIGINT AS total_time_ms, sum(active_time_ms)::BIGINT AS active_time_ms,
        sum(work_time_ms)::BIGINT AS work_time_ms, sum(hold_time_ms)::BIGINT AS hold_time_ms,
        sum(transfer_time_ms)::BIGINT AS transfer_time_ms, sum(rebooting_time_ms)::BIGINT AS rebooting_time_ms,
        sum(reconnecting_time_ms)::BIGINT AS reconnecting_time_ms,
        min(customer_messages) AS customer_messages, min(system_messages) AS system_messages
    FROM read_parquet({{.Theirs}}, hive_partitioning = false) GROUP BY session_id
),
words(code, word) AS (VALUES
    ('mobile_applet', 'Mobile Applet'), ('calling_card', 'Calling Card'), ('instant_chat', 'Instant Chat'),
    ('unattended', 'Unattended'), ('connect_on_lan', 'Connect On LAN'), ('applet', 'Applet'),
    ('connecting', 'Connecting'), ('waiting', 'Waiting'), ('active', 'Active'),
    ('closed_by_customer', 'Closed by customer'), ('closed_by_technician', 'Closed by technician'),
    ('transferring', 'Transferring'), ('closed_by_waiting_customer', 'Closed by waiting customer'),
    ('timed_out', 'Timed out'), ('aborted', 'Aborted: technician was deleted or disabled'),
    ('rebooting', 'Rebooting'), ('reconnecting', 'Reconnecting'), ('on_hold', 'On Hold'),
    ('timed_out_closed_by_technician', 'Timed out: closed by technician'), ('offline', 'Offline'),
    ('disconnected', 'Disconnected'), ('rebooted', 'Rebooted'), ('declined_by_customer', 'Declined by customer')
),
pairs AS (
    SELECT ours, theirs FROM ours FULL JOIN theirs ON ours.session_id = theirs.session_id
)
SELECT 'session' AS what, count(*) AS compared, count(*) FILTER (ours.session_id IS NULL OR theirs.session_id IS NULL) AS different FROM pairs
{{- range .OfEverySession}}
UNION ALL SELECT '{{.}}', count(*), count(*) FILTER (ours.{{.}} IS DISTINCT FROM theirs.{{.}}) FROM pairs
{{- end}}
{{- range .WhereEveryEventHasALeg}}
UNION ALL SELECT '{{.}}', count(*), count(*) FILTER (ours.{{.}} IS DISTINCT FROM theirs.{{.}}) FROM pairs WHERE ours.every_event_has_a_leg
{{- end}}
{{- range .OfOneLeg}}
UNION ALL SELECT '{{.}}', count(*), count(*) FILTER (ours.{{.}} IS DISTINCT FROM theirs.{{.}}) FROM pairs WHERE ours.simple
{{- end}}
UNION ALL SELECT 'end_time', count(*), count(*) FILTER (coalesce(ours.end_time, -1) IS DISTINCT FROM theirs.end_time) FROM pairs WHERE ours.simple
{{- range .Words}}
UNION ALL SELECT '{{.}}', count(*), count(*) FILTER (ours.{{.}} IS DISTINCT FROM (SELECT word FROM words WHERE code = theirs.{{.}})) FROM pairs WHERE ours.simple
{{- end}}
