-- ClickHouse: create the table of report order
CREATE TABLE IF NOT EXISTS `order` (
  `start_time` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the session first was active with this technician. Null: never picked up.',
  `end_time` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the session was last closed or timed out, or the technician\'s part was over.',
  `last_action_time` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the technician last stopped being in action.',
  `technician_name` Nullable(String) COMMENT 'As it was when the technician took the session.',
  `technician_id` Nullable(Int64) COMMENT 'Null: no technician took the session.',
  `technician_email` Nullable(String) COMMENT 'As it was when the technician took the session.',
  `session_id` Int64 COMMENT 'With leg, the key of a row.',
  `session_type` Nullable(String) COMMENT 'The technology at the customer\'s side.',
  `status` String COMMENT 'The status when the technician\'s part was over, or the current status.',
  `name` Nullable(String) COMMENT 'The customer\'s name as entered. Its heading is configurable.',
  `custom_field_1` Nullable(String) COMMENT 'The text entered in the custom field. Its heading is configurable.',
  `custom_field_2` Nullable(String) COMMENT 'The text entered in the custom field. Its heading is configurable.',
  `custom_field_3` Nullable(String) COMMENT 'The text entered in the custom field. Its heading is configurable.',
  `custom_field_4` Nullable(String) COMMENT 'The text entered in the custom field. Its heading is configurable.',
  `custom_field_5` Nullable(String) COMMENT 'The text entered in the custom field. Its heading is configurable.',
  `tracking_id` Nullable(String) COMMENT 'A key that the organisation chooses, for example of its CRM.',
  `customer_ip` Nullable(String) COMMENT 'Null if longer than the column: half an address is a wrong address.',
  `device_id` Nullable(String) COMMENT 'The customer\'s device.',
  `tools_used` Nullable(String) COMMENT 'Distinct codes in order of first use, joined by commas.',
  `resolved_unresolved` Nullable(String) COMMENT 'Resolved or Unresolved: the technician\'s last verdict. Null from 2009-05-01 on.',
  `channel_id` Nullable(Int64) COMMENT 'The channel of the session, or to which it was transferred.',
  `channel_name` Nullable(String) COMMENT 'The channel of the session, or to which it was transferred.',
  `calling_card` Nullable(String) COMMENT 'The Calling Card installer used.',
  `connecting_time_ms` Int64 COMMENT 'From begin to the first status other than Connecting. Collaborators: 0.',
  `waiting_time_ms` Int64 COMMENT 'From the first Waiting before the start to the start. Collaborators: 0.',
  `total_time_ms` Int64 COMMENT 'Active, hold, transfer, rebooting and reconnecting time together.',
  `active_time_ms` Int64 COMMENT 'Time in status Active between start and end.',
  `work_time_ms` Int64 COMMENT 'Active time with the link up, the technician available, the session\'s tab selected and the console in the foreground.',
  `hold_time_ms` Int64 COMMENT 'Time in status On Hold between start and end.',
  `transfer_time_ms` Int64 COMMENT 'Time in status Transferring between start and end.',
  `rebooting_time_ms` Int64 COMMENT 'Time in status Rebooting between start and end.',
  `reconnecting_time_ms` Int64 COMMENT 'Time in status Reconnecting between start and end.',
  `platform` Nullable(String) COMMENT 'The customer\'s operating system.',
  `browser_type` Nullable(String) COMMENT 'Instant Chat only: the browser in which the customer started it.',
  `technician_group` Nullable(String) COMMENT 'The technician\'s group at that time, as a path: A/B lies in A.',
  `time_to_first_chat_ms` Nullable(Int64) COMMENT 'From the first Waiting, or the begin, to the technician\'s first message. Collaborators: null.',
  `wrap_up_time_ms` Nullable(Int64) COMMENT 'From the last customer or technician message to the end of the technician\'s part.',
  `transferred_to` Nullable(String) COMMENT 'The technician or channel the session was transferred to.',
  `first_chat_message_sent` Nullable(DateTime64(6, 'UTC')) COMMENT 'The technician\'s first message.',
  `customer_messages` Int64 COMMENT 'While the technician had a part in the session.',
  `technician_messages` Int64 COMMENT 'Those of this row\'s technician.',
  `system_messages` Int64 COMMENT 'While the technician had a part in the session.',
  `leg` Int64 COMMENT '0, 1, 2 … in order of opening. With session_id, the key of a row.',
  `role` String COMMENT 'lead or collaborator.',
  `begin_time` DateTime64(6, 'UTC') COMMENT 'When the technician\'s part opened.',
  `is_final` Bool COMMENT 'The technician\'s part is over; false: the row may change.',
  `other_time_ms` Int64 COMMENT 'Time between start and end in any other status.',
  `anomalies` Nullable(String) COMMENT 'The session\'s anomalies: distinct codes in alphabetical order, joined by commas.',
  `report_date` Date32 COMMENT 'The local date of the start, or of the begin, in the report\'s time zone.',
  `customer_address` Nullable(String) COMMENT 'The customer\'s address in full, IPv6 too. Null if longer than the column.'
) ENGINE = MergeTree
PARTITION BY `report_date`
ORDER BY (`report_date`, `session_id`, `leg`)
COMMENT 'Session report order of daybook: one row for each part of a technician in a session. Schema version 2.';
ALTER TABLE `order` ADD COLUMN IF NOT EXISTS `customer_address` Nullable(String) COMMENT 'The customer\'s address in full, IPv6 too. Null if longer than the column.';

-- ClickHouse: load report order: 2026-11-20, 1234 rows
DROP TABLE IF EXISTS `_order_stage` SYNC;
CREATE TABLE `_order_stage` AS `order`;
INSERT INTO `_order_stage` (`start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
  `session_id`, `session_type`, `status`, `name`, `custom_field_1`, `custom_field_2`, `custom_field_3`,
  `custom_field_4`, `custom_field_5`, `tracking_id`, `customer_ip`, `device_id`, `tools_used`,
  `resolved_unresolved`, `channel_id`, `channel_name`, `calling_card`, `connecting_time_ms`, `waiting_time_ms`,
  `total_time_ms`, `active_time_ms`, `work_time_ms`, `hold_time_ms`, `transfer_time_ms`, `rebooting_time_ms`,
  `reconnecting_time_ms`, `platform`, `browser_type`, `technician_group`, `time_to_first_chat_ms`,
  `wrap_up_time_ms`, `transferred_to`, `first_chat_message_sent`, `customer_messages`, `technician_messages`,
  `system_messages`, `leg`, `role`, `begin_time`, `is_final`, `other_time_ms`, `anomalies`, `report_date`,
  `customer_address`)
SELECT `start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
  `session_id`, `session_type`, `status`, `name`, `custom_field_1`, `custom_field_2`, `custom_field_3`,
  `custom_field_4`, `custom_field_5`, `tracking_id`, `customer_ip`, `device_id`, `tools_used`,
  `resolved_unresolved`, `channel_id`, `channel_name`, `calling_card`, `connecting_time_ms`, `waiting_time_ms`,
  `total_time_ms`, `active_time_ms`, `work_time_ms`, `hold_time_ms`, `transfer_time_ms`, `rebooting_time_ms`,
  `reconnecting_time_ms`, `platform`, `browser_type`, `technician_group`, `time_to_first_chat_ms`,
  `wrap_up_time_ms`, `transferred_to`, `first_chat_message_sent`, `customer_messages`, `technician_messages`,
  `system_messages`, `leg`, `role`, `begin_time`, `is_final`, `other_time_ms`, `anomalies`, `report_date`,
  `customer_address`
FROM s3('https://warehouse.s3.eu-west-1.amazonaws.com/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet', 'Parquet', 'start_time Nullable(DateTime64(6, \'UTC\')), end_time Nullable(DateTime64(6, \'UTC\')), last_action_time Nullable(DateTime64(6, \'UTC\')), technician_name Nullable(String), technician_id Nullable(Int64), technician_email Nullable(String), session_id Int64, session_type Nullable(String), status String, name Nullable(String), custom_field_1 Nullable(String), custom_field_2 Nullable(String), custom_field_3 Nullable(String), custom_field_4 Nullable(String), custom_field_5 Nullable(String), tracking_id Nullable(String), customer_ip Nullable(String), device_id Nullable(String), tools_used Nullable(String), resolved_unresolved Nullable(String), channel_id Nullable(Int64), channel_name Nullable(String), calling_card Nullable(String), connecting_time_ms Int64, waiting_time_ms Int64, total_time_ms Int64, active_time_ms Int64, work_time_ms Int64, hold_time_ms Int64, transfer_time_ms Int64, rebooting_time_ms Int64, reconnecting_time_ms Int64, platform Nullable(String), browser_type Nullable(String), technician_group Nullable(String), time_to_first_chat_ms Nullable(Int64), wrap_up_time_ms Nullable(Int64), transferred_to Nullable(String), first_chat_message_sent Nullable(DateTime64(6, \'UTC\')), customer_messages Int64, technician_messages Int64, system_messages Int64, leg Int64, role String, begin_time DateTime64(6, \'UTC\'), is_final Bool, other_time_ms Int64, anomalies Nullable(String), report_date Date32, customer_address Nullable(String)')
SETTINGS max_partitions_per_insert_block = 0, input_format_parquet_allow_missing_columns = 1, use_hive_partitioning = 0;
ALTER TABLE `order`
  REPLACE PARTITION '2026-11-20' FROM `_order_stage`;
DROP TABLE `_order_stage` SYNC;

-- ClickHouse: load report order: 2026-11-20 and 2026-11-21, 1234 rows
DROP TABLE IF EXISTS `_order_stage` SYNC;
CREATE TABLE `_order_stage` AS `order`;
INSERT INTO `_order_stage` (`start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
  `session_id`, `session_type`, `status`, `name`, `custom_field_1`, `custom_field_2`, `custom_field_3`,
  `custom_field_4`, `custom_field_5`, `tracking_id`, `customer_ip`, `device_id`, `tools_used`,
  `resolved_unresolved`, `channel_id`, `channel_name`, `calling_card`, `connecting_time_ms`, `waiting_time_ms`,
  `total_time_ms`, `active_time_ms`, `work_time_ms`, `hold_time_ms`, `transfer_time_ms`, `rebooting_time_ms`,
  `reconnecting_time_ms`, `platform`, `browser_type`, `technician_group`, `time_to_first_chat_ms`,
  `wrap_up_time_ms`, `transferred_to`, `first_chat_message_sent`, `customer_messages`, `technician_messages`,
  `system_messages`, `leg`, `role`, `begin_time`, `is_final`, `other_time_ms`, `anomalies`, `report_date`,
  `customer_address`)
SELECT `start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
  `session_id`, `session_type`, `status`, `name`, `custom_field_1`, `custom_field_2`, `custom_field_3`,
  `custom_field_4`, `custom_field_5`, `tracking_id`, `customer_ip`, `device_id`, `tools_used`,
  `resolved_unresolved`, `channel_id`, `channel_name`, `calling_card`, `connecting_time_ms`, `waiting_time_ms`,
  `total_time_ms`, `active_time_ms`, `work_time_ms`, `hold_time_ms`, `transfer_time_ms`, `rebooting_time_ms`,
  `reconnecting_time_ms`, `platform`, `browser_type`, `technician_group`, `time_to_first_chat_ms`,
  `wrap_up_time_ms`, `transferred_to`, `first_chat_message_sent`, `customer_messages`, `technician_messages`,
  `system_messages`, `leg`, `role`, `begin_time`, `is_final`, `other_time_ms`, `anomalies`, `report_date`,
  `customer_address`
FROM s3('https://warehouse.s3.eu-west-1.amazonaws.com/daybook/{reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet,reports/order/dt=2026-11-21/part-0-r2-0123456789abcdef.parquet}', 'Parquet', 'start_time Nullable(DateTime64(6, \'UTC\')), end_time Nullable(DateTime64(6, \'UTC\')), last_action_time Nullable(DateTime64(6, \'UTC\')), technician_name Nullable(String), technician_id Nullable(Int64), technician_email Nullable(String), session_id Int64, session_type Nullable(String), status String, name Nullable(String), custom_field_1 Nullable(String), custom_field_2 Nullable(String), custom_field_3 Nullable(String), custom_field_4 Nullable(String), custom_field_5 Nullable(String), tracking_id Nullable(String), customer_ip Nullable(String), device_id Nullable(String), tools_used Nullable(String), resolved_unresolved Nullable(String), channel_id Nullable(Int64), channel_name Nullable(String), calling_card Nullable(String), connecting_time_ms Int64, waiting_time_ms Int64, total_time_ms Int64, active_time_ms Int64, work_time_ms Int64, hold_time_ms Int64, transfer_time_ms Int64, rebooting_time_ms Int64, reconnecting_time_ms Int64, platform Nullable(String), browser_type Nullable(String), technician_group Nullable(String), time_to_first_chat_ms Nullable(Int64), wrap_up_time_ms Nullable(Int64), transferred_to Nullable(String), first_chat_message_sent Nullable(DateTime64(6, \'UTC\')), customer_messages Int64, technician_messages Int64, system_messages Int64, leg Int64, role String, begin_time DateTime64(6, \'UTC\'), is_final Bool, other_time_ms Int64, anomalies Nullable(String), report_date Date32, customer_address Nullable(String)')
SETTINGS max_partitions_per_insert_block = 0, input_format_parquet_allow_missing_columns = 1, use_hive_partitioning = 0;
ALTER TABLE `order`
  REPLACE PARTITION '2026-11-20' FROM `_order_stage`,
  DROP PARTITION '2026-11-21';
DROP TABLE `_order_stage` SYNC;

-- ClickHouse: load report order: everything from 2026-10 to 2026-11-01, 41200 rows
DROP TABLE IF EXISTS `_order_stage` SYNC;
CREATE TABLE `_order_stage` AS `order`;
INSERT INTO `_order_stage` (`start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
  `session_id`, `session_type`, `status`, `name`, `custom_field_1`, `custom_field_2`, `custom_field_3`,
  `custom_field_4`, `custom_field_5`, `tracking_id`, `customer_ip`, `device_id`, `tools_used`,
  `resolved_unresolved`, `channel_id`, `channel_name`, `calling_card`, `connecting_time_ms`, `waiting_time_ms`,
  `total_time_ms`, `active_time_ms`, `work_time_ms`, `hold_time_ms`, `transfer_time_ms`, `rebooting_time_ms`,
  `reconnecting_time_ms`, `platform`, `browser_type`, `technician_group`, `time_to_first_chat_ms`,
  `wrap_up_time_ms`, `transferred_to`, `first_chat_message_sent`, `customer_messages`, `technician_messages`,
  `system_messages`, `leg`, `role`, `begin_time`, `is_final`, `other_time_ms`, `anomalies`, `report_date`,
  `customer_address`)
SELECT `start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
  `session_id`, `session_type`, `status`, `name`, `custom_field_1`, `custom_field_2`, `custom_field_3`,
  `custom_field_4`, `custom_field_5`, `tracking_id`, `customer_ip`, `device_id`, `tools_used`,
  `resolved_unresolved`, `channel_id`, `channel_name`, `calling_card`, `connecting_time_ms`, `waiting_time_ms`,
  `total_time_ms`, `active_time_ms`, `work_time_ms`, `hold_time_ms`, `transfer_time_ms`, `rebooting_time_ms`,
  `reconnecting_time_ms`, `platform`, `browser_type`, `technician_group`, `time_to_first_chat_ms`,
  `wrap_up_time_ms`, `transferred_to`, `first_chat_message_sent`, `customer_messages`, `technician_messages`,
  `system_messages`, `leg`, `role`, `begin_time`, `is_final`, `other_time_ms`, `anomalies`, `report_date`,
  `customer_address`
FROM s3('https://warehouse.s3.eu-west-1.amazonaws.com/daybook/{reports_monthly/order/month=2026-10/part-0-r2-0123456789abcdef.parquet,reports/order/dt=2026-11-01/part-0-r2-0123456789abcdef.parquet}', 'Parquet', 'start_time Nullable(DateTime64(6, \'UTC\')), end_time Nullable(DateTime64(6, \'UTC\')), last_action_time Nullable(DateTime64(6, \'UTC\')), technician_name Nullable(String), technician_id Nullable(Int64), technician_email Nullable(String), session_id Int64, session_type Nullable(String), status String, name Nullable(String), custom_field_1 Nullable(String), custom_field_2 Nullable(String), custom_field_3 Nullable(String), custom_field_4 Nullable(String), custom_field_5 Nullable(String), tracking_id Nullable(String), customer_ip Nullable(String), device_id Nullable(String), tools_used Nullable(String), resolved_unresolved Nullable(String), channel_id Nullable(Int64), channel_name Nullable(String), calling_card Nullable(String), connecting_time_ms Int64, waiting_time_ms Int64, total_time_ms Int64, active_time_ms Int64, work_time_ms Int64, hold_time_ms Int64, transfer_time_ms Int64, rebooting_time_ms Int64, reconnecting_time_ms Int64, platform Nullable(String), browser_type Nullable(String), technician_group Nullable(String), time_to_first_chat_ms Nullable(Int64), wrap_up_time_ms Nullable(Int64), transferred_to Nullable(String), first_chat_message_sent Nullable(DateTime64(6, \'UTC\')), customer_messages Int64, technician_messages Int64, system_messages Int64, leg Int64, role String, begin_time DateTime64(6, \'UTC\'), is_final Bool, other_time_ms Int64, anomalies Nullable(String), report_date Date32, customer_address Nullable(String)')
SETTINGS max_partitions_per_insert_block = 0, input_format_parquet_allow_missing_columns = 1, use_hive_partitioning = 0;
EXCHANGE TABLES `order` AND `_order_stage`;
DROP TABLE `_order_stage` SYNC;

-- ClickHouse: load report order: 2026-11-22, 0 rows
ALTER TABLE `order`
  DROP PARTITION '2026-11-22';

-- ClickHouse: merge report order: 2026-11-20, 1234 rows
DROP TABLE IF EXISTS `_order_stage` SYNC;
CREATE TABLE `_order_stage` AS `order`;
INSERT INTO `_order_stage` (`start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
  `session_id`, `session_type`, `status`, `name`, `custom_field_1`, `custom_field_2`, `custom_field_3`,
  `custom_field_4`, `custom_field_5`, `tracking_id`, `customer_ip`, `device_id`, `tools_used`,
  `resolved_unresolved`, `channel_id`, `channel_name`, `calling_card`, `connecting_time_ms`, `waiting_time_ms`,
  `total_time_ms`, `active_time_ms`, `work_time_ms`, `hold_time_ms`, `transfer_time_ms`, `rebooting_time_ms`,
  `reconnecting_time_ms`, `platform`, `browser_type`, `technician_group`, `time_to_first_chat_ms`,
  `wrap_up_time_ms`, `transferred_to`, `first_chat_message_sent`, `customer_messages`, `technician_messages`,
  `system_messages`, `leg`, `role`, `begin_time`, `is_final`, `other_time_ms`, `anomalies`, `report_date`,
  `customer_address`)
SELECT `start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
  `session_id`, `session_type`, `status`, `name`, `custom_field_1`, `custom_field_2`, `custom_field_3`,
  `custom_field_4`, `custom_field_5`, `tracking_id`, `customer_ip`, `device_id`, `tools_used`,
  `resolved_unresolved`, `channel_id`, `channel_name`, `calling_card`, `connecting_time_ms`, `waiting_time_ms`,
  `total_time_ms`, `active_time_ms`, `work_time_ms`, `hold_time_ms`, `transfer_time_ms`, `rebooting_time_ms`,
  `reconnecting_time_ms`, `platform`, `browser_type`, `technician_group`, `time_to_first_chat_ms`,
  `wrap_up_time_ms`, `transferred_to`, `first_chat_message_sent`, `customer_messages`, `technician_messages`,
  `system_messages`, `leg`, `role`, `begin_time`, `is_final`, `other_time_ms`, `anomalies`, `report_date`,
  `customer_address`
FROM s3('https://warehouse.s3.eu-west-1.amazonaws.com/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet', 'Parquet', 'start_time Nullable(DateTime64(6, \'UTC\')), end_time Nullable(DateTime64(6, \'UTC\')), last_action_time Nullable(DateTime64(6, \'UTC\')), technician_name Nullable(String), technician_id Nullable(Int64), technician_email Nullable(String), session_id Int64, session_type Nullable(String), status String, name Nullable(String), custom_field_1 Nullable(String), custom_field_2 Nullable(String), custom_field_3 Nullable(String), custom_field_4 Nullable(String), custom_field_5 Nullable(String), tracking_id Nullable(String), customer_ip Nullable(String), device_id Nullable(String), tools_used Nullable(String), resolved_unresolved Nullable(String), channel_id Nullable(Int64), channel_name Nullable(String), calling_card Nullable(String), connecting_time_ms Int64, waiting_time_ms Int64, total_time_ms Int64, active_time_ms Int64, work_time_ms Int64, hold_time_ms Int64, transfer_time_ms Int64, rebooting_time_ms Int64, reconnecting_time_ms Int64, platform Nullable(String), browser_type Nullable(String), technician_group Nullable(String), time_to_first_chat_ms Nullable(Int64), wrap_up_time_ms Nullable(Int64), transferred_to Nullable(String), first_chat_message_sent Nullable(DateTime64(6, \'UTC\')), customer_messages Int64, technician_messages Int64, system_messages Int64, leg Int64, role String, begin_time DateTime64(6, \'UTC\'), is_final Bool, other_time_ms Int64, anomalies Nullable(String), report_date Date32, customer_address Nullable(String)')
SETTINGS max_partitions_per_insert_block = 0, input_format_parquet_allow_missing_columns = 1, use_hive_partitioning = 0;
ALTER TABLE `order`
  REPLACE PARTITION '2026-11-20' FROM `_order_stage`;
DROP TABLE `_order_stage` SYNC;

-- ClickHouse: show the files of report order
CREATE OR REPLACE VIEW `order_current` AS
SELECT `start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
  `session_id`, `session_type`, `status`, `name`, `custom_field_1`, `custom_field_2`, `custom_field_3`,
  `custom_field_4`, `custom_field_5`, `tracking_id`, `customer_ip`, `device_id`, `tools_used`,
  `resolved_unresolved`, `channel_id`, `channel_name`, `calling_card`, `connecting_time_ms`, `waiting_time_ms`,
  `total_time_ms`, `active_time_ms`, `work_time_ms`, `hold_time_ms`, `transfer_time_ms`, `rebooting_time_ms`,
  `reconnecting_time_ms`, `platform`, `browser_type`, `technician_group`, `time_to_first_chat_ms`,
  `wrap_up_time_ms`, `transferred_to`, `first_chat_message_sent`, `customer_messages`, `technician_messages`,
  `system_messages`, `leg`, `role`, `begin_time`, `is_final`, `other_time_ms`, `anomalies`, `report_date`,
  `customer_address`
FROM s3('https://warehouse.s3.eu-west-1.amazonaws.com/daybook/reports_monthly/order/month=*/*.parquet', 'Parquet', 'start_time Nullable(DateTime64(6, \'UTC\')), end_time Nullable(DateTime64(6, \'UTC\')), last_action_time Nullable(DateTime64(6, \'UTC\')), technician_name Nullable(String), technician_id Nullable(Int64), technician_email Nullable(String), session_id Int64, session_type Nullable(String), status String, name Nullable(String), custom_field_1 Nullable(String), custom_field_2 Nullable(String), custom_field_3 Nullable(String), custom_field_4 Nullable(String), custom_field_5 Nullable(String), tracking_id Nullable(String), customer_ip Nullable(String), device_id Nullable(String), tools_used Nullable(String), resolved_unresolved Nullable(String), channel_id Nullable(Int64), channel_name Nullable(String), calling_card Nullable(String), connecting_time_ms Int64, waiting_time_ms Int64, total_time_ms Int64, active_time_ms Int64, work_time_ms Int64, hold_time_ms Int64, transfer_time_ms Int64, rebooting_time_ms Int64, reconnecting_time_ms Int64, platform Nullable(String), browser_type Nullable(String), technician_group Nullable(String), time_to_first_chat_ms Nullable(Int64), wrap_up_time_ms Nullable(Int64), transferred_to Nullable(String), first_chat_message_sent Nullable(DateTime64(6, \'UTC\')), customer_messages Int64, technician_messages Int64, system_messages Int64, leg Int64, role String, begin_time DateTime64(6, \'UTC\'), is_final Bool, other_time_ms Int64, anomalies Nullable(String), report_date Date32, customer_address Nullable(String)')
WHERE extract(_path, 'month=([0-9-]+)') BETWEEN '2026-09' AND '2026-10'
UNION ALL
SELECT `start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
  `session_id`, `session_type`, `status`, `name`, `custom_field_1`, `custom_field_2`, `custom_field_3`,
  `custom_field_4`, `custom_field_5`, `tracking_id`, `customer_ip`, `device_id`, `tools_used`,
  `resolved_unresolved`, `channel_id`, `channel_name`, `calling_card`, `connecting_time_ms`, `waiting_time_ms`,
  `total_time_ms`, `active_time_ms`, `work_time_ms`, `hold_time_ms`, `transfer_time_ms`, `rebooting_time_ms`,
  `reconnecting_time_ms`, `platform`, `browser_type`, `technician_group`, `time_to_first_chat_ms`,
  `wrap_up_time_ms`, `transferred_to`, `first_chat_message_sent`, `customer_messages`, `technician_messages`,
  `system_messages`, `leg`, `role`, `begin_time`, `is_final`, `other_time_ms`, `anomalies`, `report_date`,
  `customer_address`
FROM s3('https://warehouse.s3.eu-west-1.amazonaws.com/daybook/reports/order/dt=*/*.parquet', 'Parquet', 'start_time Nullable(DateTime64(6, \'UTC\')), end_time Nullable(DateTime64(6, \'UTC\')), last_action_time Nullable(DateTime64(6, \'UTC\')), technician_name Nullable(String), technician_id Nullable(Int64), technician_email Nullable(String), session_id Int64, session_type Nullable(String), status String, name Nullable(String), custom_field_1 Nullable(String), custom_field_2 Nullable(String), custom_field_3 Nullable(String), custom_field_4 Nullable(String), custom_field_5 Nullable(String), tracking_id Nullable(String), customer_ip Nullable(String), device_id Nullable(String), tools_used Nullable(String), resolved_unresolved Nullable(String), channel_id Nullable(Int64), channel_name Nullable(String), calling_card Nullable(String), connecting_time_ms Int64, waiting_time_ms Int64, total_time_ms Int64, active_time_ms Int64, work_time_ms Int64, hold_time_ms Int64, transfer_time_ms Int64, rebooting_time_ms Int64, reconnecting_time_ms Int64, platform Nullable(String), browser_type Nullable(String), technician_group Nullable(String), time_to_first_chat_ms Nullable(Int64), wrap_up_time_ms Nullable(Int64), transferred_to Nullable(String), first_chat_message_sent Nullable(DateTime64(6, \'UTC\')), customer_messages Int64, technician_messages Int64, system_messages Int64, leg Int64, role String, begin_time DateTime64(6, \'UTC\'), is_final Bool, other_time_ms Int64, anomalies Nullable(String), report_date Date32, customer_address Nullable(String)')
WHERE NOT (extract(_path, 'dt=([0-9-]+)') BETWEEN '2026-09-01' AND '2026-10-31');

-- ClickHouse: show the files of report order
-- The view names the files of this moment: make it again after each change.
CREATE OR REPLACE VIEW `order_current` AS
SELECT `start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
  `session_id`, `session_type`, `status`, `name`, `custom_field_1`, `custom_field_2`, `custom_field_3`,
  `custom_field_4`, `custom_field_5`, `tracking_id`, `customer_ip`, `device_id`, `tools_used`,
  `resolved_unresolved`, `channel_id`, `channel_name`, `calling_card`, `connecting_time_ms`, `waiting_time_ms`,
  `total_time_ms`, `active_time_ms`, `work_time_ms`, `hold_time_ms`, `transfer_time_ms`, `rebooting_time_ms`,
  `reconnecting_time_ms`, `platform`, `browser_type`, `technician_group`, `time_to_first_chat_ms`,
  `wrap_up_time_ms`, `transferred_to`, `first_chat_message_sent`, `customer_messages`, `technician_messages`,
  `system_messages`, `leg`, `role`, `begin_time`, `is_final`, `other_time_ms`, `anomalies`, `report_date`,
  `customer_address`
FROM s3('https://warehouse.s3.eu-west-1.amazonaws.com/daybook/{reports_monthly/order/month=2026-10/part-0-r2-0123456789abcdef.parquet,reports/order/dt=2026-11-01/part-0-r2-0123456789abcdef.parquet}', 'Parquet', 'start_time Nullable(DateTime64(6, \'UTC\')), end_time Nullable(DateTime64(6, \'UTC\')), last_action_time Nullable(DateTime64(6, \'UTC\')), technician_name Nullable(String), technician_id Nullable(Int64), technician_email Nullable(String), session_id Int64, session_type Nullable(String), status String, name Nullable(String), custom_field_1 Nullable(String), custom_field_2 Nullable(String), custom_field_3 Nullable(String), custom_field_4 Nullable(String), custom_field_5 Nullable(String), tracking_id Nullable(String), customer_ip Nullable(String), device_id Nullable(String), tools_used Nullable(String), resolved_unresolved Nullable(String), channel_id Nullable(Int64), channel_name Nullable(String), calling_card Nullable(String), connecting_time_ms Int64, waiting_time_ms Int64, total_time_ms Int64, active_time_ms Int64, work_time_ms Int64, hold_time_ms Int64, transfer_time_ms Int64, rebooting_time_ms Int64, reconnecting_time_ms Int64, platform Nullable(String), browser_type Nullable(String), technician_group Nullable(String), time_to_first_chat_ms Nullable(Int64), wrap_up_time_ms Nullable(Int64), transferred_to Nullable(String), first_chat_message_sent Nullable(DateTime64(6, \'UTC\')), customer_messages Int64, technician_messages Int64, system_messages Int64, leg Int64, role String, begin_time DateTime64(6, \'UTC\'), is_final Bool, other_time_ms Int64, anomalies Nullable(String), report_date Date32, customer_address Nullable(String)');

