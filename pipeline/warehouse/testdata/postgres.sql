-- PostgreSQL: create the table of report order
CREATE TABLE IF NOT EXISTS "order" (
  "start_time" timestamptz,
  "end_time" timestamptz,
  "last_action_time" timestamptz,
  "technician_name" varchar(128),
  "technician_id" bigint,
  "technician_email" varchar(128),
  "session_id" bigint NOT NULL,
  "session_type" varchar(100),
  "status" varchar(64) NOT NULL,
  "name" varchar(128),
  "custom_field_1" varchar(64),
  "custom_field_2" varchar(64),
  "custom_field_3" varchar(64),
  "custom_field_4" varchar(64),
  "custom_field_5" varchar(64),
  "tracking_id" varchar(256),
  "customer_ip" varchar(15),
  "device_id" varchar(128),
  "tools_used" varchar(128),
  "resolved_unresolved" text,
  "channel_id" bigint,
  "channel_name" varchar(64),
  "calling_card" varchar(64),
  "connecting_time_ms" bigint NOT NULL,
  "waiting_time_ms" bigint NOT NULL,
  "total_time_ms" bigint NOT NULL,
  "active_time_ms" bigint NOT NULL,
  "work_time_ms" bigint NOT NULL,
  "hold_time_ms" bigint NOT NULL,
  "transfer_time_ms" bigint NOT NULL,
  "rebooting_time_ms" bigint NOT NULL,
  "reconnecting_time_ms" bigint NOT NULL,
  "platform" varchar(20),
  "browser_type" text,
  "technician_group" varchar(128),
  "time_to_first_chat_ms" bigint,
  "wrap_up_time_ms" bigint,
  "transferred_to" varchar(128),
  "first_chat_message_sent" timestamptz,
  "customer_messages" bigint NOT NULL,
  "technician_messages" bigint NOT NULL,
  "system_messages" bigint NOT NULL,
  "leg" bigint NOT NULL,
  "role" text NOT NULL,
  "begin_time" timestamptz NOT NULL,
  "is_final" boolean NOT NULL,
  "other_time_ms" bigint NOT NULL,
  "anomalies" text,
  "report_date" date NOT NULL,
  "customer_address" varchar(45),
  PRIMARY KEY ("report_date", "session_id", "leg")
) PARTITION BY RANGE ("report_date");
ALTER TABLE "order" ADD COLUMN IF NOT EXISTS "customer_address" varchar(45);
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

-- PostgreSQL: load report order: 2026-11-20, 1234 rows
\set ON_ERROR_STOP on
BEGIN;
CREATE TABLE IF NOT EXISTS "_order_2026_11" PARTITION OF "order" FOR VALUES FROM ('2026-11-01') TO ('2026-12-01');
CREATE TEMPORARY TABLE "_order_stage" (LIKE "order") ON COMMIT DROP;
\copy "_order_stage" ("start_time", "end_time", "last_action_time", "technician_name", "technician_id", "technician_email", "session_id", "session_type", "status", "name", "custom_field_1", "custom_field_2", "custom_field_3", "custom_field_4", "custom_field_5", "tracking_id", "customer_ip", "device_id", "tools_used", "resolved_unresolved", "channel_id", "channel_name", "calling_card", "connecting_time_ms", "waiting_time_ms", "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms", "reconnecting_time_ms", "platform", "browser_type", "technician_group", "time_to_first_chat_ms", "wrap_up_time_ms", "transferred_to", "first_chat_message_sent", "customer_messages", "technician_messages", "system_messages", "leg", "role", "begin_time", "is_final", "other_time_ms", "anomalies", "report_date", "customer_address") FROM PROGRAM 'duckdb -bail -cmd ''.output /dev/null'' -c ''INSTALL httpfs; LOAD httpfs; INSTALL aws; LOAD aws; CREATE OR REPLACE SECRET daybook (TYPE s3, PROVIDER credential_chain, REGION ''\''''eu-west-1''\'''', SCOPE ''\''''s3://warehouse/daybook/''\''''); CREATE TEMP MACRO e(s) AS replace(replace(replace(replace(s, ''\''''\''\'''', ''\''''\\''\''''), chr(10), ''\''''\n''\''''), chr(13), ''\''''\r''\''''), chr(9), ''\''''\t''\''''); CREATE TEMP TABLE t ("start_time" TIMESTAMPTZ, "end_time" TIMESTAMPTZ, "last_action_time" TIMESTAMPTZ, "technician_name" VARCHAR, "technician_id" BIGINT, "technician_email" VARCHAR, "session_id" BIGINT, "session_type" VARCHAR, "status" VARCHAR, "name" VARCHAR, "custom_field_1" VARCHAR, "custom_field_2" VARCHAR, "custom_field_3" VARCHAR, "custom_field_4" VARCHAR, "custom_field_5" VARCHAR, "tracking_id" VARCHAR, "customer_ip" VARCHAR, "device_id" VARCHAR, "tools_used" VARCHAR, "resolved_unresolved" VARCHAR, "channel_id" BIGINT, "channel_name" VARCHAR, "calling_card" VARCHAR, "connecting_time_ms" BIGINT, "waiting_time_ms" BIGINT, "total_time_ms" BIGINT, "active_time_ms" BIGINT, "work_time_ms" BIGINT, "hold_time_ms" BIGINT, "transfer_time_ms" BIGINT, "rebooting_time_ms" BIGINT, "reconnecting_time_ms" BIGINT, "platform" VARCHAR, "browser_type" VARCHAR, "technician_group" VARCHAR, "time_to_first_chat_ms" BIGINT, "wrap_up_time_ms" BIGINT, "transferred_to" VARCHAR, "first_chat_message_sent" TIMESTAMPTZ, "customer_messages" BIGINT, "technician_messages" BIGINT, "system_messages" BIGINT, "leg" BIGINT, "role" VARCHAR, "begin_time" TIMESTAMPTZ, "is_final" BOOLEAN, "other_time_ms" BIGINT, "anomalies" VARCHAR, "report_date" DATE, "customer_address" VARCHAR); SET TimeZone = ''\''''UTC''\''''; COPY (SELECT "start_time", "end_time", "last_action_time", e("technician_name"), "technician_id", e("technician_email"), "session_id", e("session_type"), e("status"), e("name"), e("custom_field_1"), e("custom_field_2"), e("custom_field_3"), e("custom_field_4"), e("custom_field_5"), e("tracking_id"), e("customer_ip"), e("device_id"), e("tools_used"), e("resolved_unresolved"), "channel_id", e("channel_name"), e("calling_card"), "connecting_time_ms", "waiting_time_ms", "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms", "reconnecting_time_ms", e("platform"), e("browser_type"), e("technician_group"), "time_to_first_chat_ms", "wrap_up_time_ms", e("transferred_to"), "first_chat_message_sent", "customer_messages", "technician_messages", "system_messages", "leg", e("role"), "begin_time", "is_final", "other_time_ms", e("anomalies"), "report_date", e("customer_address") FROM (FROM t UNION ALL BY NAME FROM read_parquet([''\''''s3://warehouse/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet''\''''], union_by_name = true, hive_partitioning = false))) TO ''\''''/dev/stdout''\'''' (FORMAT csv, DELIMITER ''\''''\t''\'''', QUOTE ''\''''''\'''', ESCAPE ''\''''''\'''', HEADER false, NULLSTR ''\''''\N''\'''')'''
DO 'BEGIN IF (SELECT count(*) FROM "_order_stage") <> 1234 THEN RAISE EXCEPTION ''the files have other rows than the 1234 published''; END IF; END;';
DELETE FROM "order" WHERE "report_date" = DATE '2026-11-20';
INSERT INTO "order" ("start_time", "end_time", "last_action_time", "technician_name", "technician_id", "technician_email",
  "session_id", "session_type", "status", "name", "custom_field_1", "custom_field_2", "custom_field_3",
  "custom_field_4", "custom_field_5", "tracking_id", "customer_ip", "device_id", "tools_used",
  "resolved_unresolved", "channel_id", "channel_name", "calling_card", "connecting_time_ms", "waiting_time_ms",
  "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms",
  "reconnecting_time_ms", "platform", "browser_type", "technician_group", "time_to_first_chat_ms",
  "wrap_up_time_ms", "transferred_to", "first_chat_message_sent", "customer_messages", "technician_messages",
  "system_messages", "leg", "role", "begin_time", "is_final", "other_time_ms", "anomalies", "report_date",
  "customer_address")
SELECT "start_time", "end_time", "last_action_time", "technician_name", "technician_id", "technician_email",
  "session_id", "session_type", "status", "name", "custom_field_1", "custom_field_2", "custom_field_3",
  "custom_field_4", "custom_field_5", "tracking_id", "customer_ip", "device_id", "tools_used",
  "resolved_unresolved", "channel_id", "channel_name", "calling_card", "connecting_time_ms", "waiting_time_ms",
  "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms",
  "reconnecting_time_ms", "platform", "browser_type", "technician_group", "time_to_first_chat_ms",
  "wrap_up_time_ms", "transferred_to", "first_chat_message_sent", "customer_messages", "technician_messages",
  "system_messages", "leg", "role", "begin_time", "is_final", "other_time_ms", "anomalies", "report_date",
  "customer_address" FROM "_order_stage";
COMMIT;

-- PostgreSQL: load report order: 2026-11-20 and 2026-11-21, 1234 rows
\set ON_ERROR_STOP on
BEGIN;
CREATE TABLE IF NOT EXISTS "_order_2026_11" PARTITION OF "order" FOR VALUES FROM ('2026-11-01') TO ('2026-12-01');
CREATE TEMPORARY TABLE "_order_stage" (LIKE "order") ON COMMIT DROP;
\copy "_order_stage" ("start_time", "end_time", "last_action_time", "technician_name", "technician_id", "technician_email", "session_id", "session_type", "status", "name", "custom_field_1", "custom_field_2", "custom_field_3", "custom_field_4", "custom_field_5", "tracking_id", "customer_ip", "device_id", "tools_used", "resolved_unresolved", "channel_id", "channel_name", "calling_card", "connecting_time_ms", "waiting_time_ms", "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms", "reconnecting_time_ms", "platform", "browser_type", "technician_group", "time_to_first_chat_ms", "wrap_up_time_ms", "transferred_to", "first_chat_message_sent", "customer_messages", "technician_messages", "system_messages", "leg", "role", "begin_time", "is_final", "other_time_ms", "anomalies", "report_date", "customer_address") FROM PROGRAM 'duckdb -bail -cmd ''.output /dev/null'' -c ''INSTALL httpfs; LOAD httpfs; INSTALL aws; LOAD aws; CREATE OR REPLACE SECRET daybook (TYPE s3, PROVIDER credential_chain, REGION ''\''''eu-west-1''\'''', SCOPE ''\''''s3://warehouse/daybook/''\''''); CREATE TEMP MACRO e(s) AS replace(replace(replace(replace(s, ''\''''\''\'''', ''\''''\\''\''''), chr(10), ''\''''\n''\''''), chr(13), ''\''''\r''\''''), chr(9), ''\''''\t''\''''); CREATE TEMP TABLE t ("start_time" TIMESTAMPTZ, "end_time" TIMESTAMPTZ, "last_action_time" TIMESTAMPTZ, "technician_name" VARCHAR, "technician_id" BIGINT, "technician_email" VARCHAR, "session_id" BIGINT, "session_type" VARCHAR, "status" VARCHAR, "name" VARCHAR, "custom_field_1" VARCHAR, "custom_field_2" VARCHAR, "custom_field_3" VARCHAR, "custom_field_4" VARCHAR, "custom_field_5" VARCHAR, "tracking_id" VARCHAR, "customer_ip" VARCHAR, "device_id" VARCHAR, "tools_used" VARCHAR, "resolved_unresolved" VARCHAR, "channel_id" BIGINT, "channel_name" VARCHAR, "calling_card" VARCHAR, "connecting_time_ms" BIGINT, "waiting_time_ms" BIGINT, "total_time_ms" BIGINT, "active_time_ms" BIGINT, "work_time_ms" BIGINT, "hold_time_ms" BIGINT, "transfer_time_ms" BIGINT, "rebooting_time_ms" BIGINT, "reconnecting_time_ms" BIGINT, "platform" VARCHAR, "browser_type" VARCHAR, "technician_group" VARCHAR, "time_to_first_chat_ms" BIGINT, "wrap_up_time_ms" BIGINT, "transferred_to" VARCHAR, "first_chat_message_sent" TIMESTAMPTZ, "customer_messages" BIGINT, "technician_messages" BIGINT, "system_messages" BIGINT, "leg" BIGINT, "role" VARCHAR, "begin_time" TIMESTAMPTZ, "is_final" BOOLEAN, "other_time_ms" BIGINT, "anomalies" VARCHAR, "report_date" DATE, "customer_address" VARCHAR); SET TimeZone = ''\''''UTC''\''''; COPY (SELECT "start_time", "end_time", "last_action_time", e("technician_name"), "technician_id", e("technician_email"), "session_id", e("session_type"), e("status"), e("name"), e("custom_field_1"), e("custom_field_2"), e("custom_field_3"), e("custom_field_4"), e("custom_field_5"), e("tracking_id"), e("customer_ip"), e("device_id"), e("tools_used"), e("resolved_unresolved"), "channel_id", e("channel_name"), e("calling_card"), "connecting_time_ms", "waiting_time_ms", "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms", "reconnecting_time_ms", e("platform"), e("browser_type"), e("technician_group"), "time_to_first_chat_ms", "wrap_up_time_ms", e("transferred_to"), "first_chat_message_sent", "customer_messages", "technician_messages", "system_messages", "leg", e("role"), "begin_time", "is_final", "other_time_ms", e("anomalies"), "report_date", e("customer_address") FROM (FROM t UNION ALL BY NAME FROM read_parquet([''\''''s3://warehouse/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet''\'''', ''\''''s3://warehouse/daybook/reports/order/dt=2026-11-21/part-0-r2-0123456789abcdef.parquet''\''''], union_by_name = true, hive_partitioning = false))) TO ''\''''/dev/stdout''\'''' (FORMAT csv, DELIMITER ''\''''\t''\'''', QUOTE ''\''''''\'''', ESCAPE ''\''''''\'''', HEADER false, NULLSTR ''\''''\N''\'''')'''
DO 'BEGIN IF (SELECT count(*) FROM "_order_stage") <> 1234 THEN RAISE EXCEPTION ''the files have other rows than the 1234 published''; END IF; END;';
DELETE FROM "order" WHERE "report_date" BETWEEN DATE '2026-11-20' AND DATE '2026-11-21';
INSERT INTO "order" ("start_time", "end_time", "last_action_time", "technician_name", "technician_id", "technician_email",
  "session_id", "session_type", "status", "name", "custom_field_1", "custom_field_2", "custom_field_3",
  "custom_field_4", "custom_field_5", "tracking_id", "customer_ip", "device_id", "tools_used",
  "resolved_unresolved", "channel_id", "channel_name", "calling_card", "connecting_time_ms", "waiting_time_ms",
  "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms",
  "reconnecting_time_ms", "platform", "browser_type", "technician_group", "time_to_first_chat_ms",
  "wrap_up_time_ms", "transferred_to", "first_chat_message_sent", "customer_messages", "technician_messages",
  "system_messages", "leg", "role", "begin_time", "is_final", "other_time_ms", "anomalies", "report_date",
  "customer_address")
SELECT "start_time", "end_time", "last_action_time", "technician_name", "technician_id", "technician_email",
  "session_id", "session_type", "status", "name", "custom_field_1", "custom_field_2", "custom_field_3",
  "custom_field_4", "custom_field_5", "tracking_id", "customer_ip", "device_id", "tools_used",
  "resolved_unresolved", "channel_id", "channel_name", "calling_card", "connecting_time_ms", "waiting_time_ms",
  "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms",
  "reconnecting_time_ms", "platform", "browser_type", "technician_group", "time_to_first_chat_ms",
  "wrap_up_time_ms", "transferred_to", "first_chat_message_sent", "customer_messages", "technician_messages",
  "system_messages", "leg", "role", "begin_time", "is_final", "other_time_ms", "anomalies", "report_date",
  "customer_address" FROM "_order_stage";
COMMIT;

-- PostgreSQL: load report order: everything from 2026-10 to 2026-11-01, 41200 rows
\set ON_ERROR_STOP on
BEGIN;
CREATE TABLE IF NOT EXISTS "_order_2026_10" PARTITION OF "order" FOR VALUES FROM ('2026-10-01') TO ('2026-11-01');
CREATE TABLE IF NOT EXISTS "_order_2026_11" PARTITION OF "order" FOR VALUES FROM ('2026-11-01') TO ('2026-12-01');
CREATE TEMPORARY TABLE "_order_stage" (LIKE "order") ON COMMIT DROP;
\copy "_order_stage" ("start_time", "end_time", "last_action_time", "technician_name", "technician_id", "technician_email", "session_id", "session_type", "status", "name", "custom_field_1", "custom_field_2", "custom_field_3", "custom_field_4", "custom_field_5", "tracking_id", "customer_ip", "device_id", "tools_used", "resolved_unresolved", "channel_id", "channel_name", "calling_card", "connecting_time_ms", "waiting_time_ms", "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms", "reconnecting_time_ms", "platform", "browser_type", "technician_group", "time_to_first_chat_ms", "wrap_up_time_ms", "transferred_to", "first_chat_message_sent", "customer_messages", "technician_messages", "system_messages", "leg", "role", "begin_time", "is_final", "other_time_ms", "anomalies", "report_date", "customer_address") FROM PROGRAM 'duckdb -bail -cmd ''.output /dev/null'' -c ''INSTALL httpfs; LOAD httpfs; INSTALL aws; LOAD aws; CREATE OR REPLACE SECRET daybook (TYPE s3, PROVIDER credential_chain, REGION ''\''''eu-west-1''\'''', SCOPE ''\''''s3://warehouse/daybook/''\''''); CREATE TEMP MACRO e(s) AS replace(replace(replace(replace(s, ''\''''\''\'''', ''\''''\\''\''''), chr(10), ''\''''\n''\''''), chr(13), ''\''''\r''\''''), chr(9), ''\''''\t''\''''); CREATE TEMP TABLE t ("start_time" TIMESTAMPTZ, "end_time" TIMESTAMPTZ, "last_action_time" TIMESTAMPTZ, "technician_name" VARCHAR, "technician_id" BIGINT, "technician_email" VARCHAR, "session_id" BIGINT, "session_type" VARCHAR, "status" VARCHAR, "name" VARCHAR, "custom_field_1" VARCHAR, "custom_field_2" VARCHAR, "custom_field_3" VARCHAR, "custom_field_4" VARCHAR, "custom_field_5" VARCHAR, "tracking_id" VARCHAR, "customer_ip" VARCHAR, "device_id" VARCHAR, "tools_used" VARCHAR, "resolved_unresolved" VARCHAR, "channel_id" BIGINT, "channel_name" VARCHAR, "calling_card" VARCHAR, "connecting_time_ms" BIGINT, "waiting_time_ms" BIGINT, "total_time_ms" BIGINT, "active_time_ms" BIGINT, "work_time_ms" BIGINT, "hold_time_ms" BIGINT, "transfer_time_ms" BIGINT, "rebooting_time_ms" BIGINT, "reconnecting_time_ms" BIGINT, "platform" VARCHAR, "browser_type" VARCHAR, "technician_group" VARCHAR, "time_to_first_chat_ms" BIGINT, "wrap_up_time_ms" BIGINT, "transferred_to" VARCHAR, "first_chat_message_sent" TIMESTAMPTZ, "customer_messages" BIGINT, "technician_messages" BIGINT, "system_messages" BIGINT, "leg" BIGINT, "role" VARCHAR, "begin_time" TIMESTAMPTZ, "is_final" BOOLEAN, "other_time_ms" BIGINT, "anomalies" VARCHAR, "report_date" DATE, "customer_address" VARCHAR); SET TimeZone = ''\''''UTC''\''''; COPY (SELECT "start_time", "end_time", "last_action_time", e("technician_name"), "technician_id", e("technician_email"), "session_id", e("session_type"), e("status"), e("name"), e("custom_field_1"), e("custom_field_2"), e("custom_field_3"), e("custom_field_4"), e("custom_field_5"), e("tracking_id"), e("customer_ip"), e("device_id"), e("tools_used"), e("resolved_unresolved"), "channel_id", e("channel_name"), e("calling_card"), "connecting_time_ms", "waiting_time_ms", "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms", "reconnecting_time_ms", e("platform"), e("browser_type"), e("technician_group"), "time_to_first_chat_ms", "wrap_up_time_ms", e("transferred_to"), "first_chat_message_sent", "customer_messages", "technician_messages", "system_messages", "leg", e("role"), "begin_time", "is_final", "other_time_ms", e("anomalies"), "report_date", e("customer_address") FROM (FROM t UNION ALL BY NAME FROM read_parquet([''\''''s3://warehouse/daybook/reports_monthly/order/month=2026-10/part-0-r2-0123456789abcdef.parquet''\'''', ''\''''s3://warehouse/daybook/reports/order/dt=2026-11-01/part-0-r2-0123456789abcdef.parquet''\''''], union_by_name = true, hive_partitioning = false))) TO ''\''''/dev/stdout''\'''' (FORMAT csv, DELIMITER ''\''''\t''\'''', QUOTE ''\''''''\'''', ESCAPE ''\''''''\'''', HEADER false, NULLSTR ''\''''\N''\'''')'''
DO 'BEGIN IF (SELECT count(*) FROM "_order_stage") <> 41200 THEN RAISE EXCEPTION ''the files have other rows than the 41200 published''; END IF; END;';
DELETE FROM "order";
INSERT INTO "order" ("start_time", "end_time", "last_action_time", "technician_name", "technician_id", "technician_email",
  "session_id", "session_type", "status", "name", "custom_field_1", "custom_field_2", "custom_field_3",
  "custom_field_4", "custom_field_5", "tracking_id", "customer_ip", "device_id", "tools_used",
  "resolved_unresolved", "channel_id", "channel_name", "calling_card", "connecting_time_ms", "waiting_time_ms",
  "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms",
  "reconnecting_time_ms", "platform", "browser_type", "technician_group", "time_to_first_chat_ms",
  "wrap_up_time_ms", "transferred_to", "first_chat_message_sent", "customer_messages", "technician_messages",
  "system_messages", "leg", "role", "begin_time", "is_final", "other_time_ms", "anomalies", "report_date",
  "customer_address")
SELECT "start_time", "end_time", "last_action_time", "technician_name", "technician_id", "technician_email",
  "session_id", "session_type", "status", "name", "custom_field_1", "custom_field_2", "custom_field_3",
  "custom_field_4", "custom_field_5", "tracking_id", "customer_ip", "device_id", "tools_used",
  "resolved_unresolved", "channel_id", "channel_name", "calling_card", "connecting_time_ms", "waiting_time_ms",
  "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms",
  "reconnecting_time_ms", "platform", "browser_type", "technician_group", "time_to_first_chat_ms",
  "wrap_up_time_ms", "transferred_to", "first_chat_message_sent", "customer_messages", "technician_messages",
  "system_messages", "leg", "role", "begin_time", "is_final", "other_time_ms", "anomalies", "report_date",
  "customer_address" FROM "_order_stage";
COMMIT;

-- PostgreSQL: load report order: 2026-11-22, 0 rows
DELETE FROM "order" WHERE "report_date" = DATE '2026-11-22';

-- PostgreSQL: merge report order: 2026-11-20, 1234 rows
\set ON_ERROR_STOP on
BEGIN;
CREATE TABLE IF NOT EXISTS "_order_2026_11" PARTITION OF "order" FOR VALUES FROM ('2026-11-01') TO ('2026-12-01');
CREATE TEMPORARY TABLE "_order_stage" (LIKE "order") ON COMMIT DROP;
\copy "_order_stage" ("start_time", "end_time", "last_action_time", "technician_name", "technician_id", "technician_email", "session_id", "session_type", "status", "name", "custom_field_1", "custom_field_2", "custom_field_3", "custom_field_4", "custom_field_5", "tracking_id", "customer_ip", "device_id", "tools_used", "resolved_unresolved", "channel_id", "channel_name", "calling_card", "connecting_time_ms", "waiting_time_ms", "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms", "reconnecting_time_ms", "platform", "browser_type", "technician_group", "time_to_first_chat_ms", "wrap_up_time_ms", "transferred_to", "first_chat_message_sent", "customer_messages", "technician_messages", "system_messages", "leg", "role", "begin_time", "is_final", "other_time_ms", "anomalies", "report_date", "customer_address") FROM PROGRAM 'duckdb -bail -cmd ''.output /dev/null'' -c ''INSTALL httpfs; LOAD httpfs; INSTALL aws; LOAD aws; CREATE OR REPLACE SECRET daybook (TYPE s3, PROVIDER credential_chain, REGION ''\''''eu-west-1''\'''', SCOPE ''\''''s3://warehouse/daybook/''\''''); CREATE TEMP MACRO e(s) AS replace(replace(replace(replace(s, ''\''''\''\'''', ''\''''\\''\''''), chr(10), ''\''''\n''\''''), chr(13), ''\''''\r''\''''), chr(9), ''\''''\t''\''''); CREATE TEMP TABLE t ("start_time" TIMESTAMPTZ, "end_time" TIMESTAMPTZ, "last_action_time" TIMESTAMPTZ, "technician_name" VARCHAR, "technician_id" BIGINT, "technician_email" VARCHAR, "session_id" BIGINT, "session_type" VARCHAR, "status" VARCHAR, "name" VARCHAR, "custom_field_1" VARCHAR, "custom_field_2" VARCHAR, "custom_field_3" VARCHAR, "custom_field_4" VARCHAR, "custom_field_5" VARCHAR, "tracking_id" VARCHAR, "customer_ip" VARCHAR, "device_id" VARCHAR, "tools_used" VARCHAR, "resolved_unresolved" VARCHAR, "channel_id" BIGINT, "channel_name" VARCHAR, "calling_card" VARCHAR, "connecting_time_ms" BIGINT, "waiting_time_ms" BIGINT, "total_time_ms" BIGINT, "active_time_ms" BIGINT, "work_time_ms" BIGINT, "hold_time_ms" BIGINT, "transfer_time_ms" BIGINT, "rebooting_time_ms" BIGINT, "reconnecting_time_ms" BIGINT, "platform" VARCHAR, "browser_type" VARCHAR, "technician_group" VARCHAR, "time_to_first_chat_ms" BIGINT, "wrap_up_time_ms" BIGINT, "transferred_to" VARCHAR, "first_chat_message_sent" TIMESTAMPTZ, "customer_messages" BIGINT, "technician_messages" BIGINT, "system_messages" BIGINT, "leg" BIGINT, "role" VARCHAR, "begin_time" TIMESTAMPTZ, "is_final" BOOLEAN, "other_time_ms" BIGINT, "anomalies" VARCHAR, "report_date" DATE, "customer_address" VARCHAR); SET TimeZone = ''\''''UTC''\''''; COPY (SELECT "start_time", "end_time", "last_action_time", e("technician_name"), "technician_id", e("technician_email"), "session_id", e("session_type"), e("status"), e("name"), e("custom_field_1"), e("custom_field_2"), e("custom_field_3"), e("custom_field_4"), e("custom_field_5"), e("tracking_id"), e("customer_ip"), e("device_id"), e("tools_used"), e("resolved_unresolved"), "channel_id", e("channel_name"), e("calling_card"), "connecting_time_ms", "waiting_time_ms", "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms", "reconnecting_time_ms", e("platform"), e("browser_type"), e("technician_group"), "time_to_first_chat_ms", "wrap_up_time_ms", e("transferred_to"), "first_chat_message_sent", "customer_messages", "technician_messages", "system_messages", "leg", e("role"), "begin_time", "is_final", "other_time_ms", e("anomalies"), "report_date", e("customer_address") FROM (FROM t UNION ALL BY NAME FROM read_parquet([''\''''s3://warehouse/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet''\''''], union_by_name = true, hive_partitioning = false))) TO ''\''''/dev/stdout''\'''' (FORMAT csv, DELIMITER ''\''''\t''\'''', QUOTE ''\''''''\'''', ESCAPE ''\''''''\'''', HEADER false, NULLSTR ''\''''\N''\'''')'''
DO 'BEGIN IF (SELECT count(*) FROM "_order_stage") <> 1234 THEN RAISE EXCEPTION ''the files have other rows than the 1234 published''; END IF; END;';
DELETE FROM "order" AS t WHERE t."report_date" = DATE '2026-11-20' AND NOT EXISTS (
  SELECT FROM "_order_stage" AS s WHERE t."report_date" = s."report_date" AND t."session_id" = s."session_id" AND t."leg" = s."leg");
INSERT INTO "order" AS t ("start_time", "end_time", "last_action_time", "technician_name", "technician_id", "technician_email",
  "session_id", "session_type", "status", "name", "custom_field_1", "custom_field_2", "custom_field_3",
  "custom_field_4", "custom_field_5", "tracking_id", "customer_ip", "device_id", "tools_used",
  "resolved_unresolved", "channel_id", "channel_name", "calling_card", "connecting_time_ms", "waiting_time_ms",
  "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms",
  "reconnecting_time_ms", "platform", "browser_type", "technician_group", "time_to_first_chat_ms",
  "wrap_up_time_ms", "transferred_to", "first_chat_message_sent", "customer_messages", "technician_messages",
  "system_messages", "leg", "role", "begin_time", "is_final", "other_time_ms", "anomalies", "report_date",
  "customer_address")
SELECT "start_time", "end_time", "last_action_time", "technician_name", "technician_id", "technician_email",
  "session_id", "session_type", "status", "name", "custom_field_1", "custom_field_2", "custom_field_3",
  "custom_field_4", "custom_field_5", "tracking_id", "customer_ip", "device_id", "tools_used",
  "resolved_unresolved", "channel_id", "channel_name", "calling_card", "connecting_time_ms", "waiting_time_ms",
  "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms",
  "reconnecting_time_ms", "platform", "browser_type", "technician_group", "time_to_first_chat_ms",
  "wrap_up_time_ms", "transferred_to", "first_chat_message_sent", "customer_messages", "technician_messages",
  "system_messages", "leg", "role", "begin_time", "is_final", "other_time_ms", "anomalies", "report_date",
  "customer_address" FROM "_order_stage"
ON CONFLICT ("report_date", "session_id", "leg") DO UPDATE SET "start_time" = excluded."start_time", "end_time" = excluded."end_time",
  "last_action_time" = excluded."last_action_time", "technician_name" = excluded."technician_name",
  "technician_id" = excluded."technician_id", "technician_email" = excluded."technician_email",
  "session_type" = excluded."session_type", "status" = excluded."status", "name" = excluded."name",
  "custom_field_1" = excluded."custom_field_1", "custom_field_2" = excluded."custom_field_2",
  "custom_field_3" = excluded."custom_field_3", "custom_field_4" = excluded."custom_field_4",
  "custom_field_5" = excluded."custom_field_5", "tracking_id" = excluded."tracking_id",
  "customer_ip" = excluded."customer_ip", "device_id" = excluded."device_id",
  "tools_used" = excluded."tools_used", "resolved_unresolved" = excluded."resolved_unresolved",
  "channel_id" = excluded."channel_id", "channel_name" = excluded."channel_name",
  "calling_card" = excluded."calling_card", "connecting_time_ms" = excluded."connecting_time_ms",
  "waiting_time_ms" = excluded."waiting_time_ms", "total_time_ms" = excluded."total_time_ms",
  "active_time_ms" = excluded."active_time_ms", "work_time_ms" = excluded."work_time_ms",
  "hold_time_ms" = excluded."hold_time_ms", "transfer_time_ms" = excluded."transfer_time_ms",
  "rebooting_time_ms" = excluded."rebooting_time_ms", "reconnecting_time_ms" = excluded."reconnecting_time_ms",
  "platform" = excluded."platform", "browser_type" = excluded."browser_type",
  "technician_group" = excluded."technician_group", "time_to_first_chat_ms" = excluded."time_to_first_chat_ms",
  "wrap_up_time_ms" = excluded."wrap_up_time_ms", "transferred_to" = excluded."transferred_to",
  "first_chat_message_sent" = excluded."first_chat_message_sent",
  "customer_messages" = excluded."customer_messages", "technician_messages" = excluded."technician_messages",
  "system_messages" = excluded."system_messages", "role" = excluded."role", "begin_time" = excluded."begin_time",
  "is_final" = excluded."is_final", "other_time_ms" = excluded."other_time_ms",
  "anomalies" = excluded."anomalies", "customer_address" = excluded."customer_address"
WHERE t."start_time" IS DISTINCT FROM excluded."start_time"
  OR t."end_time" IS DISTINCT FROM excluded."end_time"
  OR t."last_action_time" IS DISTINCT FROM excluded."last_action_time"
  OR t."technician_name" IS DISTINCT FROM excluded."technician_name"
  OR t."technician_id" IS DISTINCT FROM excluded."technician_id"
  OR t."technician_email" IS DISTINCT FROM excluded."technician_email"
  OR t."session_type" IS DISTINCT FROM excluded."session_type"
  OR t."status" IS DISTINCT FROM excluded."status"
  OR t."name" IS DISTINCT FROM excluded."name"
  OR t."custom_field_1" IS DISTINCT FROM excluded."custom_field_1"
  OR t."custom_field_2" IS DISTINCT FROM excluded."custom_field_2"
  OR t."custom_field_3" IS DISTINCT FROM excluded."custom_field_3"
  OR t."custom_field_4" IS DISTINCT FROM excluded."custom_field_4"
  OR t."custom_field_5" IS DISTINCT FROM excluded."custom_field_5"
  OR t."tracking_id" IS DISTINCT FROM excluded."tracking_id"
  OR t."customer_ip" IS DISTINCT FROM excluded."customer_ip"
  OR t."device_id" IS DISTINCT FROM excluded."device_id"
  OR t."tools_used" IS DISTINCT FROM excluded."tools_used"
  OR t."resolved_unresolved" IS DISTINCT FROM excluded."resolved_unresolved"
  OR t."channel_id" IS DISTINCT FROM excluded."channel_id"
  OR t."channel_name" IS DISTINCT FROM excluded."channel_name"
  OR t."calling_card" IS DISTINCT FROM excluded."calling_card"
  OR t."connecting_time_ms" IS DISTINCT FROM excluded."connecting_time_ms"
  OR t."waiting_time_ms" IS DISTINCT FROM excluded."waiting_time_ms"
  OR t."total_time_ms" IS DISTINCT FROM excluded."total_time_ms"
  OR t."active_time_ms" IS DISTINCT FROM excluded."active_time_ms"
  OR t."work_time_ms" IS DISTINCT FROM excluded."work_time_ms"
  OR t."hold_time_ms" IS DISTINCT FROM excluded."hold_time_ms"
  OR t."transfer_time_ms" IS DISTINCT FROM excluded."transfer_time_ms"
  OR t."rebooting_time_ms" IS DISTINCT FROM excluded."rebooting_time_ms"
  OR t."reconnecting_time_ms" IS DISTINCT FROM excluded."reconnecting_time_ms"
  OR t."platform" IS DISTINCT FROM excluded."platform"
  OR t."browser_type" IS DISTINCT FROM excluded."browser_type"
  OR t."technician_group" IS DISTINCT FROM excluded."technician_group"
  OR t."time_to_first_chat_ms" IS DISTINCT FROM excluded."time_to_first_chat_ms"
  OR t."wrap_up_time_ms" IS DISTINCT FROM excluded."wrap_up_time_ms"
  OR t."transferred_to" IS DISTINCT FROM excluded."transferred_to"
  OR t."first_chat_message_sent" IS DISTINCT FROM excluded."first_chat_message_sent"
  OR t."customer_messages" IS DISTINCT FROM excluded."customer_messages"
  OR t."technician_messages" IS DISTINCT FROM excluded."technician_messages"
  OR t."system_messages" IS DISTINCT FROM excluded."system_messages"
  OR t."role" IS DISTINCT FROM excluded."role"
  OR t."begin_time" IS DISTINCT FROM excluded."begin_time"
  OR t."is_final" IS DISTINCT FROM excluded."is_final"
  OR t."other_time_ms" IS DISTINCT FROM excluded."other_time_ms"
  OR t."anomalies" IS DISTINCT FROM excluded."anomalies"
  OR t."customer_address" IS DISTINCT FROM excluded."customer_address";
COMMIT;

-- PostgreSQL: show the files of report order
-- PostgreSQL cannot read the files: the view shows the table as it was loaded last.
CREATE OR REPLACE VIEW "order_current" AS
SELECT "start_time", "end_time", "last_action_time", "technician_name", "technician_id", "technician_email",
  "session_id", "session_type", "status", "name", "custom_field_1", "custom_field_2", "custom_field_3",
  "custom_field_4", "custom_field_5", "tracking_id", "customer_ip", "device_id", "tools_used",
  "resolved_unresolved", "channel_id", "channel_name", "calling_card", "connecting_time_ms", "waiting_time_ms",
  "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms",
  "reconnecting_time_ms", "platform", "browser_type", "technician_group", "time_to_first_chat_ms",
  "wrap_up_time_ms", "transferred_to", "first_chat_message_sent", "customer_messages", "technician_messages",
  "system_messages", "leg", "role", "begin_time", "is_final", "other_time_ms", "anomalies", "report_date",
  "customer_address" FROM "order";

-- PostgreSQL: show the files of report order
-- PostgreSQL cannot read the files: the view shows the table as it was loaded last.
CREATE OR REPLACE VIEW "order_current" AS
SELECT "start_time", "end_time", "last_action_time", "technician_name", "technician_id", "technician_email",
  "session_id", "session_type", "status", "name", "custom_field_1", "custom_field_2", "custom_field_3",
  "custom_field_4", "custom_field_5", "tracking_id", "customer_ip", "device_id", "tools_used",
  "resolved_unresolved", "channel_id", "channel_name", "calling_card", "connecting_time_ms", "waiting_time_ms",
  "total_time_ms", "active_time_ms", "work_time_ms", "hold_time_ms", "transfer_time_ms", "rebooting_time_ms",
  "reconnecting_time_ms", "platform", "browser_type", "technician_group", "time_to_first_chat_ms",
  "wrap_up_time_ms", "transferred_to", "first_chat_message_sent", "customer_messages", "technician_messages",
  "system_messages", "leg", "role", "begin_time", "is_final", "other_time_ms", "anomalies", "report_date",
  "customer_address" FROM "order";

