-- Redshift: create the table of report order
CREATE TABLE IF NOT EXISTS "order" (
  "start_time" TIMESTAMP,
  "end_time" TIMESTAMP,
  "last_action_time" TIMESTAMP,
  "technician_name" VARCHAR(512),
  "technician_id" BIGINT,
  "technician_email" VARCHAR(512),
  "session_id" BIGINT NOT NULL,
  "session_type" VARCHAR(400),
  "status" VARCHAR(256) NOT NULL,
  "name" VARCHAR(512),
  "custom_field_1" VARCHAR(256),
  "custom_field_2" VARCHAR(256),
  "custom_field_3" VARCHAR(256),
  "custom_field_4" VARCHAR(256),
  "custom_field_5" VARCHAR(256),
  "tracking_id" VARCHAR(1024),
  "customer_ip" VARCHAR(60),
  "device_id" VARCHAR(512),
  "tools_used" VARCHAR(512),
  "resolved_unresolved" VARCHAR(65535),
  "channel_id" BIGINT,
  "channel_name" VARCHAR(256),
  "calling_card" VARCHAR(256),
  "connecting_time_ms" BIGINT NOT NULL,
  "waiting_time_ms" BIGINT NOT NULL,
  "total_time_ms" BIGINT NOT NULL,
  "active_time_ms" BIGINT NOT NULL,
  "work_time_ms" BIGINT NOT NULL,
  "hold_time_ms" BIGINT NOT NULL,
  "transfer_time_ms" BIGINT NOT NULL,
  "rebooting_time_ms" BIGINT NOT NULL,
  "reconnecting_time_ms" BIGINT NOT NULL,
  "platform" VARCHAR(80),
  "browser_type" VARCHAR(65535),
  "technician_group" VARCHAR(512),
  "time_to_first_chat_ms" BIGINT,
  "wrap_up_time_ms" BIGINT,
  "transferred_to" VARCHAR(512),
  "first_chat_message_sent" TIMESTAMP,
  "customer_messages" BIGINT NOT NULL,
  "technician_messages" BIGINT NOT NULL,
  "system_messages" BIGINT NOT NULL,
  "leg" BIGINT NOT NULL,
  "role" VARCHAR(65535) NOT NULL,
  "begin_time" TIMESTAMP NOT NULL,
  "is_final" BOOLEAN NOT NULL,
  "other_time_ms" BIGINT NOT NULL,
  "anomalies" VARCHAR(65535),
  "report_date" DATE NOT NULL,
  "customer_address" VARCHAR(180)
)
COMPOUND SORTKEY ("report_date", "session_id", "leg");
-- A table of an older schema: ALTER TABLE "order" ADD COLUMN "customer_address" VARCHAR(180);
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

-- Redshift: load report order: 2026-11-20, 1234 rows
BEGIN;
DELETE FROM "order" WHERE "report_date" = DATE '2026-11-20';
COPY "order" FROM 's3://warehouse/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet' IAM_ROLE default FORMAT AS PARQUET;
COMMIT;

-- Redshift: load report order: 2026-11-20 and 2026-11-21, 1234 rows
BEGIN;
DELETE FROM "order" WHERE "report_date" BETWEEN DATE '2026-11-20' AND DATE '2026-11-21';
COPY "order" FROM 's3://warehouse/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet' IAM_ROLE default FORMAT AS PARQUET;
COPY "order" FROM 's3://warehouse/daybook/reports/order/dt=2026-11-21/part-0-r2-0123456789abcdef.parquet' IAM_ROLE default FORMAT AS PARQUET;
COMMIT;

-- Redshift: load report order: everything from 2026-10 to 2026-11-01, 41200 rows
BEGIN;
DELETE FROM "order";
COPY "order" FROM 's3://warehouse/daybook/reports_monthly/order/month=2026-10/part-0-r2-0123456789abcdef.parquet' IAM_ROLE default FORMAT AS PARQUET;
COPY "order" FROM 's3://warehouse/daybook/reports/order/dt=2026-11-01/part-0-r2-0123456789abcdef.parquet' IAM_ROLE default FORMAT AS PARQUET;
COMMIT;

-- Redshift: load report order: 2026-11-22, 0 rows
DELETE FROM "order" WHERE "report_date" = DATE '2026-11-22';

-- Redshift: merge report order: 2026-11-20, 1234 rows
BEGIN;
DROP TABLE IF EXISTS "_order_stage";
CREATE TEMP TABLE "_order_stage" (LIKE "order");
COPY "_order_stage" FROM 's3://warehouse/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet' IAM_ROLE default FORMAT AS PARQUET;
DELETE FROM "order" WHERE "report_date" = DATE '2026-11-20' AND NOT EXISTS (
  SELECT 1 FROM "_order_stage" AS s WHERE "order"."report_date" = s."report_date" AND "order"."session_id" = s."session_id" AND "order"."leg" = s."leg");
MERGE INTO "order" USING "_order_stage" AS s
ON "order"."report_date" = s."report_date" AND "order"."session_id" = s."session_id" AND "order"."leg" = s."leg"
WHEN MATCHED THEN UPDATE SET "start_time" = s."start_time", "end_time" = s."end_time", "last_action_time" = s."last_action_time",
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
  s."report_date", s."customer_address");
COMMIT;

-- Redshift: show the files of report order
-- Redshift cannot read the files in a view: this one shows the table as it was loaded last.
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

-- Redshift: show the files of report order
-- Redshift cannot read the files in a view: this one shows the table as it was loaded last.
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

