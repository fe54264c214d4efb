-- DuckDB: create the table of report order
CREATE TABLE IF NOT EXISTS "order" (
  "start_time" TIMESTAMPTZ,
  "end_time" TIMESTAMPTZ,
  "last_action_time" TIMESTAMPTZ,
  "technician_name" VARCHAR,
  "technician_id" BIGINT,
  "technician_email" VARCHAR,
  "session_id" BIGINT NOT NULL,
  "session_type" VARCHAR,
  "status" VARCHAR NOT NULL,
  "name" VARCHAR,
  "custom_field_1" VARCHAR,
  "custom_field_2" VARCHAR,
  "custom_field_3" VARCHAR,
  "custom_field_4" VARCHAR,
  "custom_field_5" VARCHAR,
  "tracking_id" VARCHAR,
  "customer_ip" VARCHAR,
  "device_id" VARCHAR,
  "tools_used" VARCHAR,
  "resolved_unresolved" VARCHAR,
  "channel_id" BIGINT,
  "channel_name" VARCHAR,
  "calling_card" VARCHAR,
  "connecting_time_ms" BIGINT NOT NULL,
  "waiting_time_ms" BIGINT NOT NULL,
  "total_time_ms" BIGINT NOT NULL,
  "active_time_ms" BIGINT NOT NULL,
  "work_time_ms" BIGINT NOT NULL,
  "hold_time_ms" BIGINT NOT NULL,
  "transfer_time_ms" BIGINT NOT NULL,
  "rebooting_time_ms" BIGINT NOT NULL,
  "reconnecting_time_ms" BIGINT NOT NULL,
  "platform" VARCHAR,
  "browser_type" VARCHAR,
  "technician_group" VARCHAR,
  "time_to_first_chat_ms" BIGINT,
  "wrap_up_time_ms" BIGINT,
  "transferred_to" VARCHAR,
  "first_chat_message_sent" TIMESTAMPTZ,
  "customer_messages" BIGINT NOT NULL,
  "technician_messages" BIGINT NOT NULL,
  "system_messages" BIGINT NOT NULL,
  "leg" BIGINT NOT NULL,
  "role" VARCHAR NOT NULL,
  "begin_time" TIMESTAMPTZ NOT NULL,
  "is_final" BOOLEAN NOT NULL,
  "other_time_ms" BIGINT NOT NULL,
  "anomalies" VARCHAR,
  "report_date" DATE NOT NULL,
  "customer_address" VARCHAR
);
ALTER TABLE "order" ADD COLUMN IF NOT EXISTS "customer_address" VARCHAR;
COMMENT ON TABLE "order" IS 'Session report order of daybook: one row for each part of a technician in a session. Schema version 2.';
COMMENT ON COLUMN "order"."start_time" IS 'When the session first was active with this technician. Null: never picked up.';
COMMENT ON COLUMN "order"."end_time" IS 'When the session was last closed or timed out, or the technician''s part was over.';
COMMENT ON COLUMN "order"."last_action_time" IS 'When the technician last stopped being in action.';
COMMENT ON COLUMN "order"."technician_name" IS 'As it was when the technician took the session.';
COMMENT ON COLUMN "order"."technician_id" IS 'Null: no technician took the session.';
COMMENT ON COLUMN "order"."technician_email" IS 'As it was when the technician took the session.';
COMMENT ON COLUMN "order"."session_id" IS 'With leg, the key of a row.';
COMMENT ON COLUMN "order"."session_type" IS 'The technology at the customer''s side.';
COMMENT ON COLUMN "order"."status" IS 'The status when the technician''s part was over, or the current status.';
COMMENT ON COLUMN "order"."name" IS 'The customer''s name as entered. Its heading is configurable.';
COMMENT ON COLUMN "order"."custom_field_1" IS 'The text entered in the custom field. Its heading is configurable.';
COMMENT ON COLUMN "order"."custom_field_2" IS 'The text entered in the custom field. Its heading is configurable.';
COMMENT ON COLUMN "order"."custom_field_3" IS 'The text entered in the custom field. Its heading is configurable.';
COMMENT ON COLUMN "order"."custom_field_4" IS 'The text entered in the custom field. Its heading is configurable.';
COMMENT ON COLUMN "order"."custom_field_5" IS 'The text entered in the custom field. Its heading is configurable.';
COMMENT ON COLUMN "order"."tracking_id" IS 'A key that the organisation chooses, for example of its CRM.';
COMMENT ON COLUMN "order"."customer_ip" IS 'Null if longer than the column: half an address is a wrong address.';
COMMENT ON COLUMN "order"."device_id" IS 'The customer''s device.';
COMMENT ON COLUMN "order"."tools_used" IS 'Distinct codes in order of first use, joined by commas.';
COMMENT ON COLUMN "order"."resolved_unresolved" IS 'Resolved or Unresolved: the technician''s last verdict. Null from 2009-05-01 on.';
COMMENT ON COLUMN "order"."channel_id" IS 'The channel of the session, or to which it was transferred.';
COMMENT ON COLUMN "order"."channel_name" IS 'The channel of the session, or to which it was transferred.';
COMMENT ON COLUMN "order"."calling_card" IS 'The Calling Card installer used.';
COMMENT ON COLUMN "order"."connecting_time_ms" IS 'From begin to the first status other than Connecting. Collaborators: 0.';
COMMENT ON COLUMN "order"."waiting_time_ms" IS 'From the first Waiting before the start to the start. Collaborators: 0.';
COMMENT ON COLUMN "order"."total_time_ms" IS 'Active, hold, transfer, rebooting and reconnecting time together.';
COMMENT ON COLUMN "order"."active_time_ms" IS 'Time in status Active between start and end.';
COMMENT ON COLUMN "order"."work_time_ms" IS 'Active time with the link up, the technician available, the session''s tab selected and the console in the foreground.';
COMMENT ON COLUMN "order"."hold_time_ms" IS 'Time in status On Hold between start and end.';
COMMENT ON COLUMN "order"."transfer_time_ms" IS 'Time in status Transferring between start and end.';
COMMENT ON COLUMN "order"."rebooting_time_ms" IS 'Time in status Rebooting between start and end.';
COMMENT ON COLUMN "order"."reconnecting_time_ms" IS 'Time in status Reconnecting between start and end.';
COMMENT ON COLUMN "order"."platform" IS 'The customer''s operating system.';
COMMENT ON COLUMN "order"."browser_type" IS 'Instant Chat only: the browser in which the customer started it.';
COMMENT ON COLUMN "order"."technician_group" IS 'The technician''s group at that time, as a path: A/B lies in A.';
COMMENT ON COLUMN "order"."time_to_first_chat_ms" IS 'From the first Waiting, or the begin, to the technician''s first message. Collaborators: null.';
COMMENT ON COLUMN "order"."wrap_up_time_ms" IS 'From the last customer or technician message to the end of the technician''s part.';
COMMENT ON COLUMN "order"."transferred_to" IS 'The technician or channel the session was transferred to.';
COMMENT ON COLUMN "order"."first_chat_message_sent" IS 'The technician''s first message.';
COMMENT ON COLUMN "order"."customer_messages" IS 'While the technician had a part in the session.';
COMMENT ON COLUMN "order"."technician_messages" IS 'Those of this row''s technician.';
COMMENT ON COLUMN "order"."system_messages" IS 'While the technician had a part in the session.';
COMMENT ON COLUMN "order"."leg" IS '0, 1, 2 … in order of opening. With session_id, the key of a row.';
COMMENT ON COLUMN "order"."role" IS 'lead or collaborator.';
COMMENT ON COLUMN "order"."begin_time" IS 'When the technician''s part opened.';
COMMENT ON COLUMN "order"."is_final" IS 'The technician''s part is over; false: the row may change.';
COMMENT ON COLUMN "order"."other_time_ms" IS 'Time between start and end in any other status.';
COMMENT ON COLUMN "order"."anomalies" IS 'The session''s anomalies: distinct codes in alphabetical order, joined by commas.';
COMMENT ON COLUMN "order"."report_date" IS 'The local date of the start, or of the begin, in the report''s time zone.';
COMMENT ON COLUMN "order"."customer_address" IS 'The customer''s address in full, IPv6 too. Null if longer than the column.';

-- DuckDB: load report order: 2026-11-20, 1234 rows
INSTALL httpfs; LOAD httpfs; INSTALL aws; LOAD aws;
CREATE OR REPLACE SECRET daybook (TYPE s3, PROVIDER credential_chain, REGION 'eu-west-1', SCOPE 's3://warehouse/daybook/');
BEGIN TRANSACTION;
DELETE FROM "order" WHERE "report_date" = DATE '2026-11-20';
INSERT INTO "order" BY NAME SELECT * FROM read_parquet([
  's3://warehouse/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet'
], union_by_name = true, hive_partitioning = false);
COMMIT;

-- DuckDB: load report order: 2026-11-20 and 2026-11-21, 1234 rows
INSTALL httpfs; LOAD httpfs; INSTALL aws; LOAD aws;
CREATE OR REPLACE SECRET daybook (TYPE s3, PROVIDER credential_chain, REGION 'eu-west-1', SCOPE 's3://warehouse/daybook/');
BEGIN TRANSACTION;
DELETE FROM "order" WHERE "report_date" BETWEEN DATE '2026-11-20' AND DATE '2026-11-21';
INSERT INTO "order" BY NAME SELECT * FROM read_parquet([
  's3://warehouse/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet',
  's3://warehouse/daybook/reports/order/dt=2026-11-21/part-0-r2-0123456789abcdef.parquet'
], union_by_name = true, hive_partitioning = false);
COMMIT;

-- DuckDB: load report order: everything from 2026-10 to 2026-11-01, 41200 rows
INSTALL httpfs; LOAD httpfs; INSTALL aws; LOAD aws;
CREATE OR REPLACE SECRET daybook (TYPE s3, PROVIDER credential_chain, REGION 'eu-west-1', SCOPE 's3://warehouse/daybook/');
BEGIN TRANSACTION;
DELETE FROM "order";
INSERT INTO "order" BY NAME SELECT * FROM read_parquet([
  's3://warehouse/daybook/reports_monthly/order/month=2026-10/part-0-r2-0123456789abcdef.parquet',
  's3://warehouse/daybook/reports/order/dt=2026-11-01/part-0-r2-0123456789abcdef.parquet'
], union_by_name = true, hive_partitioning = false);
COMMIT;

-- DuckDB: load report order: 2026-11-22, 0 rows
DELETE FROM "order" WHERE "report_date" = DATE '2026-11-22';

-- DuckDB: merge report order: 2026-11-20, 1234 rows
INSTALL httpfs; LOAD httpfs; INSTALL aws; LOAD aws;
CREATE OR REPLACE SECRET daybook (TYPE s3, PROVIDER credential_chain, REGION 'eu-west-1', SCOPE 's3://warehouse/daybook/');
MERGE INTO "order" AS t
USING (SELECT * FROM "order" WHERE false UNION ALL BY NAME SELECT * FROM read_parquet([
  's3://warehouse/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet'
], union_by_name = true, hive_partitioning = false)) AS s
ON t."report_date" = s."report_date" AND t."session_id" = s."session_id" AND t."leg" = s."leg"
WHEN MATCHED AND (t."start_time" IS DISTINCT FROM s."start_time"
  OR t."end_time" IS DISTINCT FROM s."end_time"
  OR t."last_action_time" IS DISTINCT FROM s."last_action_time"
  OR t."technician_name" IS DISTINCT FROM s."technician_name"
  OR t."technician_id" IS DISTINCT FROM s."technician_id"
  OR t."technician_email" IS DISTINCT FROM s."technician_email"
  OR t."session_type" IS DISTINCT FROM s."session_type"
  OR t."status" IS DISTINCT FROM s."status"
  OR t."name" IS DISTINCT FROM s."name"
  OR t."custom_field_1" IS DISTINCT FROM s."custom_field_1"
  OR t."custom_field_2" IS DISTINCT FROM s."custom_field_2"
  OR t."custom_field_3" IS DISTINCT FROM s."custom_field_3"
  OR t."custom_field_4" IS DISTINCT FROM s."custom_field_4"
  OR t."custom_field_5" IS DISTINCT FROM s."custom_field_5"
  OR t."tracking_id" IS DISTINCT FROM s."tracking_id"
  OR t."customer_ip" IS DISTINCT FROM s."customer_ip"
  OR t."device_id" IS DISTINCT FROM s."device_id"
  OR t."tools_used" IS DISTINCT FROM s."tools_used"
  OR t."resolved_unresolved" IS DISTINCT FROM s."resolved_unresolved"
  OR t."channel_id" IS DISTINCT FROM s."channel_id"
  OR t."channel_name" IS DISTINCT FROM s."channel_name"
  OR t."calling_card" IS DISTINCT FROM s."calling_card"
  OR t."connecting_time_ms" IS DISTINCT FROM s."connecting_time_ms"
  OR t."waiting_time_ms" IS DISTINCT FROM s."waiting_time_ms"
  OR t."total_time_ms" IS DISTINCT FROM s."total_time_ms"
  OR t."active_time_ms" IS DISTINCT FROM s."active_time_ms"
  OR t."work_time_ms" IS DISTINCT FROM s."work_time_ms"
  OR t."hold_time_ms" IS DISTINCT FROM s."hold_time_ms"
  OR t."transfer_time_ms" IS DISTINCT FROM s."transfer_time_ms"
  OR t."rebooting_time_ms" IS DISTINCT FROM s."rebooting_time_ms"
  OR t."reconnecting_time_ms" IS DISTINCT FROM s."reconnecting_time_ms"
  OR t."platform" IS DISTINCT FROM s."platform"
  OR t."browser_type" IS DISTINCT FROM s."browser_type"
  OR t."technician_group" IS DISTINCT FROM s."technician_group"
  OR t."time_to_first_chat_ms" IS DISTINCT FROM s."time_to_first_chat_ms"
  OR t."wrap_up_time_ms" IS DISTINCT FROM s."wrap_up_time_ms"
  OR t."transferred_to" IS DISTINCT FROM s."transferred_to"
  OR t."first_chat_message_sent" IS DISTINCT FROM s."first_chat_message_sent"
  OR t."customer_messages" IS DISTINCT FROM s."customer_messages"
  OR t."technician_messages" IS DISTINCT FROM s."technician_messages"
  OR t."system_messages" IS DISTINCT FROM s."system_messages"
  OR t."role" IS DISTINCT FROM s."role"
  OR t."begin_time" IS DISTINCT FROM s."begin_time"
  OR t."is_final" IS DISTINCT FROM s."is_final"
  OR t."other_time_ms" IS DISTINCT FROM s."other_time_ms"
  OR t."anomalies" IS DISTINCT FROM s."anomalies"
  OR t."customer_address" IS DISTINCT FROM s."customer_address")
THEN UPDATE SET "start_time" = s."start_time", "end_time" = s."end_time", "last_action_time" = s."last_action_time",
  "technician_name" = s."technician_name", "technician_id" = s."technician_id",
  "technician_email" = s."technician_email", "session_type" = s."session_type", "status" = s."status",
  "name" = s."name", "custom_field_1" = s."custom_field_1", "custom_field_2" = s."custom_field_2",
  "custom_field_3" = s."custom_field_3", "custom_field_4" = s."custom_field_4",
  "custom_field_5" = s."custom_field_5", "tracking_id" = s."tracking_id", "customer_ip" = s."customer_ip",
  "device_id" = s."device_id", "tools_used" = s."tools_used", "resolved_unresolved" = s."resolved_unresolved",
  "channel_id" = s."channel_id", "channel_name" = s."channel_name", "calling_card" = s."calling_card",
  "connecting_time_ms" = s."connecting_time_ms", "waiting_time_ms" = s."waiting_time_ms",
  "total_time_ms" = s."total_time_ms", "active_time_ms" = s."active_time_ms", "work_time_ms" = s."work_time_ms",
  "hold_time_ms" = s."hold_time_ms", "transfer_time_ms" = s."transfer_time_ms",
  "rebooting_time_ms" = s."rebooting_time_ms", "reconnecting_time_ms" = s."reconnecting_time_ms",
  "platform" = s."platform", "browser_type" = s."browser_type", "technician_group" = s."technician_group",
  "time_to_first_chat_ms" = s."time_to_first_chat_ms", "wrap_up_time_ms" = s."wrap_up_time_ms",
  "transferred_to" = s."transferred_to", "first_chat_message_sent" = s."first_chat_message_sent",
  "customer_messages" = s."customer_messages", "technician_messages" = s."technician_messages",
  "system_messages" = s."system_messages", "role" = s."role", "begin_time" = s."begin_time",
  "is_final" = s."is_final", "other_time_ms" = s."other_time_ms", "anomalies" = s."anomalies",
  "customer_address" = s."customer_address"
WHEN NOT MATCHED THEN INSERT ("start_time", "end_time", "last_action_time", "technician_name", "technician_id", "technician_email",
  "session_id", "session_type", "status", "name", "custom_field_1", "custom_field_2", "custom_field_3",
  "custom_field_4", "custom_field_5", "tracking_id", "customer_ip", "device_id", "tools_used",
  "resolved_unresolved", "channel_id", "channel_name", "calling_card", "connecting_time_ms", "waiting_time_ms",
  "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms",
  "reconnecting_time_ms", "platform", "browser_type", "technician_group", "time_to_first_chat_ms",
  "wrap_up_time_ms", "transferred_to", "first_chat_message_sent", "customer_messages", "technician_messages",
  "system_messages", "leg", "role", "begin_time", "is_final", "other_time_ms", "anomalies", "report_date",
  "customer_address")
VALUES (s."start_time", s."end_time", s."last_action_time", s."technician_name", s."technician_id",
  s."technician_email", s."session_id", s."session_type", s."status", s."name", s."custom_field_1",
  s."custom_field_2", s."custom_field_3", s."custom_field_4", s."custom_field_5", s."tracking_id",
  s."customer_ip", s."device_id", s."tools_used", s."resolved_unresolved", s."channel_id", s."channel_name",
  s."calling_card", s."connecting_time_ms", s."waiting_time_ms", s."total_time_ms", s."active_time_ms",
  s."work_time_ms", s."hold_time_ms", s."transfer_time_ms", s."rebooting_time_ms", s."reconnecting_time_ms",
  s."platform", s."browser_type", s."technician_group", s."time_to_first_chat_ms", s."wrap_up_time_ms",
  s."transferred_to", s."first_chat_message_sent", s."customer_messages", s."technician_messages",
  s."system_messages", s."leg", s."role", s."begin_time", s."is_final", s."other_time_ms", s."anomalies",
  s."report_date", s."customer_address")
WHEN NOT MATCHED BY SOURCE AND t."report_date" = DATE '2026-11-20' THEN DELETE;

-- DuckDB: show the files of report order
INSTALL httpfs; LOAD httpfs; INSTALL aws; LOAD aws;
CREATE OR REPLACE SECRET daybook (TYPE s3, PROVIDER credential_chain, REGION 'eu-west-1', SCOPE 's3://warehouse/daybook/');
CREATE OR REPLACE VIEW "order_current" AS
SELECT NULL::TIMESTAMPTZ AS "start_time", NULL::TIMESTAMPTZ AS "end_time", NULL::TIMESTAMPTZ AS "last_action_time", NULL::VARCHAR AS "technician_name", NULL::BIGINT AS "technician_id", NULL::VARCHAR AS "technician_email", NULL::BIGINT AS "session_id", NULL::VARCHAR AS "session_type", NULL::VARCHAR AS "status", NULL::VARCHAR AS "name", NULL::VARCHAR AS "custom_field_1", NULL::VARCHAR AS "custom_field_2", NULL::VARCHAR AS "custom_field_3", NULL::VARCHAR AS "custom_field_4", NULL::VARCHAR AS "custom_field_5", NULL::VARCHAR AS "tracking_id", NULL::VARCHAR AS "customer_ip", NULL::VARCHAR AS "device_id", NULL::VARCHAR AS "tools_used", NULL::VARCHAR AS "resolved_unresolved", NULL::BIGINT AS "channel_id", NULL::VARCHAR AS "channel_name", NULL::VARCHAR AS "calling_card", NULL::BIGINT AS "connecting_time_ms", NULL::BIGINT AS "waiting_time_ms", NULL::BIGINT AS "total_time_ms", NULL::BIGINT AS "active_time_ms", NULL::BIGINT AS "work_time_ms", NULL::BIGINT AS "hold_time_ms", NULL::BIGINT AS "transfer_time_ms", NULL::BIGINT AS "rebooting_time_ms", NULL::BIGINT AS "reconnecting_time_ms", NULL::VARCHAR AS "platform", NULL::VARCHAR AS "browser_type", NULL::VARCHAR AS "technician_group", NULL::BIGINT AS "time_to_first_chat_ms", NULL::BIGINT AS "wrap_up_time_ms", NULL::VARCHAR AS "transferred_to", NULL::TIMESTAMPTZ AS "first_chat_message_sent", NULL::BIGINT AS "customer_messages", NULL::BIGINT AS "technician_messages", NULL::BIGINT AS "system_messages", NULL::BIGINT AS "leg", NULL::VARCHAR AS "role", NULL::TIMESTAMPTZ AS "begin_time", NULL::BOOLEAN AS "is_final", NULL::BIGINT AS "other_time_ms", NULL::VARCHAR AS "anomalies", NULL::DATE AS "report_date", NULL::VARCHAR AS "customer_address" WHERE false
UNION ALL BY NAME
SELECT * EXCLUDE ("month") FROM read_parquet('s3://warehouse/daybook/reports_monthly/order/month=*/*.parquet', union_by_name = true,
  hive_partitioning = true, hive_types = {'month': VARCHAR})
WHERE "month" BETWEEN '2026-09' AND '2026-10'
UNION ALL BY NAME
SELECT * EXCLUDE ("dt") FROM read_parquet('s3://warehouse/daybook/reports/order/dt=*/*.parquet', union_by_name = true,
  hive_partitioning = true, hive_types = {'dt': DATE})
WHERE NOT ("dt" BETWEEN DATE '2026-09-01' AND DATE '2026-10-31');

-- DuckDB: show the files of report order
-- The view names the files of this moment: make it again after each change.
INSTALL httpfs; LOAD httpfs; INSTALL aws; LOAD aws;
CREATE OR REPLACE SECRET daybook (TYPE s3, PROVIDER credential_chain, REGION 'eu-west-1', SCOPE 's3://warehouse/daybook/');
CREATE OR REPLACE VIEW "order_current" AS
SELECT NULL::TIMESTAMPTZ AS "start_time", NULL::TIMESTAMPTZ AS "end_time", NULL::TIMESTAMPTZ AS "last_action_time", NULL::VARCHAR AS "technician_name", NULL::BIGINT AS "technician_id", NULL::VARCHAR AS "technician_email", NULL::BIGINT AS "session_id", NULL::VARCHAR AS "session_type", NULL::VARCHAR AS "status", NULL::VARCHAR AS "name", NULL::VARCHAR AS "custom_field_1", NULL::VARCHAR AS "custom_field_2", NULL::VARCHAR AS "custom_field_3", NULL::VARCHAR AS "custom_field_4", NULL::VARCHAR AS "custom_field_5", NULL::VARCHAR AS "tracking_id", NULL::VARCHAR AS "customer_ip", NULL::VARCHAR AS "device_id", NULL::VARCHAR AS "tools_used", NULL::VARCHAR AS "resolved_unresolved", NULL::BIGINT AS "channel_id", NULL::VARCHAR AS "channel_name", NULL::VARCHAR AS "calling_card", NULL::BIGINT AS "connecting_time_ms", NULL::BIGINT AS "waiting_time_ms", NULL::BIGINT AS "total_time_ms", NULL::BIGINT AS "active_time_ms", NULL::BIGINT AS "work_time_ms", NULL::BIGINT AS "hold_time_ms", NULL::BIGINT AS "transfer_time_ms", NULL::BIGINT AS "rebooting_time_ms", NULL::BIGINT AS "reconnecting_time_ms", NULL::VARCHAR AS "platform", NULL::VARCHAR AS "browser_type", NULL::VARCHAR AS "technician_group", NULL::BIGINT AS "time_to_first_chat_ms", NULL::BIGINT AS "wrap_up_time_ms", NULL::VARCHAR AS "transferred_to", NULL::TIMESTAMPTZ AS "first_chat_message_sent", NULL::BIGINT AS "customer_messages", NULL::BIGINT AS "technician_messages", NULL::BIGINT AS "system_messages", NULL::BIGINT AS "leg", NULL::VARCHAR AS "role", NULL::TIMESTAMPTZ AS "begin_time", NULL::BOOLEAN AS "is_final", NULL::BIGINT AS "other_time_ms", NULL::VARCHAR AS "anomalies", NULL::DATE AS "report_date", NULL::VARCHAR AS "customer_address" WHERE false
UNION ALL BY NAME
SELECT * FROM read_parquet([
  's3://warehouse/daybook/reports_monthly/order/month=2026-10/part-0-r2-0123456789abcdef.parquet',
  's3://warehouse/daybook/reports/order/dt=2026-11-01/part-0-r2-0123456789abcdef.parquet'
], union_by_name = true, hive_partitioning = false);

