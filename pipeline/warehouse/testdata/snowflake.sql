-- Snowflake: create the table of report order
-- set this: the storage integration that may read the bucket.
CREATE STAGE IF NOT EXISTS DAYBOOK URL = 's3://warehouse/daybook/' STORAGE_INTEGRATION = "DAYBOOK";
CREATE FILE FORMAT IF NOT EXISTS DAYBOOK_PARQUET TYPE = PARQUET USE_LOGICAL_TYPE = TRUE;
CREATE TABLE IF NOT EXISTS "ORDER" (
  "START_TIME" TIMESTAMP_LTZ(6) COMMENT 'When the session first was active with this technician. Null: never picked up.',
  "END_TIME" TIMESTAMP_LTZ(6) COMMENT 'When the session was last closed or timed out, or the technician\'s part was over.',
  "LAST_ACTION_TIME" TIMESTAMP_LTZ(6) COMMENT 'When the technician last stopped being in action.',
  "TECHNICIAN_NAME" VARCHAR(128) COMMENT 'As it was when the technician took the session.',
  "TECHNICIAN_ID" BIGINT COMMENT 'Null: no technician took the session.',
  "TECHNICIAN_EMAIL" VARCHAR(128) COMMENT 'As it was when the technician took the session.',
  "SESSION_ID" BIGINT NOT NULL COMMENT 'With leg, the key of a row.',
  "SESSION_TYPE" VARCHAR(100) COMMENT 'The technology at the customer\'s side.',
  "STATUS" VARCHAR(64) NOT NULL COMMENT 'The status when the technician\'s part was over, or the current status.',
  "NAME" VARCHAR(128) COMMENT 'The customer\'s name as entered. Its heading is configurable.',
  "CUSTOM_FIELD_1" VARCHAR(64) COMMENT 'The text entered in the custom field. Its heading is configurable.',
  "CUSTOM_FIELD_2" VARCHAR(64) COMMENT 'The text entered in the custom field. Its heading is configurable.',
  "CUSTOM_FIELD_3" VARCHAR(64) COMMENT 'The text entered in the custom field. Its heading is configurable.',
  "CUSTOM_FIELD_4" VARCHAR(64) COMMENT 'The text entered in the custom field. Its heading is configurable.',
  "CUSTOM_FIELD_5" VARCHAR(64) COMMENT 'The text entered in the custom field. Its heading is configurable.',
  "TRACKING_ID" VARCHAR(256) COMMENT 'A key that the organisation chooses, for example of its CRM.',
  "CUSTOMER_IP" VARCHAR(15) COMMENT 'Null if longer than the column: half an address is a wrong address.',
  "DEVICE_ID" VARCHAR(128) COMMENT 'The customer\'s device.',
  "TOOLS_USED" VARCHAR(128) COMMENT 'Distinct codes in order of first use, joined by commas.',
  "RESOLVED_UNRESOLVED" VARCHAR COMMENT 'Resolved or Unresolved: the technician\'s last verdict. Null from 2009-05-01 on.',
  "CHANNEL_ID" BIGINT COMMENT 'The channel of the session, or to which it was transferred.',
  "CHANNEL_NAME" VARCHAR(64) COMMENT 'The channel of the session, or to which it was transferred.',
  "CALLING_CARD" VARCHAR(64) COMMENT 'The Calling Card installer used.',
  "CONNECTING_TIME_MS" BIGINT NOT NULL COMMENT 'From begin to the first status other than Connecting. Collaborators: 0.',
  "WAITING_TIME_MS" BIGINT NOT NULL COMMENT 'From the first Waiting before the start to the start. Collaborators: 0.',
  "TOTAL_TIME_MS" BIGINT NOT NULL COMMENT 'Active, hold, transfer, rebooting and reconnecting time together.',
  "ACTIVE_TIME_MS" BIGINT NOT NULL COMMENT 'Time in status Active between start and end.',
  "WORK_TIME_MS" BIGINT NOT NULL COMMENT 'Active time with the link up, the technician available, the session\'s tab selected and the console in the foreground.',
  "HOLD_TIME_MS" BIGINT NOT NULL COMMENT 'Time in status On Hold between start and end.',
  "TRANSFER_TIME_MS" BIGINT NOT NULL COMMENT 'Time in status Transferring between start and end.',
  "REBOOTING_TIME_MS" BIGINT NOT NULL COMMENT 'Time in status Rebooting between start and end.',
  "RECONNECTING_TIME_MS" BIGINT NOT NULL COMMENT 'Time in status Reconnecting between start and end.',
  "PLATFORM" VARCHAR(20) COMMENT 'The customer\'s operating system.',
  "BROWSER_TYPE" VARCHAR COMMENT 'Instant Chat only: the browser in which the customer started it.',
  "TECHNICIAN_GROUP" VARCHAR(128) COMMENT 'The technician\'s group at that time, as a path: A/B lies in A.',
  "TIME_TO_FIRST_CHAT_MS" BIGINT COMMENT 'From the first Waiting, or the begin, to the technician\'s first message. Collaborators: null.',
  "WRAP_UP_TIME_MS" BIGINT COMMENT 'From the last customer or technician message to the end of the technician\'s part.',
  "TRANSFERRED_TO" VARCHAR(128) COMMENT 'The technician or channel the session was transferred to.',
  "FIRST_CHAT_MESSAGE_SENT" TIMESTAMP_LTZ(6) COMMENT 'The technician\'s first message.',
  "CUSTOMER_MESSAGES" BIGINT NOT NULL COMMENT 'While the technician had a part in the session.',
  "TECHNICIAN_MESSAGES" BIGINT NOT NULL COMMENT 'Those of this row\'s technician.',
  "SYSTEM_MESSAGES" BIGINT NOT NULL COMMENT 'While the technician had a part in the session.',
  "LEG" BIGINT NOT NULL COMMENT '0, 1, 2 … in order of opening. With session_id, the key of a row.',
  "ROLE" VARCHAR NOT NULL COMMENT 'lead or collaborator.',
  "BEGIN_TIME" TIMESTAMP_LTZ(6) NOT NULL COMMENT 'When the technician\'s part opened.',
  "IS_FINAL" BOOLEAN NOT NULL COMMENT 'The technician\'s part is over; false: the row may change.',
  "OTHER_TIME_MS" BIGINT NOT NULL COMMENT 'Time between start and end in any other status.',
  "ANOMALIES" VARCHAR COMMENT 'The session\'s anomalies: distinct codes in alphabetical order, joined by commas.',
  "REPORT_DATE" DATE NOT NULL COMMENT 'The local date of the start, or of the begin, in the report\'s time zone.',
  "CUSTOMER_ADDRESS" VARCHAR(45) COMMENT 'The customer\'s address in full, IPv6 too. Null if longer than the column.'
)
CLUSTER BY ("REPORT_DATE")
COMMENT = 'Session report order of daybook: one row for each part of a technician in a session. Schema version 2.';
ALTER TABLE "ORDER" ADD COLUMN IF NOT EXISTS "CUSTOMER_ADDRESS" VARCHAR(45);

-- Snowflake: load report order: 2026-11-20, 1234 rows
EXECUTE IMMEDIATE $$
BEGIN
BEGIN TRANSACTION;
DELETE FROM "ORDER" WHERE "REPORT_DATE" = DATE '2026-11-20';
COPY INTO "ORDER" FROM '@DAYBOOK/' FILES = (
  'reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet')
  FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE FORCE = TRUE;
COMMIT;
EXCEPTION WHEN OTHER THEN
ROLLBACK;
RAISE;
END;
$$;

-- Snowflake: load report order: 2026-11-20 and 2026-11-21, 1234 rows
EXECUTE IMMEDIATE $$
BEGIN
BEGIN TRANSACTION;
DELETE FROM "ORDER" WHERE "REPORT_DATE" BETWEEN DATE '2026-11-20' AND DATE '2026-11-21';
COPY INTO "ORDER" FROM '@DAYBOOK/' FILES = (
  'reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet',
  'reports/order/dt=2026-11-21/part-0-r2-0123456789abcdef.parquet')
  FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE FORCE = TRUE;
COMMIT;
EXCEPTION WHEN OTHER THEN
ROLLBACK;
RAISE;
END;
$$;

-- Snowflake: load report order: everything from 2026-10 to 2026-11-01, 41200 rows
EXECUTE IMMEDIATE $$
BEGIN
BEGIN TRANSACTION;
DELETE FROM "ORDER";
COPY INTO "ORDER" FROM '@DAYBOOK/' FILES = (
  'reports_monthly/order/month=2026-10/part-0-r2-0123456789abcdef.parquet',
  'reports/order/dt=2026-11-01/part-0-r2-0123456789abcdef.parquet')
  FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE FORCE = TRUE;
COMMIT;
EXCEPTION WHEN OTHER THEN
ROLLBACK;
RAISE;
END;
$$;

-- Snowflake: load report order: 2026-11-22, 0 rows
DELETE FROM "ORDER" WHERE "REPORT_DATE" = DATE '2026-11-22';

-- Snowflake: merge report order: 2026-11-20, 1234 rows
EXECUTE IMMEDIATE $$
BEGIN
CREATE OR REPLACE TEMPORARY TABLE "_ORDER_STAGE" LIKE "ORDER";
COPY INTO "_ORDER_STAGE" FROM '@DAYBOOK/' FILES = (
  'reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet')
  FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE FORCE = TRUE;
BEGIN TRANSACTION;
DELETE FROM "ORDER" AS t WHERE t."REPORT_DATE" = DATE '2026-11-20' AND NOT EXISTS (
  SELECT 1 FROM "_ORDER_STAGE" AS s WHERE t."REPORT_DATE" = s."REPORT_DATE" AND t."SESSION_ID" = s."SESSION_ID" AND t."LEG" = s."LEG");
MERGE INTO "ORDER" AS t USING "_ORDER_STAGE" AS s
ON t."REPORT_DATE" = s."REPORT_DATE" AND t."SESSION_ID" = s."SESSION_ID" AND t."LEG" = s."LEG"
WHEN MATCHED AND (t."START_TIME" IS DISTINCT FROM s."START_TIME"
  OR t."END_TIME" IS DISTINCT FROM s."END_TIME"
  OR t."LAST_ACTION_TIME" IS DISTINCT FROM s."LAST_ACTION_TIME"
  OR t."TECHNICIAN_NAME" IS DISTINCT FROM s."TECHNICIAN_NAME"
  OR t."TECHNICIAN_ID" IS DISTINCT FROM s."TECHNICIAN_ID"
  OR t."TECHNICIAN_EMAIL" IS DISTINCT FROM s."TECHNICIAN_EMAIL"
  OR t."SESSION_TYPE" IS DISTINCT FROM s."SESSION_TYPE"
  OR t."STATUS" IS DISTINCT FROM s."STATUS"
  OR t."NAME" IS DISTINCT FROM s."NAME"
  OR t."CUSTOM_FIELD_1" IS DISTINCT FROM s."CUSTOM_FIELD_1"
  OR t."CUSTOM_FIELD_2" IS DISTINCT FROM s."CUSTOM_FIELD_2"
  OR t."CUSTOM_FIELD_3" IS DISTINCT FROM s."CUSTOM_FIELD_3"
  OR t."CUSTOM_FIELD_4" IS DISTINCT FROM s."CUSTOM_FIELD_4"
  OR t."CUSTOM_FIELD_5" IS DISTINCT FROM s."CUSTOM_FIELD_5"
  OR t."TRACKING_ID" IS DISTINCT FROM s."TRACKING_ID"
  OR t."CUSTOMER_IP" IS DISTINCT FROM s."CUSTOMER_IP"
  OR t."DEVICE_ID" IS DISTINCT FROM s."DEVICE_ID"
  OR t."TOOLS_USED" IS DISTINCT FROM s."TOOLS_USED"
  OR t."RESOLVED_UNRESOLVED" IS DISTINCT FROM s."RESOLVED_UNRESOLVED"
  OR t."CHANNEL_ID" IS DISTINCT FROM s."CHANNEL_ID"
  OR t."CHANNEL_NAME" IS DISTINCT FROM s."CHANNEL_NAME"
  OR t."CALLING_CARD" IS DISTINCT FROM s."CALLING_CARD"
  OR t."CONNECTING_TIME_MS" IS DISTINCT FROM s."CONNECTING_TIME_MS"
  OR t."WAITING_TIME_MS" IS DISTINCT FROM s."WAITING_TIME_MS"
  OR t."TOTAL_TIME_MS" IS DISTINCT FROM s."TOTAL_TIME_MS"
  OR t."ACTIVE_TIME_MS" IS DISTINCT FROM s."ACTIVE_TIME_MS"
  OR t."WORK_TIME_MS" IS DISTINCT FROM s."WORK_TIME_MS"
  OR t."HOLD_TIME_MS" IS DISTINCT FROM s."HOLD_TIME_MS"
  OR t."TRANSFER_TIME_MS" IS DISTINCT FROM s."TRANSFER_TIME_MS"
  OR t."REBOOTING_TIME_MS" IS DISTINCT FROM s."REBOOTING_TIME_MS"
  OR t."RECONNECTING_TIME_MS" IS DISTINCT FROM s."RECONNECTING_TIME_MS"
  OR t."PLATFORM" IS DISTINCT FROM s."PLATFORM"
  OR t."BROWSER_TYPE" IS DISTINCT FROM s."BROWSER_TYPE"
  OR t."TECHNICIAN_GROUP" IS DISTINCT FROM s."TECHNICIAN_GROUP"
  OR t."TIME_TO_FIRST_CHAT_MS" IS DISTINCT FROM s."TIME_TO_FIRST_CHAT_MS"
  OR t."WRAP_UP_TIME_MS" IS DISTINCT FROM s."WRAP_UP_TIME_MS"
  OR t."TRANSFERRED_TO" IS DISTINCT FROM s."TRANSFERRED_TO"
  OR t."FIRST_CHAT_MESSAGE_SENT" IS DISTINCT FROM s."FIRST_CHAT_MESSAGE_SENT"
  OR t."CUSTOMER_MESSAGES" IS DISTINCT FROM s."CUSTOMER_MESSAGES"
  OR t."TECHNICIAN_MESSAGES" IS DISTINCT FROM s."TECHNICIAN_MESSAGES"
  OR t."SYSTEM_MESSAGES" IS DISTINCT FROM s."SYSTEM_MESSAGES"
  OR t."ROLE" IS DISTINCT FROM s."ROLE"
  OR t."BEGIN_TIME" IS DISTINCT FROM s."BEGIN_TIME"
  OR t."IS_FINAL" IS DISTINCT FROM s."IS_FINAL"
  OR t."OTHER_TIME_MS" IS DISTINCT FROM s."OTHER_TIME_MS"
  OR t."ANOMALIES" IS DISTINCT FROM s."ANOMALIES"
  OR t."CUSTOMER_ADDRESS" IS DISTINCT FROM s."CUSTOMER_ADDRESS")
THEN UPDATE SET "START_TIME" = s."START_TIME", "END_TIME" = s."END_TIME", "LAST_ACTION_TIME" = s."LAST_ACTION_TIME",
  "TECHNICIAN_NAME" = s."TECHNICIAN_NAME", "TECHNICIAN_ID" = s."TECHNICIAN_ID",
  "TECHNICIAN_EMAIL" = s."TECHNICIAN_EMAIL", "SESSION_TYPE" = s."SESSION_TYPE", "STATUS" = s."STATUS",
  "NAME" = s."NAME", "CUSTOM_FIELD_1" = s."CUSTOM_FIELD_1", "CUSTOM_FIELD_2" = s."CUSTOM_FIELD_2",
  "CUSTOM_FIELD_3" = s."CUSTOM_FIELD_3", "CUSTOM_FIELD_4" = s."CUSTOM_FIELD_4",
  "CUSTOM_FIELD_5" = s."CUSTOM_FIELD_5", "TRACKING_ID" = s."TRACKING_ID", "CUSTOMER_IP" = s."CUSTOMER_IP",
  "DEVICE_ID" = s."DEVICE_ID", "TOOLS_USED" = s."TOOLS_USED", "RESOLVED_UNRESOLVED" = s."RESOLVED_UNRESOLVED",
  "CHANNEL_ID" = s."CHANNEL_ID", "CHANNEL_NAME" = s."CHANNEL_NAME", "CALLING_CARD" = s."CALLING_CARD",
  "CONNECTING_TIME_MS" = s."CONNECTING_TIME_MS", "WAITING_TIME_MS" = s."WAITING_TIME_MS",
  "TOTAL_TIME_MS" = s."TOTAL_TIME_MS", "ACTIVE_TIME_MS" = s."ACTIVE_TIME_MS", "WORK_TIME_MS" = s."WORK_TIME_MS",
  "HOLD_TIME_MS" = s."HOLD_TIME_MS", "TRANSFER_TIME_MS" = s."TRANSFER_TIME_MS",
  "REBOOTING_TIME_MS" = s."REBOOTING_TIME_MS", "RECONNECTING_TIME_MS" = s."RECONNECTING_TIME_MS",
  "PLATFORM" = s."PLATFORM", "BROWSER_TYPE" = s."BROWSER_TYPE", "TECHNICIAN_GROUP" = s."TECHNICIAN_GROUP",
  "TIME_TO_FIRST_CHAT_MS" = s."TIME_TO_FIRST_CHAT_MS", "WRAP_UP_TIME_MS" = s."WRAP_UP_TIME_MS",
  "TRANSFERRED_TO" = s."TRANSFERRED_TO", "FIRST_CHAT_MESSAGE_SENT" = s."FIRST_CHAT_MESSAGE_SENT",
  "CUSTOMER_MESSAGES" = s."CUSTOMER_MESSAGES", "TECHNICIAN_MESSAGES" = s."TECHNICIAN_MESSAGES",
  "SYSTEM_MESSAGES" = s."SYSTEM_MESSAGES", "ROLE" = s."ROLE", "BEGIN_TIME" = s."BEGIN_TIME",
  "IS_FINAL" = s."IS_FINAL", "OTHER_TIME_MS" = s."OTHER_TIME_MS", "ANOMALIES" = s."ANOMALIES",
  "CUSTOMER_ADDRESS" = s."CUSTOMER_ADDRESS"
WHEN NOT MATCHED THEN INSERT ("START_TIME", "END_TIME", "LAST_ACTION_TIME", "TECHNICIAN_NAME", "TECHNICIAN_ID", "TECHNICIAN_EMAIL",
  "SESSION_ID", "SESSION_TYPE", "STATUS", "NAME", "CUSTOM_FIELD_1", "CUSTOM_FIELD_2", "CUSTOM_FIELD_3",
  "CUSTOM_FIELD_4", "CUSTOM_FIELD_5", "TRACKING_ID", "CUSTOMER_IP", "DEVICE_ID", "TOOLS_USED",
  "RESOLVED_UNRESOLVED", "CHANNEL_ID", "CHANNEL_NAME", "CALLING_CARD", "CONNECTING_TIME_MS", "WAITING_TIME_MS",
  "TOTAL_TIME_MS", "ACTIVE_TIME_MS", "WORK_TIME_MS", "HOLD_TIME_MS", "TRANSFER_TIME_MS", "REBOOTING_TIME_MS",
  "RECONNECTING_TIME_MS", "PLATFORM", "BROWSER_TYPE", "TECHNICIAN_GROUP", "TIME_TO_FIRST_CHAT_MS",
  "WRAP_UP_TIME_MS", "TRANSFERRED_TO", "FIRST_CHAT_MESSAGE_SENT", "CUSTOMER_MESSAGES", "TECHNICIAN_MESSAGES",
  "SYSTEM_MESSAGES", "LEG", "ROLE", "BEGIN_TIME", "IS_FINAL", "OTHER_TIME_MS", "ANOMALIES", "REPORT_DATE",
  "CUSTOMER_ADDRESS")
VALUES (s."START_TIME", s."END_TIME", s."LAST_ACTION_TIME", s."TECHNICIAN_NAME", s."TECHNICIAN_ID",
  s."TECHNICIAN_EMAIL", s."SESSION_ID", s."SESSION_TYPE", s."STATUS", s."NAME", s."CUSTOM_FIELD_1",
  s."CUSTOM_FIELD_2", s."CUSTOM_FIELD_3", s."CUSTOM_FIELD_4", s."CUSTOM_FIELD_5", s."TRACKING_ID",
  s."CUSTOMER_IP", s."DEVICE_ID", s."TOOLS_USED", s."RESOLVED_UNRESOLVED", s."CHANNEL_ID", s."CHANNEL_NAME",
  s."CALLING_CARD", s."CONNECTING_TIME_MS", s."WAITING_TIME_MS", s."TOTAL_TIME_MS", s."ACTIVE_TIME_MS",
  s."WORK_TIME_MS", s."HOLD_TIME_MS", s."TRANSFER_TIME_MS", s."REBOOTING_TIME_MS", s."RECONNECTING_TIME_MS",
  s."PLATFORM", s."BROWSER_TYPE", s."TECHNICIAN_GROUP", s."TIME_TO_FIRST_CHAT_MS", s."WRAP_UP_TIME_MS",
  s."TRANSFERRED_TO", s."FIRST_CHAT_MESSAGE_SENT", s."CUSTOMER_MESSAGES", s."TECHNICIAN_MESSAGES",
  s."SYSTEM_MESSAGES", s."LEG", s."ROLE", s."BEGIN_TIME", s."IS_FINAL", s."OTHER_TIME_MS", s."ANOMALIES",
  s."REPORT_DATE", s."CUSTOMER_ADDRESS");
COMMIT;
EXCEPTION WHEN OTHER THEN
ROLLBACK;
RAISE;
END;
$$;

-- Snowflake: show the files of report order
CREATE OR REPLACE VIEW "ORDER_CURRENT" AS
SELECT
  $1:"start_time"::TIMESTAMP_LTZ(6) AS "START_TIME",
  $1:"end_time"::TIMESTAMP_LTZ(6) AS "END_TIME",
  $1:"last_action_time"::TIMESTAMP_LTZ(6) AS "LAST_ACTION_TIME",
  $1:"technician_name"::VARCHAR(128) AS "TECHNICIAN_NAME",
  $1:"technician_id"::BIGINT AS "TECHNICIAN_ID",
  $1:"technician_email"::VARCHAR(128) AS "TECHNICIAN_EMAIL",
  $1:"session_id"::BIGINT AS "SESSION_ID",
  $1:"session_type"::VARCHAR(100) AS "SESSION_TYPE",
  $1:"status"::VARCHAR(64) AS "STATUS",
  $1:"name"::VARCHAR(128) AS "NAME",
  $1:"custom_field_1"::VARCHAR(64) AS "CUSTOM_FIELD_1",
  $1:"custom_field_2"::VARCHAR(64) AS "CUSTOM_FIELD_2",
  $1:"custom_field_3"::VARCHAR(64) AS "CUSTOM_FIELD_3",
  $1:"custom_field_4"::VARCHAR(64) AS "CUSTOM_FIELD_4",
  $1:"custom_field_5"::VARCHAR(64) AS "CUSTOM_FIELD_5",
  $1:"tracking_id"::VARCHAR(256) AS "TRACKING_ID",
  $1:"customer_ip"::VARCHAR(15) AS "CUSTOMER_IP",
  $1:"device_id"::VARCHAR(128) AS "DEVICE_ID",
  $1:"tools_used"::VARCHAR(128) AS "TOOLS_USED",
  $1:"resolved_unresolved"::VARCHAR AS "RESOLVED_UNRESOLVED",
  $1:"channel_id"::BIGINT AS "CHANNEL_ID",
  $1:"channel_name"::VARCHAR(64) AS "CHANNEL_NAME",
  $1:"calling_card"::VARCHAR(64) AS "CALLING_CARD",
  $1:"connecting_time_ms"::BIGINT AS "CONNECTING_TIME_MS",
  $1:"waiting_time_ms"::BIGINT AS "WAITING_TIME_MS",
  $1:"total_time_ms"::BIGINT AS "TOTAL_TIME_MS",
  $1:"active_time_ms"::BIGINT AS "ACTIVE_TIME_MS",
  $1:"work_time_ms"::BIGINT AS "WORK_TIME_MS",
  $1:"hold_time_ms"::BIGINT AS "HOLD_TIME_MS",
  $1:"transfer_time_ms"::BIGINT AS "TRANSFER_TIME_MS",
  $1:"rebooting_time_ms"::BIGINT AS "REBOOTING_TIME_MS",
  $1:"reconnecting_time_ms"::BIGINT AS "RECONNECTING_TIME_MS",
  $1:"platform"::VARCHAR(20) AS "PLATFORM",
  $1:"browser_type"::VARCHAR AS "BROWSER_TYPE",
  $1:"technician_group"::VARCHAR(128) AS "TECHNICIAN_GROUP",
  $1:"time_to_first_chat_ms"::BIGINT AS "TIME_TO_FIRST_CHAT_MS",
  $1:"wrap_up_time_ms"::BIGINT AS "WRAP_UP_TIME_MS",
  $1:"transferred_to"::VARCHAR(128) AS "TRANSFERRED_TO",
  $1:"first_chat_message_sent"::TIMESTAMP_LTZ(6) AS "FIRST_CHAT_MESSAGE_SENT",
  $1:"customer_messages"::BIGINT AS "CUSTOMER_MESSAGES",
  $1:"technician_messages"::BIGINT AS "TECHNICIAN_MESSAGES",
  $1:"system_messages"::BIGINT AS "SYSTEM_MESSAGES",
  $1:"leg"::BIGINT AS "LEG",
  $1:"role"::VARCHAR AS "ROLE",
  $1:"begin_time"::TIMESTAMP_LTZ(6) AS "BEGIN_TIME",
  $1:"is_final"::BOOLEAN AS "IS_FINAL",
  $1:"other_time_ms"::BIGINT AS "OTHER_TIME_MS",
  $1:"anomalies"::VARCHAR AS "ANOMALIES",
  $1:"report_date"::DATE AS "REPORT_DATE",
  $1:"customer_address"::VARCHAR(45) AS "CUSTOMER_ADDRESS"
FROM '@DAYBOOK/reports_monthly/order/' (FILE_FORMAT => 'DAYBOOK_PARQUET', PATTERN => '.*[.]parquet')
WHERE REGEXP_SUBSTR(METADATA$FILENAME, 'month=([0-9-]+)', 1, 1, 'e') BETWEEN '2026-09' AND '2026-10'
UNION ALL
SELECT
  $1:"start_time"::TIMESTAMP_LTZ(6) AS "START_TIME",
  $1:"end_time"::TIMESTAMP_LTZ(6) AS "END_TIME",
  $1:"last_action_time"::TIMESTAMP_LTZ(6) AS "LAST_ACTION_TIME",
  $1:"technician_name"::VARCHAR(128) AS "TECHNICIAN_NAME",
  $1:"technician_id"::BIGINT AS "TECHNICIAN_ID",
  $1:"technician_email"::VARCHAR(128) AS "TECHNICIAN_EMAIL",
  $1:"session_id"::BIGINT AS "SESSION_ID",
  $1:"session_type"::VARCHAR(100) AS "SESSION_TYPE",
  $1:"status"::VARCHAR(64) AS "STATUS",
  $1:"name"::VARCHAR(128) AS "NAME",
  $1:"custom_field_1"::VARCHAR(64) AS "CUSTOM_FIELD_1",
  $1:"custom_field_2"::VARCHAR(64) AS "CUSTOM_FIELD_2",
  $1:"custom_field_3"::VARCHAR(64) AS "CUSTOM_FIELD_3",
  $1:"custom_field_4"::VARCHAR(64) AS "CUSTOM_FIELD_4",
  $1:"custom_field_5"::VARCHAR(64) AS "CUSTOM_FIELD_5",
  $1:"tracking_id"::VARCHAR(256) AS "TRACKING_ID",
  $1:"customer_ip"::VARCHAR(15) AS "CUSTOMER_IP",
  $1:"device_id"::VARCHAR(128) AS "DEVICE_ID",
  $1:"tools_used"::VARCHAR(128) AS "TOOLS_USED",
  $1:"resolved_unresolved"::VARCHAR AS "RESOLVED_UNRESOLVED",
  $1:"channel_id"::BIGINT AS "CHANNEL_ID",
  $1:"channel_name"::VARCHAR(64) AS "CHANNEL_NAME",
  $1:"calling_card"::VARCHAR(64) AS "CALLING_CARD",
  $1:"connecting_time_ms"::BIGINT AS "CONNECTING_TIME_MS",
  $1:"waiting_time_ms"::BIGINT AS "WAITING_TIME_MS",
  $1:"total_time_ms"::BIGINT AS "TOTAL_TIME_MS",
  $1:"active_time_ms"::BIGINT AS "ACTIVE_TIME_MS",
  $1:"work_time_ms"::BIGINT AS "WORK_TIME_MS",
  $1:"hold_time_ms"::BIGINT AS "HOLD_TIME_MS",
  $1:"transfer_time_ms"::BIGINT AS "TRANSFER_TIME_MS",
  $1:"rebooting_time_ms"::BIGINT AS "REBOOTING_TIME_MS",
  $1:"reconnecting_time_ms"::BIGINT AS "RECONNECTING_TIME_MS",
  $1:"platform"::VARCHAR(20) AS "PLATFORM",
  $1:"browser_type"::VARCHAR AS "BROWSER_TYPE",
  $1:"technician_group"::VARCHAR(128) AS "TECHNICIAN_GROUP",
  $1:"time_to_first_chat_ms"::BIGINT AS "TIME_TO_FIRST_CHAT_MS",
  $1:"wrap_up_time_ms"::BIGINT AS "WRAP_UP_TIME_MS",
  $1:"transferred_to"::VARCHAR(128) AS "TRANSFERRED_TO",
  $1:"first_chat_message_sent"::TIMESTAMP_LTZ(6) AS "FIRST_CHAT_MESSAGE_SENT",
  $1:"customer_messages"::BIGINT AS "CUSTOMER_MESSAGES",
  $1:"technician_messages"::BIGINT AS "TECHNICIAN_MESSAGES",
  $1:"system_messages"::BIGINT AS "SYSTEM_MESSAGES",
  $1:"leg"::BIGINT AS "LEG",
  $1:"role"::VARCHAR AS "ROLE",
  $1:"begin_time"::TIMESTAMP_LTZ(6) AS "BEGIN_TIME",
  $1:"is_final"::BOOLEAN AS "IS_FINAL",
  $1:"other_time_ms"::BIGINT AS "OTHER_TIME_MS",
  $1:"anomalies"::VARCHAR AS "ANOMALIES",
  $1:"report_date"::DATE AS "REPORT_DATE",
  $1:"customer_address"::VARCHAR(45) AS "CUSTOMER_ADDRESS"
FROM '@DAYBOOK/reports/order/' (FILE_FORMAT => 'DAYBOOK_PARQUET', PATTERN => '.*[.]parquet')
WHERE NOT (TO_DATE(REGEXP_SUBSTR(METADATA$FILENAME, 'dt=([0-9-]+)', 1, 1, 'e')) BETWEEN DATE '2026-09-01' AND DATE '2026-10-31');

-- Snowflake: show the files of report order
-- The view names the files of this moment: make it again after each change.
CREATE OR REPLACE VIEW "ORDER_CURRENT" AS
SELECT
  $1:"start_time"::TIMESTAMP_LTZ(6) AS "START_TIME",
  $1:"end_time"::TIMESTAMP_LTZ(6) AS "END_TIME",
  $1:"last_action_time"::TIMESTAMP_LTZ(6) AS "LAST_ACTION_TIME",
  $1:"technician_name"::VARCHAR(128) AS "TECHNICIAN_NAME",
  $1:"technician_id"::BIGINT AS "TECHNICIAN_ID",
  $1:"technician_email"::VARCHAR(128) AS "TECHNICIAN_EMAIL",
  $1:"session_id"::BIGINT AS "SESSION_ID",
  $1:"session_type"::VARCHAR(100) AS "SESSION_TYPE",
  $1:"status"::VARCHAR(64) AS "STATUS",
  $1:"name"::VARCHAR(128) AS "NAME",
  $1:"custom_field_1"::VARCHAR(64) AS "CUSTOM_FIELD_1",
  $1:"custom_field_2"::VARCHAR(64) AS "CUSTOM_FIELD_2",
  $1:"custom_field_3"::VARCHAR(64) AS "CUSTOM_FIELD_3",
  $1:"custom_field_4"::VARCHAR(64) AS "CUSTOM_FIELD_4",
  $1:"custom_field_5"::VARCHAR(64) AS "CUSTOM_FIELD_5",
  $1:"tracking_id"::VARCHAR(256) AS "TRACKING_ID",
  $1:"customer_ip"::VARCHAR(15) AS "CUSTOMER_IP",
  $1:"device_id"::VARCHAR(128) AS "DEVICE_ID",
  $1:"tools_used"::VARCHAR(128) AS "TOOLS_USED",
  $1:"resolved_unresolved"::VARCHAR AS "RESOLVED_UNRESOLVED",
  $1:"channel_id"::BIGINT AS "CHANNEL_ID",
  $1:"channel_name"::VARCHAR(64) AS "CHANNEL_NAME",
  $1:"calling_card"::VARCHAR(64) AS "CALLING_CARD",
  $1:"connecting_time_ms"::BIGINT AS "CONNECTING_TIME_MS",
  $1:"waiting_time_ms"::BIGINT AS "WAITING_TIME_MS",
  $1:"total_time_ms"::BIGINT AS "TOTAL_TIME_MS",
  $1:"active_time_ms"::BIGINT AS "ACTIVE_TIME_MS",
  $1:"work_time_ms"::BIGINT AS "WORK_TIME_MS",
  $1:"hold_time_ms"::BIGINT AS "HOLD_TIME_MS",
  $1:"transfer_time_ms"::BIGINT AS "TRANSFER_TIME_MS",
  $1:"rebooting_time_ms"::BIGINT AS "REBOOTING_TIME_MS",
  $1:"reconnecting_time_ms"::BIGINT AS "RECONNECTING_TIME_MS",
  $1:"platform"::VARCHAR(20) AS "PLATFORM",
  $1:"browser_type"::VARCHAR AS "BROWSER_TYPE",
  $1:"technician_group"::VARCHAR(128) AS "TECHNICIAN_GROUP",
  $1:"time_to_first_chat_ms"::BIGINT AS "TIME_TO_FIRST_CHAT_MS",
  $1:"wrap_up_time_ms"::BIGINT AS "WRAP_UP_TIME_MS",
  $1:"transferred_to"::VARCHAR(128) AS "TRANSFERRED_TO",
  $1:"first_chat_message_sent"::TIMESTAMP_LTZ(6) AS "FIRST_CHAT_MESSAGE_SENT",
  $1:"customer_messages"::BIGINT AS "CUSTOMER_MESSAGES",
  $1:"technician_messages"::BIGINT AS "TECHNICIAN_MESSAGES",
  $1:"system_messages"::BIGINT AS "SYSTEM_MESSAGES",
  $1:"leg"::BIGINT AS "LEG",
  $1:"role"::VARCHAR AS "ROLE",
  $1:"begin_time"::TIMESTAMP_LTZ(6) AS "BEGIN_TIME",
  $1:"is_final"::BOOLEAN AS "IS_FINAL",
  $1:"other_time_ms"::BIGINT AS "OTHER_TIME_MS",
  $1:"anomalies"::VARCHAR AS "ANOMALIES",
  $1:"report_date"::DATE AS "REPORT_DATE",
  $1:"customer_address"::VARCHAR(45) AS "CUSTOMER_ADDRESS"
FROM '@DAYBOOK/reports_monthly/order/' (FILE_FORMAT => 'DAYBOOK_PARQUET', PATTERN => '.*[.]parquet')
WHERE REGEXP_SUBSTR(METADATA$FILENAME, '[^/]+/[^/]+$') IN (
  'month=2026-10/part-0-r2-0123456789abcdef.parquet')
UNION ALL
SELECT
  $1:"start_time"::TIMESTAMP_LTZ(6) AS "START_TIME",
  $1:"end_time"::TIMESTAMP_LTZ(6) AS "END_TIME",
  $1:"last_action_time"::TIMESTAMP_LTZ(6) AS "LAST_ACTION_TIME",
  $1:"technician_name"::VARCHAR(128) AS "TECHNICIAN_NAME",
  $1:"technician_id"::BIGINT AS "TECHNICIAN_ID",
  $1:"technician_email"::VARCHAR(128) AS "TECHNICIAN_EMAIL",
  $1:"session_id"::BIGINT AS "SESSION_ID",
  $1:"session_type"::VARCHAR(100) AS "SESSION_TYPE",
  $1:"status"::VARCHAR(64) AS "STATUS",
  $1:"name"::VARCHAR(128) AS "NAME",
  $1:"custom_field_1"::VARCHAR(64) AS "CUSTOM_FIELD_1",
  $1:"custom_field_2"::VARCHAR(64) AS "CUSTOM_FIELD_2",
  $1:"custom_field_3"::VARCHAR(64) AS "CUSTOM_FIELD_3",
  $1:"custom_field_4"::VARCHAR(64) AS "CUSTOM_FIELD_4",
  $1:"custom_field_5"::VARCHAR(64) AS "CUSTOM_FIELD_5",
  $1:"tracking_id"::VARCHAR(256) AS "TRACKING_ID",
  $1:"customer_ip"::VARCHAR(15) AS "CUSTOMER_IP",
  $1:"device_id"::VARCHAR(128) AS "DEVICE_ID",
  $1:"tools_used"::VARCHAR(128) AS "TOOLS_USED",
  $1:"resolved_unresolved"::VARCHAR AS "RESOLVED_UNRESOLVED",
  $1:"channel_id"::BIGINT AS "CHANNEL_ID",
  $1:"channel_name"::VARCHAR(64) AS "CHANNEL_NAME",
  $1:"calling_card"::VARCHAR(64) AS "CALLING_CARD",
  $1:"connecting_time_ms"::BIGINT AS "CONNECTING_TIME_MS",
  $1:"waiting_time_ms"::BIGINT AS "WAITING_TIME_MS",
  $1:"total_time_ms"::BIGINT AS "TOTAL_TIME_MS",
  $1:"active_time_ms"::BIGINT AS "ACTIVE_TIME_MS",
  $1:"work_time_ms"::BIGINT AS "WORK_TIME_MS",
  $1:"hold_time_ms"::BIGINT AS "HOLD_TIME_MS",
  $1:"transfer_time_ms"::BIGINT AS "TRANSFER_TIME_MS",
  $1:"rebooting_time_ms"::BIGINT AS "REBOOTING_TIME_MS",
  $1:"reconnecting_time_ms"::BIGINT AS "RECONNECTING_TIME_MS",
  $1:"platform"::VARCHAR(20) AS "PLATFORM",
  $1:"browser_type"::VARCHAR AS "BROWSER_TYPE",
  $1:"technician_group"::VARCHAR(128) AS "TECHNICIAN_GROUP",
  $1:"time_to_first_chat_ms"::BIGINT AS "TIME_TO_FIRST_CHAT_MS",
  $1:"wrap_up_time_ms"::BIGINT AS "WRAP_UP_TIME_MS",
  $1:"transferred_to"::VARCHAR(128) AS "TRANSFERRED_TO",
  $1:"first_chat_message_sent"::TIMESTAMP_LTZ(6) AS "FIRST_CHAT_MESSAGE_SENT",
  $1:"customer_messages"::BIGINT AS "CUSTOMER_MESSAGES",
  $1:"technician_messages"::BIGINT AS "TECHNICIAN_MESSAGES",
  $1:"system_messages"::BIGINT AS "SYSTEM_MESSAGES",
  $1:"leg"::BIGINT AS "LEG",
  $1:"role"::VARCHAR AS "ROLE",
  $1:"begin_time"::TIMESTAMP_LTZ(6) AS "BEGIN_TIME",
  $1:"is_final"::BOOLEAN AS "IS_FINAL",
  $1:"other_time_ms"::BIGINT AS "OTHER_TIME_MS",
  $1:"anomalies"::VARCHAR AS "ANOMALIES",
  $1:"report_date"::DATE AS "REPORT_DATE",
  $1:"customer_address"::VARCHAR(45) AS "CUSTOMER_ADDRESS"
FROM '@DAYBOOK/reports/order/' (FILE_FORMAT => 'DAYBOOK_PARQUET', PATTERN => '.*[.]parquet')
WHERE REGEXP_SUBSTR(METADATA$FILENAME, '[^/]+/[^/]+$') IN (
  'dt=2026-11-01/part-0-r2-0123456789abcdef.parquet');

