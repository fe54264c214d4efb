-- Fabric: create the table of report order
IF OBJECT_ID('[order]') IS NULL
CREATE TABLE [order] (
  [start_time] datetime2(6) NULL,
  [end_time] datetime2(6) NULL,
  [last_action_time] datetime2(6) NULL,
  [technician_name] varchar(512) NULL,
  [technician_id] bigint NULL,
  [technician_email] varchar(512) NULL,
  [session_id] bigint NOT NULL,
  [session_type] varchar(400) NULL,
  [status] varchar(256) NOT NULL,
  [name] varchar(512) NULL,
  [custom_field_1] varchar(256) NULL,
  [custom_field_2] varchar(256) NULL,
  [custom_field_3] varchar(256) NULL,
  [custom_field_4] varchar(256) NULL,
  [custom_field_5] varchar(256) NULL,
  [tracking_id] varchar(1024) NULL,
  [customer_ip] varchar(60) NULL,
  [device_id] varchar(512) NULL,
  [tools_used] varchar(512) NULL,
  [resolved_unresolved] varchar(8000) NULL,
  [channel_id] bigint NULL,
  [channel_name] varchar(256) NULL,
  [calling_card] varchar(256) NULL,
  [connecting_time_ms] bigint NOT NULL,
  [waiting_time_ms] bigint NOT NULL,
  [total_time_ms] bigint NOT NULL,
  [active_time_ms] bigint NOT NULL,
  [work_time_ms] bigint NOT NULL,
  [hold_time_ms] bigint NOT NULL,
  [transfer_time_ms] bigint NOT NULL,
  [rebooting_time_ms] bigint NOT NULL,
  [reconnecting_time_ms] bigint NOT NULL,
  [platform] varchar(80) NULL,
  [browser_type] varchar(8000) NULL,
  [technician_group] varchar(512) NULL,
  [time_to_first_chat_ms] bigint NULL,
  [wrap_up_time_ms] bigint NULL,
  [transferred_to] varchar(512) NULL,
  [first_chat_message_sent] datetime2(6) NULL,
  [customer_messages] bigint NOT NULL,
  [technician_messages] bigint NOT NULL,
  [system_messages] bigint NOT NULL,
  [leg] bigint NOT NULL,
  [role] varchar(8000) NOT NULL,
  [begin_time] datetime2(6) NOT NULL,
  [is_final] bit NOT NULL,
  [other_time_ms] bigint NOT NULL,
  [anomalies] varchar(8000) NULL,
  [report_date] date NOT NULL,
  [customer_address] varchar(180) NULL
);
IF COL_LENGTH('[order]', 'customer_address') IS NULL ALTER TABLE [order] ADD [customer_address] varchar(180) NULL;

-- Fabric: load report order: 2026-11-20, 1234 rows
SET XACT_ABORT ON;
BEGIN TRANSACTION;
DELETE FROM [order] WHERE [report_date] = '2026-11-20';
COPY INTO [order] FROM
  'https://onelake.dfs.fabric.microsoft.com/sales/support.Lakehouse/Files/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet'
WITH (FILE_TYPE = 'PARQUET');
COMMIT TRANSACTION;

-- Fabric: load report order: 2026-11-20 and 2026-11-21, 1234 rows
SET XACT_ABORT ON;
BEGIN TRANSACTION;
DELETE FROM [order] WHERE [report_date] BETWEEN '2026-11-20' AND '2026-11-21';
COPY INTO [order] FROM
  'https://onelake.dfs.fabric.microsoft.com/sales/support.Lakehouse/Files/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet',
  'https://onelake.dfs.fabric.microsoft.com/sales/support.Lakehouse/Files/daybook/reports/order/dt=2026-11-21/part-0-r2-0123456789abcdef.parquet'
WITH (FILE_TYPE = 'PARQUET');
COMMIT TRANSACTION;

-- Fabric: load report order: everything from 2026-10 to 2026-11-01, 41200 rows
SET XACT_ABORT ON;
BEGIN TRANSACTION;
DELETE FROM [order];
COPY INTO [order] FROM
  'https://onelake.dfs.fabric.microsoft.com/sales/support.Lakehouse/Files/daybook/reports_monthly/order/month=2026-10/part-0-r2-0123456789abcdef.parquet',
  'https://onelake.dfs.fabric.microsoft.com/sales/support.Lakehouse/Files/daybook/reports/order/dt=2026-11-01/part-0-r2-0123456789abcdef.parquet'
WITH (FILE_TYPE = 'PARQUET');
COMMIT TRANSACTION;

-- Fabric: load report order: 2026-11-22, 0 rows
DELETE FROM [order] WHERE [report_date] = '2026-11-22';

-- Fabric: merge report order: 2026-11-20, 1234 rows
SET XACT_ABORT ON;
BEGIN TRANSACTION;
DROP TABLE IF EXISTS [_order_stage];
CREATE TABLE [_order_stage] AS SELECT [start_time], [end_time], [last_action_time], [technician_name], [technician_id], [technician_email],
  [session_id], [session_type], [status], [name], [custom_field_1], [custom_field_2], [custom_field_3],
  [custom_field_4], [custom_field_5], [tracking_id], [customer_ip], [device_id], [tools_used],
  [resolved_unresolved], [channel_id], [channel_name], [calling_card], [connecting_time_ms], [waiting_time_ms],
  [total_time_ms], [active_time_ms], [work_time_ms], [hold_time_ms], [transfer_time_ms], [rebooting_time_ms],
  [reconnecting_time_ms], [platform], [browser_type], [technician_group], [time_to_first_chat_ms],
  [wrap_up_time_ms], [transferred_to], [first_chat_message_sent], [customer_messages], [technician_messages],
  [system_messages], [leg], [role], [begin_time], [is_final], [other_time_ms], [anomalies], [report_date],
  [customer_address] FROM [order] WHERE 1 = 0;
COPY INTO [_order_stage] FROM
  'https://onelake.dfs.fabric.microsoft.com/sales/support.Lakehouse/Files/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet'
WITH (FILE_TYPE = 'PARQUET');
DELETE t FROM [order] AS t WHERE t.[report_date] = '2026-11-20' AND NOT EXISTS (
  SELECT 1 FROM [_order_stage] AS s WHERE t.[report_date] = s.[report_date] AND t.[session_id] = s.[session_id] AND t.[leg] = s.[leg]);
UPDATE t SET [start_time] = s.[start_time], [end_time] = s.[end_time], [last_action_time] = s.[last_action_time],
  [technician_name] = s.[technician_name], [technician_id] = s.[technician_id],
  [technician_email] = s.[technician_email], [session_type] = s.[session_type], [status] = s.[status],
  [name] = s.[name], [custom_field_1] = s.[custom_field_1], [custom_field_2] = s.[custom_field_2],
  [custom_field_3] = s.[custom_field_3], [custom_field_4] = s.[custom_field_4],
  [custom_field_5] = s.[custom_field_5], [tracking_id] = s.[tracking_id], [customer_ip] = s.[customer_ip],
  [device_id] = s.[device_id], [tools_used] = s.[tools_used], [resolved_unresolved] = s.[resolved_unresolved],
  [channel_id] = s.[channel_id], [channel_name] = s.[channel_name], [calling_card] = s.[calling_card],
  [connecting_time_ms] = s.[connecting_time_ms], [waiting_time_ms] = s.[waiting_time_ms],
  [total_time_ms] = s.[total_time_ms], [active_time_ms] = s.[active_time_ms], [work_time_ms] = s.[work_time_ms],
  [hold_time_ms] = s.[hold_time_ms], [transfer_time_ms] = s.[transfer_time_ms],
  [rebooting_time_ms] = s.[rebooting_time_ms], [reconnecting_time_ms] = s.[reconnecting_time_ms],
  [platform] = s.[platform], [browser_type] = s.[browser_type], [technician_group] = s.[technician_group],
  [time_to_first_chat_ms] = s.[time_to_first_chat_ms], [wrap_up_time_ms] = s.[wrap_up_time_ms],
  [transferred_to] = s.[transferred_to], [first_chat_message_sent] = s.[first_chat_message_sent],
  [customer_messages] = s.[customer_messages], [technician_messages] = s.[technician_messages],
  [system_messages] = s.[system_messages], [role] = s.[role], [begin_time] = s.[begin_time],
  [is_final] = s.[is_final], [other_time_ms] = s.[other_time_ms], [anomalies] = s.[anomalies],
  [customer_address] = s.[customer_address]
FROM [order] AS t JOIN [_order_stage] AS s ON t.[report_date] = s.[report_date] AND t.[session_id] = s.[session_id] AND t.[leg] = s.[leg]
WHERE t.[start_time] IS DISTINCT FROM s.[start_time]
  OR t.[end_time] IS DISTINCT FROM s.[end_time]
  OR t.[last_action_time] IS DISTINCT FROM s.[last_action_time]
  OR t.[technician_name] IS DISTINCT FROM s.[technician_name]
  OR t.[technician_id] IS DISTINCT FROM s.[technician_id]
  OR t.[technician_email] IS DISTINCT FROM s.[technician_email]
  OR t.[session_type] IS DISTINCT FROM s.[session_type]
  OR t.[status] IS DISTINCT FROM s.[status]
  OR t.[name] IS DISTINCT FROM s.[name]
  OR t.[custom_field_1] IS DISTINCT FROM s.[custom_field_1]
  OR t.[custom_field_2] IS DISTINCT FROM s.[custom_field_2]
  OR t.[custom_field_3] IS DISTINCT FROM s.[custom_field_3]
  OR t.[custom_field_4] IS DISTINCT FROM s.[custom_field_4]
  OR t.[custom_field_5] IS DISTINCT FROM s.[custom_field_5]
  OR t.[tracking_id] IS DISTINCT FROM s.[tracking_id]
  OR t.[customer_ip] IS DISTINCT FROM s.[customer_ip]
  OR t.[device_id] IS DISTINCT FROM s.[device_id]
  OR t.[tools_used] IS DISTINCT FROM s.[tools_used]
  OR t.[resolved_unresolved] IS DISTINCT FROM s.[resolved_unresolved]
  OR t.[channel_id] IS DISTINCT FROM s.[channel_id]
  OR t.[channel_name] IS DISTINCT FROM s.[channel_name]
  OR t.[calling_card] IS DISTINCT FROM s.[calling_card]
  OR t.[connecting_time_ms] IS DISTINCT FROM s.[connecting_time_ms]
  OR t.[waiting_time_ms] IS DISTINCT FROM s.[waiting_time_ms]
  OR t.[total_time_ms] IS DISTINCT FROM s.[total_time_ms]
  OR t.[active_time_ms] IS DISTINCT FROM s.[active_time_ms]
  OR t.[work_time_ms] IS DISTINCT FROM s.[work_time_ms]
  OR t.[hold_time_ms] IS DISTINCT FROM s.[hold_time_ms]
  OR t.[transfer_time_ms] IS DISTINCT FROM s.[transfer_time_ms]
  OR t.[rebooting_time_ms] IS DISTINCT FROM s.[rebooting_time_ms]
  OR t.[reconnecting_time_ms] IS DISTINCT FROM s.[reconnecting_time_ms]
  OR t.[platform] IS DISTINCT FROM s.[platform]
  OR t.[browser_type] IS DISTINCT FROM s.[browser_type]
  OR t.[technician_group] IS DISTINCT FROM s.[technician_group]
  OR t.[time_to_first_chat_ms] IS DISTINCT FROM s.[time_to_first_chat_ms]
  OR t.[wrap_up_time_ms] IS DISTINCT FROM s.[wrap_up_time_ms]
  OR t.[transferred_to] IS DISTINCT FROM s.[transferred_to]
  OR t.[first_chat_message_sent] IS DISTINCT FROM s.[first_chat_message_sent]
  OR t.[customer_messages] IS DISTINCT FROM s.[customer_messages]
  OR t.[technician_messages] IS DISTINCT FROM s.[technician_messages]
  OR t.[system_messages] IS DISTINCT FROM s.[system_messages]
  OR t.[role] IS DISTINCT FROM s.[role]
  OR t.[begin_time] IS DISTINCT FROM s.[begin_time]
  OR t.[is_final] IS DISTINCT FROM s.[is_final]
  OR t.[other_time_ms] IS DISTINCT FROM s.[other_time_ms]
  OR t.[anomalies] IS DISTINCT FROM s.[anomalies]
  OR t.[customer_address] IS DISTINCT FROM s.[customer_address];
INSERT INTO [order] ([start_time], [end_time], [last_action_time], [technician_name], [technician_id], [technician_email],
  [session_id], [session_type], [status], [name], [custom_field_1], [custom_field_2], [custom_field_3],
  [custom_field_4], [custom_field_5], [tracking_id], [customer_ip], [device_id], [tools_used],
  [resolved_unresolved], [channel_id], [channel_name], [calling_card], [connecting_time_ms], [waiting_time_ms],
  [total_time_ms], [active_time_ms], [work_time_ms], [hold_time_ms], [transfer_time_ms], [rebooting_time_ms],
  [reconnecting_time_ms], [platform], [browser_type], [technician_group], [time_to_first_chat_ms],
  [wrap_up_time_ms], [transferred_to], [first_chat_message_sent], [customer_messages], [technician_messages],
  [system_messages], [leg], [role], [begin_time], [is_final], [other_time_ms], [anomalies], [report_date],
  [customer_address])
SELECT s.[start_time], s.[end_time], s.[last_action_time], s.[technician_name], s.[technician_id],
  s.[technician_email], s.[session_id], s.[session_type], s.[status], s.[name], s.[custom_field_1],
  s.[custom_field_2], s.[custom_field_3], s.[custom_field_4], s.[custom_field_5], s.[tracking_id],
  s.[customer_ip], s.[device_id], s.[tools_used], s.[resolved_unresolved], s.[channel_id], s.[channel_name],
  s.[calling_card], s.[connecting_time_ms], s.[waiting_time_ms], s.[total_time_ms], s.[active_time_ms],
  s.[work_time_ms], s.[hold_time_ms], s.[transfer_time_ms], s.[rebooting_time_ms], s.[reconnecting_time_ms],
  s.[platform], s.[browser_type], s.[technician_group], s.[time_to_first_chat_ms], s.[wrap_up_time_ms],
  s.[transferred_to], s.[first_chat_message_sent], s.[customer_messages], s.[technician_messages],
  s.[system_messages], s.[leg], s.[role], s.[begin_time], s.[is_final], s.[other_time_ms], s.[anomalies],
  s.[report_date], s.[customer_address] FROM [_order_stage] AS s WHERE NOT EXISTS (
  SELECT 1 FROM [order] AS t WHERE t.[report_date] = s.[report_date] AND t.[session_id] = s.[session_id] AND t.[leg] = s.[leg]);
DROP TABLE [_order_stage];
COMMIT TRANSACTION;

-- Fabric: show the files of report order
CREATE OR ALTER VIEW [order_current] AS
SELECT m.[start_time], m.[end_time], m.[last_action_time], m.[technician_name], m.[technician_id],
  m.[technician_email], m.[session_id], m.[session_type], m.[status], m.[name], m.[custom_field_1],
  m.[custom_field_2], m.[custom_field_3], m.[custom_field_4], m.[custom_field_5], m.[tracking_id],
  m.[customer_ip], m.[device_id], m.[tools_used], m.[resolved_unresolved], m.[channel_id], m.[channel_name],
  m.[calling_card], m.[connecting_time_ms], m.[waiting_time_ms], m.[total_time_ms], m.[active_time_ms],
  m.[work_time_ms], m.[hold_time_ms], m.[transfer_time_ms], m.[rebooting_time_ms], m.[reconnecting_time_ms],
  m.[platform], m.[browser_type], m.[technician_group], m.[time_to_first_chat_ms], m.[wrap_up_time_ms],
  m.[transferred_to], m.[first_chat_message_sent], m.[customer_messages], m.[technician_messages],
  m.[system_messages], m.[leg], m.[role], m.[begin_time], m.[is_final], m.[other_time_ms], m.[anomalies],
  m.[report_date], m.[customer_address] FROM OPENROWSET(BULK 'https://onelake.dfs.fabric.microsoft.com/sales/support.Lakehouse/Files/daybook/reports_monthly/order/month=*/*.parquet', FORMAT = 'PARQUET') AS m
WHERE m.filepath(1) BETWEEN '2026-09' AND '2026-10'
UNION ALL
SELECT d.[start_time], d.[end_time], d.[last_action_time], d.[technician_name], d.[technician_id],
  d.[technician_email], d.[session_id], d.[session_type], d.[status], d.[name], d.[custom_field_1],
  d.[custom_field_2], d.[custom_field_3], d.[custom_field_4], d.[custom_field_5], d.[tracking_id],
  d.[customer_ip], d.[device_id], d.[tools_used], d.[resolved_unresolved], d.[channel_id], d.[channel_name],
  d.[calling_card], d.[connecting_time_ms], d.[waiting_time_ms], d.[total_time_ms], d.[active_time_ms],
  d.[work_time_ms], d.[hold_time_ms], d.[transfer_time_ms], d.[rebooting_time_ms], d.[reconnecting_time_ms],
  d.[platform], d.[browser_type], d.[technician_group], d.[time_to_first_chat_ms], d.[wrap_up_time_ms],
  d.[transferred_to], d.[first_chat_message_sent], d.[customer_messages], d.[technician_messages],
  d.[system_messages], d.[leg], d.[role], d.[begin_time], d.[is_final], d.[other_time_ms], d.[anomalies],
  d.[report_date], d.[customer_address] FROM OPENROWSET(BULK 'https://onelake.dfs.fabric.microsoft.com/sales/support.Lakehouse/Files/daybook/reports/order/dt=*/*.parquet', FORMAT = 'PARQUET') AS d
WHERE NOT (d.filepath(1) BETWEEN '2026-09-01' AND '2026-10-31');

-- Fabric: show the files of report order
-- The view names the files of this moment: make it again after each change.
CREATE OR ALTER VIEW [order_current] AS
SELECT m.[start_time], m.[end_time], m.[last_action_time], m.[technician_name], m.[technician_id],
  m.[technician_email], m.[session_id], m.[session_type], m.[status], m.[name], m.[custom_field_1],
  m.[custom_field_2], m.[custom_field_3], m.[custom_field_4], m.[custom_field_5], m.[tracking_id],
  m.[customer_ip], m.[device_id], m.[tools_used], m.[resolved_unresolved], m.[channel_id], m.[channel_name],
  m.[calling_card], m.[connecting_time_ms], m.[waiting_time_ms], m.[total_time_ms], m.[active_time_ms],
  m.[work_time_ms], m.[hold_time_ms], m.[transfer_time_ms], m.[rebooting_time_ms], m.[reconnecting_time_ms],
  m.[platform], m.[browser_type], m.[technician_group], m.[time_to_first_chat_ms], m.[wrap_up_time_ms],
  m.[transferred_to], m.[first_chat_message_sent], m.[customer_messages], m.[technician_messages],
  m.[system_messages], m.[leg], m.[role], m.[begin_time], m.[is_final], m.[other_time_ms], m.[anomalies],
  m.[report_date], m.[customer_address] FROM OPENROWSET(BULK 'https://onelake.dfs.fabric.microsoft.com/sales/support.Lakehouse/Files/daybook/reports_monthly/order/month=*/*.parquet', FORMAT = 'PARQUET') AS m
WHERE CONCAT('month=', m.filepath(1), '/', m.filename()) IN (
  'month=2026-10/part-0-r2-0123456789abcdef.parquet')
UNION ALL
SELECT d.[start_time], d.[end_time], d.[last_action_time], d.[technician_name], d.[technician_id],
  d.[technician_email], d.[session_id], d.[session_type], d.[status], d.[name], d.[custom_field_1],
  d.[custom_field_2], d.[custom_field_3], d.[custom_field_4], d.[custom_field_5], d.[tracking_id],
  d.[customer_ip], d.[device_id], d.[tools_used], d.[resolved_unresolved], d.[channel_id], d.[channel_name],
  d.[calling_card], d.[connecting_time_ms], d.[waiting_time_ms], d.[total_time_ms], d.[active_time_ms],
  d.[work_time_ms], d.[hold_time_ms], d.[transfer_time_ms], d.[rebooting_time_ms], d.[reconnecting_time_ms],
  d.[platform], d.[browser_type], d.[technician_group], d.[time_to_first_chat_ms], d.[wrap_up_time_ms],
  d.[transferred_to], d.[first_chat_message_sent], d.[customer_messages], d.[technician_messages],
  d.[system_messages], d.[leg], d.[role], d.[begin_time], d.[is_final], d.[other_time_ms], d.[anomalies],
  d.[report_date], d.[customer_address] FROM OPENROWSET(BULK 'https://onelake.dfs.fabric.microsoft.com/sales/support.Lakehouse/Files/daybook/reports/order/dt=*/*.parquet', FORMAT = 'PARQUET') AS d
WHERE CONCAT('dt=', d.filepath(1), '/', d.filename()) IN (
  'dt=2026-11-01/part-0-r2-0123456789abcdef.parquet');

