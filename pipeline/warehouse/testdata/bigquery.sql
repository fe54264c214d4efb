-- BigQuery: create the table of report order
CREATE TABLE IF NOT EXISTS `support`.`order` (
  `start_time` TIMESTAMP OPTIONS (description = 'When the session first was active with this technician. Null: never picked up.'),
  `end_time` TIMESTAMP OPTIONS (description = 'When the session was last closed or timed out, or the technician\'s part was over.'),
  `last_action_time` TIMESTAMP OPTIONS (description = 'When the technician last stopped being in action.'),
  `technician_name` STRING(128) OPTIONS (description = 'As it was when the technician took the session.'),
  `technician_id` INT64 OPTIONS (description = 'Null: no technician took the session.'),
  `technician_email` STRING(128) OPTIONS (description = 'As it was when the technician took the session.'),
  `session_id` INT64 NOT NULL OPTIONS (description = 'With leg, the key of a row.'),
  `session_type` STRING(100) OPTIONS (description = 'The technology at the customer\'s side.'),
  `status` STRING(64) NOT NULL OPTIONS (description = 'The status when the technician\'s part was over, or the current status.'),
  `name` STRING(128) OPTIONS (description = 'The customer\'s name as entered. Its heading is configurable.'),
  `custom_field_1` STRING(64) OPTIONS (description = 'The text entered in the custom field. Its heading is configurable.'),
  `custom_field_2` STRING(64) OPTIONS (description = 'The text entered in the custom field. Its heading is configurable.'),
  `custom_field_3` STRING(64) OPTIONS (description = 'The text entered in the custom field. Its heading is configurable.'),
  `custom_field_4` STRING(64) OPTIONS (description = 'The text entered in the custom field. Its heading is configurable.'),
  `custom_field_5` STRING(64) OPTIONS (description = 'The text entered in the custom field. Its heading is configurable.'),
  `tracking_id` STRING(256) OPTIONS (description = 'A key that the organisation chooses, for example of its CRM.'),
  `customer_ip` STRING(15) OPTIONS (description = 'Null if longer than the column: half an address is a wrong address.'),
  `device_id` STRING(128) OPTIONS (description = 'The customer\'s device.'),
  `tools_used` STRING(128) OPTIONS (description = 'Distinct codes in order of first use, joined by commas.'),
  `resolved_unresolved` STRING OPTIONS (description = 'Resolved or Unresolved: the technician\'s last verdict. Null from 2009-05-01 on.'),
  `channel_id` INT64 OPTIONS (description = 'The channel of the session, or to which it was transferred.'),
  `channel_name` STRING(64) OPTIONS (description = 'The channel of the session, or to which it was transferred.'),
  `calling_card` STRING(64) OPTIONS (description = 'The Calling Card installer used.'),
  `connecting_time_ms` INT64 NOT NULL OPTIONS (description = 'From begin to the first status other than Connecting. Collaborators: 0.'),
  `waiting_time_ms` INT64 NOT NULL OPTIONS (description = 'From the first Waiting before the start to the start. Collaborators: 0.'),
  `total_time_ms` INT64 NOT NULL OPTIONS (description = 'Active, hold, transfer, rebooting and reconnecting time together.'),
  `active_time_ms` INT64 NOT NULL OPTIONS (description = 'Time in status Active between start and end.'),
  `work_time_ms` INT64 NOT NULL OPTIONS (description = 'Active time with the link up, the technician available, the session\'s tab selected and the console in the foreground.'),
  `hold_time_ms` INT64 NOT NULL OPTIONS (description = 'Time in status On Hold between start and end.'),
  `transfer_time_ms` INT64 NOT NULL OPTIONS (description = 'Time in status Transferring between start and end.'),
  `rebooting_time_ms` INT64 NOT NULL OPTIONS (description = 'Time in status Rebooting between start and end.'),
  `reconnecting_time_ms` INT64 NOT NULL OPTIONS (description = 'Time in status Reconnecting between start and end.'),
  `platform` STRING(20) OPTIONS (description = 'The customer\'s operating system.'),
  `browser_type` STRING OPTIONS (description = 'Instant Chat only: the browser in which the customer started it.'),
  `technician_group` STRING(128) OPTIONS (description = 'The technician\'s group at that time, as a path: A/B lies in A.'),
  `time_to_first_chat_ms` INT64 OPTIONS (description = 'From the first Waiting, or the begin, to the technician\'s first message. Collaborators: null.'),
  `wrap_up_time_ms` INT64 OPTIONS (description = 'From the last customer or technician message to the end of the technician\'s part.'),
  `transferred_to` STRING(128) OPTIONS (description = 'The technician or channel the session was transferred to.'),
  `first_chat_message_sent` TIMESTAMP OPTIONS (description = 'The technician\'s first message.'),
  `customer_messages` INT64 NOT NULL OPTIONS (description = 'While the technician had a part in the session.'),
  `technician_messages` INT64 NOT NULL OPTIONS (description = 'Those of this row\'s technician.'),
  `system_messages` INT64 NOT NULL OPTIONS (description = 'While the technician had a part in the session.'),
  `leg` INT64 NOT NULL OPTIONS (description = '0, 1, 2 … in order of opening. With session_id, the key of a row.'),
  `role` STRING NOT NULL OPTIONS (description = 'lead or collaborator.'),
  `begin_time` TIMESTAMP NOT NULL OPTIONS (description = 'When the technician\'s part opened.'),
  `is_final` BOOL NOT NULL OPTIONS (description = 'The technician\'s part is over; false: the row may change.'),
  `other_time_ms` INT64 NOT NULL OPTIONS (description = 'Time between start and end in any other status.'),
  `anomalies` STRING OPTIONS (description = 'The session\'s anomalies: distinct codes in alphabetical order, joined by commas.'),
  `report_date` DATE NOT NULL OPTIONS (description = 'The local date of the start, or of the begin, in the report\'s time zone.'),
  `customer_address` STRING(45) OPTIONS (description = 'The customer\'s address in full, IPv6 too. Null if longer than the column.')
)
PARTITION BY `report_date`
CLUSTER BY `session_id`
OPTIONS (description = 'Session report order of daybook: one row for each part of a technician in a session. Schema version 2.');
ALTER TABLE `support`.`order` ADD COLUMN IF NOT EXISTS `customer_address` STRING(45) OPTIONS (description = 'The customer\'s address in full, IPv6 too. Null if longer than the column.');

-- BigQuery: load report order: 2026-11-20, 1234 rows
LOAD DATA OVERWRITE TEMP TABLE `_order_stage` (
  `start_time` TIMESTAMP,
  `end_time` TIMESTAMP,
  `last_action_time` TIMESTAMP,
  `technician_name` STRING,
  `technician_id` INT64,
  `technician_email` STRING,
  `session_id` INT64,
  `session_type` STRING,
  `status` STRING,
  `name` STRING,
  `custom_field_1` STRING,
  `custom_field_2` STRING,
  `custom_field_3` STRING,
  `custom_field_4` STRING,
  `custom_field_5` STRING,
  `tracking_id` STRING,
  `customer_ip` STRING,
  `device_id` STRING,
  `tools_used` STRING,
  `resolved_unresolved` STRING,
  `channel_id` INT64,
  `channel_name` STRING,
  `calling_card` STRING,
  `connecting_time_ms` INT64,
  `waiting_time_ms` INT64,
  `total_time_ms` INT64,
  `active_time_ms` INT64,
  `work_time_ms` INT64,
  `hold_time_ms` INT64,
  `transfer_time_ms` INT64,
  `rebooting_time_ms` INT64,
  `reconnecting_time_ms` INT64,
  `platform` STRING,
  `browser_type` STRING,
  `technician_group` STRING,
  `time_to_first_chat_ms` INT64,
  `wrap_up_time_ms` INT64,
  `transferred_to` STRING,
  `first_chat_message_sent` TIMESTAMP,
  `customer_messages` INT64,
  `technician_messages` INT64,
  `system_messages` INT64,
  `leg` INT64,
  `role` STRING,
  `begin_time` TIMESTAMP,
  `is_final` BOOL,
  `other_time_ms` INT64,
  `anomalies` STRING,
  `report_date` DATE,
  `customer_address` STRING
) FROM FILES (format = 'PARQUET', uris = [
  'gs://warehouse/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet'
]);
BEGIN TRANSACTION;
DELETE FROM `support`.`order` WHERE `report_date` = DATE '2026-11-20';
INSERT INTO `support`.`order` (`start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
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
  `customer_address` FROM `_order_stage`;
COMMIT TRANSACTION;

-- BigQuery: load report order: 2026-11-20 and 2026-11-21, 1234 rows
LOAD DATA OVERWRITE TEMP TABLE `_order_stage` (
  `start_time` TIMESTAMP,
  `end_time` TIMESTAMP,
  `last_action_time` TIMESTAMP,
  `technician_name` STRING,
  `technician_id` INT64,
  `technician_email` STRING,
  `session_id` INT64,
  `session_type` STRING,
  `status` STRING,
  `name` STRING,
  `custom_field_1` STRING,
  `custom_field_2` STRING,
  `custom_field_3` STRING,
  `custom_field_4` STRING,
  `custom_field_5` STRING,
  `tracking_id` STRING,
  `customer_ip` STRING,
  `device_id` STRING,
  `tools_used` STRING,
  `resolved_unresolved` STRING,
  `channel_id` INT64,
  `channel_name` STRING,
  `calling_card` STRING,
  `connecting_time_ms` INT64,
  `waiting_time_ms` INT64,
  `total_time_ms` INT64,
  `active_time_ms` INT64,
  `work_time_ms` INT64,
  `hold_time_ms` INT64,
  `transfer_time_ms` INT64,
  `rebooting_time_ms` INT64,
  `reconnecting_time_ms` INT64,
  `platform` STRING,
  `browser_type` STRING,
  `technician_group` STRING,
  `time_to_first_chat_ms` INT64,
  `wrap_up_time_ms` INT64,
  `transferred_to` STRING,
  `first_chat_message_sent` TIMESTAMP,
  `customer_messages` INT64,
  `technician_messages` INT64,
  `system_messages` INT64,
  `leg` INT64,
  `role` STRING,
  `begin_time` TIMESTAMP,
  `is_final` BOOL,
  `other_time_ms` INT64,
  `anomalies` STRING,
  `report_date` DATE,
  `customer_address` STRING
) FROM FILES (format = 'PARQUET', uris = [
  'gs://warehouse/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet',
  'gs://warehouse/daybook/reports/order/dt=2026-11-21/part-0-r2-0123456789abcdef.parquet'
]);
BEGIN TRANSACTION;
DELETE FROM `support`.`order` WHERE `report_date` BETWEEN DATE '2026-11-20' AND DATE '2026-11-21';
INSERT INTO `support`.`order` (`start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
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
  `customer_address` FROM `_order_stage`;
COMMIT TRANSACTION;

-- BigQuery: load report order: everything from 2026-10 to 2026-11-01, 41200 rows
LOAD DATA OVERWRITE TEMP TABLE `_order_stage` (
  `start_time` TIMESTAMP,
  `end_time` TIMESTAMP,
  `last_action_time` TIMESTAMP,
  `technician_name` STRING,
  `technician_id` INT64,
  `technician_email` STRING,
  `session_id` INT64,
  `session_type` STRING,
  `status` STRING,
  `name` STRING,
  `custom_field_1` STRING,
  `custom_field_2` STRING,
  `custom_field_3` STRING,
  `custom_field_4` STRING,
  `custom_field_5` STRING,
  `tracking_id` STRING,
  `customer_ip` STRING,
  `device_id` STRING,
  `tools_used` STRING,
  `resolved_unresolved` STRING,
  `channel_id` INT64,
  `channel_name` STRING,
  `calling_card` STRING,
  `connecting_time_ms` INT64,
  `waiting_time_ms` INT64,
  `total_time_ms` INT64,
  `active_time_ms` INT64,
  `work_time_ms` INT64,
  `hold_time_ms` INT64,
  `transfer_time_ms` INT64,
  `rebooting_time_ms` INT64,
  `reconnecting_time_ms` INT64,
  `platform` STRING,
  `browser_type` STRING,
  `technician_group` STRING,
  `time_to_first_chat_ms` INT64,
  `wrap_up_time_ms` INT64,
  `transferred_to` STRING,
  `first_chat_message_sent` TIMESTAMP,
  `customer_messages` INT64,
  `technician_messages` INT64,
  `system_messages` INT64,
  `leg` INT64,
  `role` STRING,
  `begin_time` TIMESTAMP,
  `is_final` BOOL,
  `other_time_ms` INT64,
  `anomalies` STRING,
  `report_date` DATE,
  `customer_address` STRING
) FROM FILES (format = 'PARQUET', uris = [
  'gs://warehouse/daybook/reports_monthly/order/month=2026-10/part-0-r2-0123456789abcdef.parquet',
  'gs://warehouse/daybook/reports/order/dt=2026-11-01/part-0-r2-0123456789abcdef.parquet'
]);
BEGIN TRANSACTION;
DELETE FROM `support`.`order` WHERE TRUE;
INSERT INTO `support`.`order` (`start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
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
  `customer_address` FROM `_order_stage`;
COMMIT TRANSACTION;

-- BigQuery: load report order: 2026-11-22, 0 rows
DELETE FROM `support`.`order` WHERE `report_date` = DATE '2026-11-22';

-- BigQuery: merge report order: 2026-11-20, 1234 rows
LOAD DATA OVERWRITE TEMP TABLE `_order_stage` (
  `start_time` TIMESTAMP,
  `end_time` TIMESTAMP,
  `last_action_time` TIMESTAMP,
  `technician_name` STRING,
  `technician_id` INT64,
  `technician_email` STRING,
  `session_id` INT64,
  `session_type` STRING,
  `status` STRING,
  `name` STRING,
  `custom_field_1` STRING,
  `custom_field_2` STRING,
  `custom_field_3` STRING,
  `custom_field_4` STRING,
  `custom_field_5` STRING,
  `tracking_id` STRING,
  `customer_ip` STRING,
  `device_id` STRING,
  `tools_used` STRING,
  `resolved_unresolved` STRING,
  `channel_id` INT64,
  `channel_name` STRING,
  `calling_card` STRING,
  `connecting_time_ms` INT64,
  `waiting_time_ms` INT64,
  `total_time_ms` INT64,
  `active_time_ms` INT64,
  `work_time_ms` INT64,
  `hold_time_ms` INT64,
  `transfer_time_ms` INT64,
  `rebooting_time_ms` INT64,
  `reconnecting_time_ms` INT64,
  `platform` STRING,
  `browser_type` STRING,
  `technician_group` STRING,
  `time_to_first_chat_ms` INT64,
  `wrap_up_time_ms` INT64,
  `transferred_to` STRING,
  `first_chat_message_sent` TIMESTAMP,
  `customer_messages` INT64,
  `technician_messages` INT64,
  `system_messages` INT64,
  `leg` INT64,
  `role` STRING,
  `begin_time` TIMESTAMP,
  `is_final` BOOL,
  `other_time_ms` INT64,
  `anomalies` STRING,
  `report_date` DATE,
  `customer_address` STRING
) FROM FILES (format = 'PARQUET', uris = [
  'gs://warehouse/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet'
]);
BEGIN TRANSACTION;
MERGE INTO `support`.`order` AS t
USING `_order_stage` AS s
ON t.`report_date` = s.`report_date` AND t.`session_id` = s.`session_id` AND t.`leg` = s.`leg`
WHEN MATCHED AND (t.`start_time` IS DISTINCT FROM s.`start_time`
  OR t.`end_time` IS DISTINCT FROM s.`end_time`
  OR t.`last_action_time` IS DISTINCT FROM s.`last_action_time`
  OR t.`technician_name` IS DISTINCT FROM s.`technician_name`
  OR t.`technician_id` IS DISTINCT FROM s.`technician_id`
  OR t.`technician_email` IS DISTINCT FROM s.`technician_email`
  OR t.`session_type` IS DISTINCT FROM s.`session_type`
  OR t.`status` IS DISTINCT FROM s.`status`
  OR t.`name` IS DISTINCT FROM s.`name`
  OR t.`custom_field_1` IS DISTINCT FROM s.`custom_field_1`
  OR t.`custom_field_2` IS DISTINCT FROM s.`custom_field_2`
  OR t.`custom_field_3` IS DISTINCT FROM s.`custom_field_3`
  OR t.`custom_field_4` IS DISTINCT FROM s.`custom_field_4`
  OR t.`custom_field_5` IS DISTINCT FROM s.`custom_field_5`
  OR t.`tracking_id` IS DISTINCT FROM s.`tracking_id`
  OR t.`customer_ip` IS DISTINCT FROM s.`customer_ip`
  OR t.`device_id` IS DISTINCT FROM s.`device_id`
  OR t.`tools_used` IS DISTINCT FROM s.`tools_used`
  OR t.`resolved_unresolved` IS DISTINCT FROM s.`resolved_unresolved`
  OR t.`channel_id` IS DISTINCT FROM s.`channel_id`
  OR t.`channel_name` IS DISTINCT FROM s.`channel_name`
  OR t.`calling_card` IS DISTINCT FROM s.`calling_card`
  OR t.`connecting_time_ms` IS DISTINCT FROM s.`connecting_time_ms`
  OR t.`waiting_time_ms` IS DISTINCT FROM s.`waiting_time_ms`
  OR t.`total_time_ms` IS DISTINCT FROM s.`total_time_ms`
  OR t.`active_time_ms` IS DISTINCT FROM s.`active_time_ms`
  OR t.`work_time_ms` IS DISTINCT FROM s.`work_time_ms`
  OR t.`hold_time_ms` IS DISTINCT FROM s.`hold_time_ms`
  OR t.`transfer_time_ms` IS DISTINCT FROM s.`transfer_time_ms`
  OR t.`rebooting_time_ms` IS DISTINCT FROM s.`rebooting_time_ms`
  OR t.`reconnecting_time_ms` IS DISTINCT FROM s.`reconnecting_time_ms`
  OR t.`platform` IS DISTINCT FROM s.`platform`
  OR t.`browser_type` IS DISTINCT FROM s.`browser_type`
  OR t.`technician_group` IS DISTINCT FROM s.`technician_group`
  OR t.`time_to_first_chat_ms` IS DISTINCT FROM s.`time_to_first_chat_ms`
  OR t.`wrap_up_time_ms` IS DISTINCT FROM s.`wrap_up_time_ms`
  OR t.`transferred_to` IS DISTINCT FROM s.`transferred_to`
  OR t.`first_chat_message_sent` IS DISTINCT FROM s.`first_chat_message_sent`
  OR t.`customer_messages` IS DISTINCT FROM s.`customer_messages`
  OR t.`technician_messages` IS DISTINCT FROM s.`technician_messages`
  OR t.`system_messages` IS DISTINCT FROM s.`system_messages`
  OR t.`role` IS DISTINCT FROM s.`role`
  OR t.`begin_time` IS DISTINCT FROM s.`begin_time`
  OR t.`is_final` IS DISTINCT FROM s.`is_final`
  OR t.`other_time_ms` IS DISTINCT FROM s.`other_time_ms`
  OR t.`anomalies` IS DISTINCT FROM s.`anomalies`
  OR t.`customer_address` IS DISTINCT FROM s.`customer_address`)
THEN UPDATE SET `start_time` = s.`start_time`, `end_time` = s.`end_time`, `last_action_time` = s.`last_action_time`,
  `technician_name` = s.`technician_name`, `technician_id` = s.`technician_id`,
  `technician_email` = s.`technician_email`, `session_type` = s.`session_type`, `status` = s.`status`,
  `name` = s.`name`, `custom_field_1` = s.`custom_field_1`, `custom_field_2` = s.`custom_field_2`,
  `custom_field_3` = s.`custom_field_3`, `custom_field_4` = s.`custom_field_4`,
  `custom_field_5` = s.`custom_field_5`, `tracking_id` = s.`tracking_id`, `customer_ip` = s.`customer_ip`,
  `device_id` = s.`device_id`, `tools_used` = s.`tools_used`, `resolved_unresolved` = s.`resolved_unresolved`,
  `channel_id` = s.`channel_id`, `channel_name` = s.`channel_name`, `calling_card` = s.`calling_card`,
  `connecting_time_ms` = s.`connecting_time_ms`, `waiting_time_ms` = s.`waiting_time_ms`,
  `total_time_ms` = s.`total_time_ms`, `active_time_ms` = s.`active_time_ms`, `work_time_ms` = s.`work_time_ms`,
  `hold_time_ms` = s.`hold_time_ms`, `transfer_time_ms` = s.`transfer_time_ms`,
  `rebooting_time_ms` = s.`rebooting_time_ms`, `reconnecting_time_ms` = s.`reconnecting_time_ms`,
  `platform` = s.`platform`, `browser_type` = s.`browser_type`, `technician_group` = s.`technician_group`,
  `time_to_first_chat_ms` = s.`time_to_first_chat_ms`, `wrap_up_time_ms` = s.`wrap_up_time_ms`,
  `transferred_to` = s.`transferred_to`, `first_chat_message_sent` = s.`first_chat_message_sent`,
  `customer_messages` = s.`customer_messages`, `technician_messages` = s.`technician_messages`,
  `system_messages` = s.`system_messages`, `role` = s.`role`, `begin_time` = s.`begin_time`,
  `is_final` = s.`is_final`, `other_time_ms` = s.`other_time_ms`, `anomalies` = s.`anomalies`,
  `customer_address` = s.`customer_address`
WHEN NOT MATCHED THEN INSERT (`start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
  `session_id`, `session_type`, `status`, `name`, `custom_field_1`, `custom_field_2`, `custom_field_3`,
  `custom_field_4`, `custom_field_5`, `tracking_id`, `customer_ip`, `device_id`, `tools_used`,
  `resolved_unresolved`, `channel_id`, `channel_name`, `calling_card`, `connecting_time_ms`, `waiting_time_ms`,
  `total_time_ms`, `active_time_ms`, `work_time_ms`, `hold_time_ms`, `transfer_time_ms`, `rebooting_time_ms`,
  `reconnecting_time_ms`, `platform`, `browser_type`, `technician_group`, `time_to_first_chat_ms`,
  `wrap_up_time_ms`, `transferred_to`, `first_chat_message_sent`, `customer_messages`, `technician_messages`,
  `system_messages`, `leg`, `role`, `begin_time`, `is_final`, `other_time_ms`, `anomalies`, `report_date`,
  `customer_address`)
VALUES (s.`start_time`, s.`end_time`, s.`last_action_time`, s.`technician_name`, s.`technician_id`,
  s.`technician_email`, s.`session_id`, s.`session_type`, s.`status`, s.`name`, s.`custom_field_1`,
  s.`custom_field_2`, s.`custom_field_3`, s.`custom_field_4`, s.`custom_field_5`, s.`tracking_id`,
  s.`customer_ip`, s.`device_id`, s.`tools_used`, s.`resolved_unresolved`, s.`channel_id`, s.`channel_name`,
  s.`calling_card`, s.`connecting_time_ms`, s.`waiting_time_ms`, s.`total_time_ms`, s.`active_time_ms`,
  s.`work_time_ms`, s.`hold_time_ms`, s.`transfer_time_ms`, s.`rebooting_time_ms`, s.`reconnecting_time_ms`,
  s.`platform`, s.`browser_type`, s.`technician_group`, s.`time_to_first_chat_ms`, s.`wrap_up_time_ms`,
  s.`transferred_to`, s.`first_chat_message_sent`, s.`customer_messages`, s.`technician_messages`,
  s.`system_messages`, s.`leg`, s.`role`, s.`begin_time`, s.`is_final`, s.`other_time_ms`, s.`anomalies`,
  s.`report_date`, s.`customer_address`)
WHEN NOT MATCHED BY SOURCE AND t.`report_date` = DATE '2026-11-20' THEN DELETE;
COMMIT TRANSACTION;

-- BigQuery: show the files of report order
CREATE OR REPLACE EXTERNAL TABLE `support`.`_order_months` (
  `start_time` TIMESTAMP,
  `end_time` TIMESTAMP,
  `last_action_time` TIMESTAMP,
  `technician_name` STRING,
  `technician_id` INT64,
  `technician_email` STRING,
  `session_id` INT64,
  `session_type` STRING,
  `status` STRING,
  `name` STRING,
  `custom_field_1` STRING,
  `custom_field_2` STRING,
  `custom_field_3` STRING,
  `custom_field_4` STRING,
  `custom_field_5` STRING,
  `tracking_id` STRING,
  `customer_ip` STRING,
  `device_id` STRING,
  `tools_used` STRING,
  `resolved_unresolved` STRING,
  `channel_id` INT64,
  `channel_name` STRING,
  `calling_card` STRING,
  `connecting_time_ms` INT64,
  `waiting_time_ms` INT64,
  `total_time_ms` INT64,
  `active_time_ms` INT64,
  `work_time_ms` INT64,
  `hold_time_ms` INT64,
  `transfer_time_ms` INT64,
  `rebooting_time_ms` INT64,
  `reconnecting_time_ms` INT64,
  `platform` STRING,
  `browser_type` STRING,
  `technician_group` STRING,
  `time_to_first_chat_ms` INT64,
  `wrap_up_time_ms` INT64,
  `transferred_to` STRING,
  `first_chat_message_sent` TIMESTAMP,
  `customer_messages` INT64,
  `technician_messages` INT64,
  `system_messages` INT64,
  `leg` INT64,
  `role` STRING,
  `begin_time` TIMESTAMP,
  `is_final` BOOL,
  `other_time_ms` INT64,
  `anomalies` STRING,
  `report_date` DATE,
  `customer_address` STRING
) WITH PARTITION COLUMNS (`month` STRING)
OPTIONS (format = 'PARQUET', uris = ['gs://warehouse/daybook/reports_monthly/order/month=*.parquet'], hive_partition_uri_prefix = 'gs://warehouse/daybook/reports_monthly/order/');
CREATE OR REPLACE EXTERNAL TABLE `support`.`_order_days` (
  `start_time` TIMESTAMP,
  `end_time` TIMESTAMP,
  `last_action_time` TIMESTAMP,
  `technician_name` STRING,
  `technician_id` INT64,
  `technician_email` STRING,
  `session_id` INT64,
  `session_type` STRING,
  `status` STRING,
  `name` STRING,
  `custom_field_1` STRING,
  `custom_field_2` STRING,
  `custom_field_3` STRING,
  `custom_field_4` STRING,
  `custom_field_5` STRING,
  `tracking_id` STRING,
  `customer_ip` STRING,
  `device_id` STRING,
  `tools_used` STRING,
  `resolved_unresolved` STRING,
  `channel_id` INT64,
  `channel_name` STRING,
  `calling_card` STRING,
  `connecting_time_ms` INT64,
  `waiting_time_ms` INT64,
  `total_time_ms` INT64,
  `active_time_ms` INT64,
  `work_time_ms` INT64,
  `hold_time_ms` INT64,
  `transfer_time_ms` INT64,
  `rebooting_time_ms` INT64,
  `reconnecting_time_ms` INT64,
  `platform` STRING,
  `browser_type` STRING,
  `technician_group` STRING,
  `time_to_first_chat_ms` INT64,
  `wrap_up_time_ms` INT64,
  `transferred_to` STRING,
  `first_chat_message_sent` TIMESTAMP,
  `customer_messages` INT64,
  `technician_messages` INT64,
  `system_messages` INT64,
  `leg` INT64,
  `role` STRING,
  `begin_time` TIMESTAMP,
  `is_final` BOOL,
  `other_time_ms` INT64,
  `anomalies` STRING,
  `report_date` DATE,
  `customer_address` STRING
) WITH PARTITION COLUMNS (`dt` DATE)
OPTIONS (format = 'PARQUET', uris = ['gs://warehouse/daybook/reports/order/dt=*.parquet'], hive_partition_uri_prefix = 'gs://warehouse/daybook/reports/order/');
CREATE OR REPLACE VIEW `support`.`order_current` AS
SELECT `start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
  `session_id`, `session_type`, `status`, `name`, `custom_field_1`, `custom_field_2`, `custom_field_3`,
  `custom_field_4`, `custom_field_5`, `tracking_id`, `customer_ip`, `device_id`, `tools_used`,
  `resolved_unresolved`, `channel_id`, `channel_name`, `calling_card`, `connecting_time_ms`, `waiting_time_ms`,
  `total_time_ms`, `active_time_ms`, `work_time_ms`, `hold_time_ms`, `transfer_time_ms`, `rebooting_time_ms`,
  `reconnecting_time_ms`, `platform`, `browser_type`, `technician_group`, `time_to_first_chat_ms`,
  `wrap_up_time_ms`, `transferred_to`, `first_chat_message_sent`, `customer_messages`, `technician_messages`,
  `system_messages`, `leg`, `role`, `begin_time`, `is_final`, `other_time_ms`, `anomalies`, `report_date`,
  `customer_address` FROM `support`.`_order_months`
WHERE `month` BETWEEN '2026-09' AND '2026-10'
UNION ALL
SELECT `start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
  `session_id`, `session_type`, `status`, `name`, `custom_field_1`, `custom_field_2`, `custom_field_3`,
  `custom_field_4`, `custom_field_5`, `tracking_id`, `customer_ip`, `device_id`, `tools_used`,
  `resolved_unresolved`, `channel_id`, `channel_name`, `calling_card`, `connecting_time_ms`, `waiting_time_ms`,
  `total_time_ms`, `active_time_ms`, `work_time_ms`, `hold_time_ms`, `transfer_time_ms`, `rebooting_time_ms`,
  `reconnecting_time_ms`, `platform`, `browser_type`, `technician_group`, `time_to_first_chat_ms`,
  `wrap_up_time_ms`, `transferred_to`, `first_chat_message_sent`, `customer_messages`, `technician_messages`,
  `system_messages`, `leg`, `role`, `begin_time`, `is_final`, `other_time_ms`, `anomalies`, `report_date`,
  `customer_address` FROM `support`.`_order_days`
WHERE NOT (`dt` BETWEEN DATE '2026-09-01' AND DATE '2026-10-31');

-- BigQuery: show the files of report order
-- The view names the files of this moment: make it again after each change.
CREATE OR REPLACE EXTERNAL TABLE `support`.`_order_files` (
  `start_time` TIMESTAMP,
  `end_time` TIMESTAMP,
  `last_action_time` TIMESTAMP,
  `technician_name` STRING,
  `technician_id` INT64,
  `technician_email` STRING,
  `session_id` INT64,
  `session_type` STRING,
  `status` STRING,
  `name` STRING,
  `custom_field_1` STRING,
  `custom_field_2` STRING,
  `custom_field_3` STRING,
  `custom_field_4` STRING,
  `custom_field_5` STRING,
  `tracking_id` STRING,
  `customer_ip` STRING,
  `device_id` STRING,
  `tools_used` STRING,
  `resolved_unresolved` STRING,
  `channel_id` INT64,
  `channel_name` STRING,
  `calling_card` STRING,
  `connecting_time_ms` INT64,
  `waiting_time_ms` INT64,
  `total_time_ms` INT64,
  `active_time_ms` INT64,
  `work_time_ms` INT64,
  `hold_time_ms` INT64,
  `transfer_time_ms` INT64,
  `rebooting_time_ms` INT64,
  `reconnecting_time_ms` INT64,
  `platform` STRING,
  `browser_type` STRING,
  `technician_group` STRING,
  `time_to_first_chat_ms` INT64,
  `wrap_up_time_ms` INT64,
  `transferred_to` STRING,
  `first_chat_message_sent` TIMESTAMP,
  `customer_messages` INT64,
  `technician_messages` INT64,
  `system_messages` INT64,
  `leg` INT64,
  `role` STRING,
  `begin_time` TIMESTAMP,
  `is_final` BOOL,
  `other_time_ms` INT64,
  `anomalies` STRING,
  `report_date` DATE,
  `customer_address` STRING
) OPTIONS (format = 'PARQUET', uris = [
  'gs://warehouse/daybook/reports_monthly/order/month=2026-10/part-0-r2-0123456789abcdef.parquet',
  'gs://warehouse/daybook/reports/order/dt=2026-11-01/part-0-r2-0123456789abcdef.parquet'
]);
CREATE OR REPLACE VIEW `support`.`order_current` AS
SELECT `start_time`, `end_time`, `last_action_time`, `technician_name`, `technician_id`, `technician_email`,
  `session_id`, `session_type`, `status`, `name`, `custom_field_1`, `custom_field_2`, `custom_field_3`,
  `custom_field_4`, `custom_field_5`, `tracking_id`, `customer_ip`, `device_id`, `tools_used`,
  `resolved_unresolved`, `channel_id`, `channel_name`, `calling_card`, `connecting_time_ms`, `waiting_time_ms`,
  `total_time_ms`, `active_time_ms`, `work_time_ms`, `hold_time_ms`, `transfer_time_ms`, `rebooting_time_ms`,
  `reconnecting_time_ms`, `platform`, `browser_type`, `technician_group`, `time_to_first_chat_ms`,
  `wrap_up_time_ms`, `transferred_to`, `first_chat_message_sent`, `customer_messages`, `technician_messages`,
  `system_messages`, `leg`, `role`, `begin_time`, `is_final`, `other_time_ms`, `anomalies`, `report_date`,
  `customer_address` FROM `support`.`_order_files`;

