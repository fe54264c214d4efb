# Polars: create the table of report order
import polars as pl
schema = {
    "start_time": pl.Datetime("us", "UTC"),  # When the session first was active with this technician. Null: never picked up.
    "end_time": pl.Datetime("us", "UTC"),  # When the session was last closed or timed out, or the technician's part was over.
    "last_action_time": pl.Datetime("us", "UTC"),  # When the technician last stopped being in action.
    "technician_name": pl.String,  # As it was when the technician took the session.
    "technician_id": pl.Int64,  # Null: no technician took the session.
    "technician_email": pl.String,  # As it was when the technician took the session.
    "session_id": pl.Int64,  # With leg, the key of a row.
    "session_type": pl.String,  # The technology at the customer's side.
    "status": pl.String,  # The status when the technician's part was over, or the current status.
    "name": pl.String,  # The customer's name as entered. Its heading is configurable.
    "custom_field_1": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_2": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_3": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_4": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_5": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "tracking_id": pl.String,  # A key that the organisation chooses, for example of its CRM.
    "customer_ip": pl.String,  # Null if longer than the column: half an address is a wrong address.
    "device_id": pl.String,  # The customer's device.
    "tools_used": pl.String,  # Distinct codes in order of first use, joined by commas.
    "resolved_unresolved": pl.String,  # Resolved or Unresolved: the technician's last verdict. Null from 2009-05-01 on.
    "channel_id": pl.Int64,  # The channel of the session, or to which it was transferred.
    "channel_name": pl.String,  # The channel of the session, or to which it was transferred.
    "calling_card": pl.String,  # The Calling Card installer used.
    "connecting_time_ms": pl.Int64,  # From begin to the first status other than Connecting. Collaborators: 0.
    "waiting_time_ms": pl.Int64,  # From the first Waiting before the start to the start. Collaborators: 0.
    "total_time_ms": pl.Int64,  # Active, hold, transfer, rebooting and reconnecting time together.
    "active_time_ms": pl.Int64,  # Time in status Active between start and end.
    "work_time_ms": pl.Int64,  # Active time with the link up, the technician available, the session's tab selected and the console in the foreground.
    "hold_time_ms": pl.Int64,  # Time in status On Hold between start and end.
    "transfer_time_ms": pl.Int64,  # Time in status Transferring between start and end.
    "rebooting_time_ms": pl.Int64,  # Time in status Rebooting between start and end.
    "reconnecting_time_ms": pl.Int64,  # Time in status Reconnecting between start and end.
    "platform": pl.String,  # The customer's operating system.
    "browser_type": pl.String,  # Instant Chat only: the browser in which the customer started it.
    "technician_group": pl.String,  # The technician's group at that time, as a path: A/B lies in A.
    "time_to_first_chat_ms": pl.Int64,  # From the first Waiting, or the begin, to the technician's first message. Collaborators: null.
    "wrap_up_time_ms": pl.Int64,  # From the last customer or technician message to the end of the technician's part.
    "transferred_to": pl.String,  # The technician or channel the session was transferred to.
    "first_chat_message_sent": pl.Datetime("us", "UTC"),  # The technician's first message.
    "customer_messages": pl.Int64,  # While the technician had a part in the session.
    "technician_messages": pl.Int64,  # Those of this row's technician.
    "system_messages": pl.Int64,  # While the technician had a part in the session.
    "leg": pl.Int64,  # 0, 1, 2 … in order of opening. With session_id, the key of a row.
    "role": pl.String,  # lead or collaborator.
    "begin_time": pl.Datetime("us", "UTC"),  # When the technician's part opened.
    "is_final": pl.Boolean,  # The technician's part is over; false: the row may change.
    "other_time_ms": pl.Int64,  # Time between start and end in any other status.
    "anomalies": pl.String,  # The session's anomalies: distinct codes in alphabetical order, joined by commas.
    "report_date": pl.Date,  # The local date of the start, or of the begin, in the report's time zone.
    "customer_address": pl.String,  # The customer's address in full, IPv6 too. Null if longer than the column.
}

# Polars: load report order: 2026-11-20, 1234 rows
import polars as pl
schema = {
    "start_time": pl.Datetime("us", "UTC"),  # When the session first was active with this technician. Null: never picked up.
    "end_time": pl.Datetime("us", "UTC"),  # When the session was last closed or timed out, or the technician's part was over.
    "last_action_time": pl.Datetime("us", "UTC"),  # When the technician last stopped being in action.
    "technician_name": pl.String,  # As it was when the technician took the session.
    "technician_id": pl.Int64,  # Null: no technician took the session.
    "technician_email": pl.String,  # As it was when the technician took the session.
    "session_id": pl.Int64,  # With leg, the key of a row.
    "session_type": pl.String,  # The technology at the customer's side.
    "status": pl.String,  # The status when the technician's part was over, or the current status.
    "name": pl.String,  # The customer's name as entered. Its heading is configurable.
    "custom_field_1": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_2": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_3": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_4": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_5": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "tracking_id": pl.String,  # A key that the organisation chooses, for example of its CRM.
    "customer_ip": pl.String,  # Null if longer than the column: half an address is a wrong address.
    "device_id": pl.String,  # The customer's device.
    "tools_used": pl.String,  # Distinct codes in order of first use, joined by commas.
    "resolved_unresolved": pl.String,  # Resolved or Unresolved: the technician's last verdict. Null from 2009-05-01 on.
    "channel_id": pl.Int64,  # The channel of the session, or to which it was transferred.
    "channel_name": pl.String,  # The channel of the session, or to which it was transferred.
    "calling_card": pl.String,  # The Calling Card installer used.
    "connecting_time_ms": pl.Int64,  # From begin to the first status other than Connecting. Collaborators: 0.
    "waiting_time_ms": pl.Int64,  # From the first Waiting before the start to the start. Collaborators: 0.
    "total_time_ms": pl.Int64,  # Active, hold, transfer, rebooting and reconnecting time together.
    "active_time_ms": pl.Int64,  # Time in status Active between start and end.
    "work_time_ms": pl.Int64,  # Active time with the link up, the technician available, the session's tab selected and the console in the foreground.
    "hold_time_ms": pl.Int64,  # Time in status On Hold between start and end.
    "transfer_time_ms": pl.Int64,  # Time in status Transferring between start and end.
    "rebooting_time_ms": pl.Int64,  # Time in status Rebooting between start and end.
    "reconnecting_time_ms": pl.Int64,  # Time in status Reconnecting between start and end.
    "platform": pl.String,  # The customer's operating system.
    "browser_type": pl.String,  # Instant Chat only: the browser in which the customer started it.
    "technician_group": pl.String,  # The technician's group at that time, as a path: A/B lies in A.
    "time_to_first_chat_ms": pl.Int64,  # From the first Waiting, or the begin, to the technician's first message. Collaborators: null.
    "wrap_up_time_ms": pl.Int64,  # From the last customer or technician message to the end of the technician's part.
    "transferred_to": pl.String,  # The technician or channel the session was transferred to.
    "first_chat_message_sent": pl.Datetime("us", "UTC"),  # The technician's first message.
    "customer_messages": pl.Int64,  # While the technician had a part in the session.
    "technician_messages": pl.Int64,  # Those of this row's technician.
    "system_messages": pl.Int64,  # While the technician had a part in the session.
    "leg": pl.Int64,  # 0, 1, 2 … in order of opening. With session_id, the key of a row.
    "role": pl.String,  # lead or collaborator.
    "begin_time": pl.Datetime("us", "UTC"),  # When the technician's part opened.
    "is_final": pl.Boolean,  # The technician's part is over; false: the row may change.
    "other_time_ms": pl.Int64,  # Time between start and end in any other status.
    "anomalies": pl.String,  # The session's anomalies: distinct codes in alphabetical order, joined by commas.
    "report_date": pl.Date,  # The local date of the start, or of the begin, in the report's time zone.
    "customer_address": pl.String,  # The customer's address in full, IPv6 too. Null if longer than the column.
}
files = [
    "s3://warehouse/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet"
]
loaded = pl.scan_parquet(files, schema=schema, missing_columns="insert", extra_columns="ignore",
    hive_partitioning=False, storage_options={"aws_region": "eu-west-1", "aws_virtual_hosted_style_request": "true"})

# Polars: load report order: 2026-11-20 and 2026-11-21, 1234 rows
import polars as pl
schema = {
    "start_time": pl.Datetime("us", "UTC"),  # When the session first was active with this technician. Null: never picked up.
    "end_time": pl.Datetime("us", "UTC"),  # When the session was last closed or timed out, or the technician's part was over.
    "last_action_time": pl.Datetime("us", "UTC"),  # When the technician last stopped being in action.
    "technician_name": pl.String,  # As it was when the technician took the session.
    "technician_id": pl.Int64,  # Null: no technician took the session.
    "technician_email": pl.String,  # As it was when the technician took the session.
    "session_id": pl.Int64,  # With leg, the key of a row.
    "session_type": pl.String,  # The technology at the customer's side.
    "status": pl.String,  # The status when the technician's part was over, or the current status.
    "name": pl.String,  # The customer's name as entered. Its heading is configurable.
    "custom_field_1": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_2": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_3": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_4": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_5": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "tracking_id": pl.String,  # A key that the organisation chooses, for example of its CRM.
    "customer_ip": pl.String,  # Null if longer than the column: half an address is a wrong address.
    "device_id": pl.String,  # The customer's device.
    "tools_used": pl.String,  # Distinct codes in order of first use, joined by commas.
    "resolved_unresolved": pl.String,  # Resolved or Unresolved: the technician's last verdict. Null from 2009-05-01 on.
    "channel_id": pl.Int64,  # The channel of the session, or to which it was transferred.
    "channel_name": pl.String,  # The channel of the session, or to which it was transferred.
    "calling_card": pl.String,  # The Calling Card installer used.
    "connecting_time_ms": pl.Int64,  # From begin to the first status other than Connecting. Collaborators: 0.
    "waiting_time_ms": pl.Int64,  # From the first Waiting before the start to the start. Collaborators: 0.
    "total_time_ms": pl.Int64,  # Active, hold, transfer, rebooting and reconnecting time together.
    "active_time_ms": pl.Int64,  # Time in status Active between start and end.
    "work_time_ms": pl.Int64,  # Active time with the link up, the technician available, the session's tab selected and the console in the foreground.
    "hold_time_ms": pl.Int64,  # Time in status On Hold between start and end.
    "transfer_time_ms": pl.Int64,  # Time in status Transferring between start and end.
    "rebooting_time_ms": pl.Int64,  # Time in status Rebooting between start and end.
    "reconnecting_time_ms": pl.Int64,  # Time in status Reconnecting between start and end.
    "platform": pl.String,  # The customer's operating system.
    "browser_type": pl.String,  # Instant Chat only: the browser in which the customer started it.
    "technician_group": pl.String,  # The technician's group at that time, as a path: A/B lies in A.
    "time_to_first_chat_ms": pl.Int64,  # From the first Waiting, or the begin, to the technician's first message. Collaborators: null.
    "wrap_up_time_ms": pl.Int64,  # From the last customer or technician message to the end of the technician's part.
    "transferred_to": pl.String,  # The technician or channel the session was transferred to.
    "first_chat_message_sent": pl.Datetime("us", "UTC"),  # The technician's first message.
    "customer_messages": pl.Int64,  # While the technician had a part in the session.
    "technician_messages": pl.Int64,  # Those of this row's technician.
    "system_messages": pl.Int64,  # While the technician had a part in the session.
    "leg": pl.Int64,  # 0, 1, 2 … in order of opening. With session_id, the key of a row.
    "role": pl.String,  # lead or collaborator.
    "begin_time": pl.Datetime("us", "UTC"),  # When the technician's part opened.
    "is_final": pl.Boolean,  # The technician's part is over; false: the row may change.
    "other_time_ms": pl.Int64,  # Time between start and end in any other status.
    "anomalies": pl.String,  # The session's anomalies: distinct codes in alphabetical order, joined by commas.
    "report_date": pl.Date,  # The local date of the start, or of the begin, in the report's time zone.
    "customer_address": pl.String,  # The customer's address in full, IPv6 too. Null if longer than the column.
}
files = [
    "s3://warehouse/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet",
  "s3://warehouse/daybook/reports/order/dt=2026-11-21/part-0-r2-0123456789abcdef.parquet"
]
loaded = pl.scan_parquet(files, schema=schema, missing_columns="insert", extra_columns="ignore",
    hive_partitioning=False, storage_options={"aws_region": "eu-west-1", "aws_virtual_hosted_style_request": "true"})

# Polars: load report order: everything from 2026-10 to 2026-11-01, 41200 rows
import polars as pl
schema = {
    "start_time": pl.Datetime("us", "UTC"),  # When the session first was active with this technician. Null: never picked up.
    "end_time": pl.Datetime("us", "UTC"),  # When the session was last closed or timed out, or the technician's part was over.
    "last_action_time": pl.Datetime("us", "UTC"),  # When the technician last stopped being in action.
    "technician_name": pl.String,  # As it was when the technician took the session.
    "technician_id": pl.Int64,  # Null: no technician took the session.
    "technician_email": pl.String,  # As it was when the technician took the session.
    "session_id": pl.Int64,  # With leg, the key of a row.
    "session_type": pl.String,  # The technology at the customer's side.
    "status": pl.String,  # The status when the technician's part was over, or the current status.
    "name": pl.String,  # The customer's name as entered. Its heading is configurable.
    "custom_field_1": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_2": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_3": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_4": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_5": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "tracking_id": pl.String,  # A key that the organisation chooses, for example of its CRM.
    "customer_ip": pl.String,  # Null if longer than the column: half an address is a wrong address.
    "device_id": pl.String,  # The customer's device.
    "tools_used": pl.String,  # Distinct codes in order of first use, joined by commas.
    "resolved_unresolved": pl.String,  # Resolved or Unresolved: the technician's last verdict. Null from 2009-05-01 on.
    "channel_id": pl.Int64,  # The channel of the session, or to which it was transferred.
    "channel_name": pl.String,  # The channel of the session, or to which it was transferred.
    "calling_card": pl.String,  # The Calling Card installer used.
    "connecting_time_ms": pl.Int64,  # From begin to the first status other than Connecting. Collaborators: 0.
    "waiting_time_ms": pl.Int64,  # From the first Waiting before the start to the start. Collaborators: 0.
    "total_time_ms": pl.Int64,  # Active, hold, transfer, rebooting and reconnecting time together.
    "active_time_ms": pl.Int64,  # Time in status Active between start and end.
    "work_time_ms": pl.Int64,  # Active time with the link up, the technician available, the session's tab selected and the console in the foreground.
    "hold_time_ms": pl.Int64,  # Time in status On Hold between start and end.
    "transfer_time_ms": pl.Int64,  # Time in status Transferring between start and end.
    "rebooting_time_ms": pl.Int64,  # Time in status Rebooting between start and end.
    "reconnecting_time_ms": pl.Int64,  # Time in status Reconnecting between start and end.
    "platform": pl.String,  # The customer's operating system.
    "browser_type": pl.String,  # Instant Chat only: the browser in which the customer started it.
    "technician_group": pl.String,  # The technician's group at that time, as a path: A/B lies in A.
    "time_to_first_chat_ms": pl.Int64,  # From the first Waiting, or the begin, to the technician's first message. Collaborators: null.
    "wrap_up_time_ms": pl.Int64,  # From the last customer or technician message to the end of the technician's part.
    "transferred_to": pl.String,  # The technician or channel the session was transferred to.
    "first_chat_message_sent": pl.Datetime("us", "UTC"),  # The technician's first message.
    "customer_messages": pl.Int64,  # While the technician had a part in the session.
    "technician_messages": pl.Int64,  # Those of this row's technician.
    "system_messages": pl.Int64,  # While the technician had a part in the session.
    "leg": pl.Int64,  # 0, 1, 2 … in order of opening. With session_id, the key of a row.
    "role": pl.String,  # lead or collaborator.
    "begin_time": pl.Datetime("us", "UTC"),  # When the technician's part opened.
    "is_final": pl.Boolean,  # The technician's part is over; false: the row may change.
    "other_time_ms": pl.Int64,  # Time between start and end in any other status.
    "anomalies": pl.String,  # The session's anomalies: distinct codes in alphabetical order, joined by commas.
    "report_date": pl.Date,  # The local date of the start, or of the begin, in the report's time zone.
    "customer_address": pl.String,  # The customer's address in full, IPv6 too. Null if longer than the column.
}
files = [
    "s3://warehouse/daybook/reports_monthly/order/month=2026-10/part-0-r2-0123456789abcdef.parquet",
  "s3://warehouse/daybook/reports/order/dt=2026-11-01/part-0-r2-0123456789abcdef.parquet"
]
loaded = pl.scan_parquet(files, schema=schema, missing_columns="insert", extra_columns="ignore",
    hive_partitioning=False, storage_options={"aws_region": "eu-west-1", "aws_virtual_hosted_style_request": "true"})

# Polars: load report order: 2026-11-22, 0 rows
import polars as pl
schema = {
    "start_time": pl.Datetime("us", "UTC"),  # When the session first was active with this technician. Null: never picked up.
    "end_time": pl.Datetime("us", "UTC"),  # When the session was last closed or timed out, or the technician's part was over.
    "last_action_time": pl.Datetime("us", "UTC"),  # When the technician last stopped being in action.
    "technician_name": pl.String,  # As it was when the technician took the session.
    "technician_id": pl.Int64,  # Null: no technician took the session.
    "technician_email": pl.String,  # As it was when the technician took the session.
    "session_id": pl.Int64,  # With leg, the key of a row.
    "session_type": pl.String,  # The technology at the customer's side.
    "status": pl.String,  # The status when the technician's part was over, or the current status.
    "name": pl.String,  # The customer's name as entered. Its heading is configurable.
    "custom_field_1": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_2": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_3": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_4": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_5": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "tracking_id": pl.String,  # A key that the organisation chooses, for example of its CRM.
    "customer_ip": pl.String,  # Null if longer than the column: half an address is a wrong address.
    "device_id": pl.String,  # The customer's device.
    "tools_used": pl.String,  # Distinct codes in order of first use, joined by commas.
    "resolved_unresolved": pl.String,  # Resolved or Unresolved: the technician's last verdict. Null from 2009-05-01 on.
    "channel_id": pl.Int64,  # The channel of the session, or to which it was transferred.
    "channel_name": pl.String,  # The channel of the session, or to which it was transferred.
    "calling_card": pl.String,  # The Calling Card installer used.
    "connecting_time_ms": pl.Int64,  # From begin to the first status other than Connecting. Collaborators: 0.
    "waiting_time_ms": pl.Int64,  # From the first Waiting before the start to the start. Collaborators: 0.
    "total_time_ms": pl.Int64,  # Active, hold, transfer, rebooting and reconnecting time together.
    "active_time_ms": pl.Int64,  # Time in status Active between start and end.
    "work_time_ms": pl.Int64,  # Active time with the link up, the technician available, the session's tab selected and the console in the foreground.
    "hold_time_ms": pl.Int64,  # Time in status On Hold between start and end.
    "transfer_time_ms": pl.Int64,  # Time in status Transferring between start and end.
    "rebooting_time_ms": pl.Int64,  # Time in status Rebooting between start and end.
    "reconnecting_time_ms": pl.Int64,  # Time in status Reconnecting between start and end.
    "platform": pl.String,  # The customer's operating system.
    "browser_type": pl.String,  # Instant Chat only: the browser in which the customer started it.
    "technician_group": pl.String,  # The technician's group at that time, as a path: A/B lies in A.
    "time_to_first_chat_ms": pl.Int64,  # From the first Waiting, or the begin, to the technician's first message. Collaborators: null.
    "wrap_up_time_ms": pl.Int64,  # From the last customer or technician message to the end of the technician's part.
    "transferred_to": pl.String,  # The technician or channel the session was transferred to.
    "first_chat_message_sent": pl.Datetime("us", "UTC"),  # The technician's first message.
    "customer_messages": pl.Int64,  # While the technician had a part in the session.
    "technician_messages": pl.Int64,  # Those of this row's technician.
    "system_messages": pl.Int64,  # While the technician had a part in the session.
    "leg": pl.Int64,  # 0, 1, 2 … in order of opening. With session_id, the key of a row.
    "role": pl.String,  # lead or collaborator.
    "begin_time": pl.Datetime("us", "UTC"),  # When the technician's part opened.
    "is_final": pl.Boolean,  # The technician's part is over; false: the row may change.
    "other_time_ms": pl.Int64,  # Time between start and end in any other status.
    "anomalies": pl.String,  # The session's anomalies: distinct codes in alphabetical order, joined by commas.
    "report_date": pl.Date,  # The local date of the start, or of the begin, in the report's time zone.
    "customer_address": pl.String,  # The customer's address in full, IPv6 too. Null if longer than the column.
}
loaded = pl.LazyFrame(schema=schema)
def merge(table: pl.LazyFrame) -> pl.LazyFrame:
    replaced = pl.col("report_date").is_between(pl.lit("2026-11-22").str.to_date(), pl.lit("2026-11-22").str.to_date())
    return pl.concat([table.filter(~(replaced)), loaded]).sort("report_date", "session_id", "leg")

# Polars: merge report order: 2026-11-20, 1234 rows
import polars as pl
schema = {
    "start_time": pl.Datetime("us", "UTC"),  # When the session first was active with this technician. Null: never picked up.
    "end_time": pl.Datetime("us", "UTC"),  # When the session was last closed or timed out, or the technician's part was over.
    "last_action_time": pl.Datetime("us", "UTC"),  # When the technician last stopped being in action.
    "technician_name": pl.String,  # As it was when the technician took the session.
    "technician_id": pl.Int64,  # Null: no technician took the session.
    "technician_email": pl.String,  # As it was when the technician took the session.
    "session_id": pl.Int64,  # With leg, the key of a row.
    "session_type": pl.String,  # The technology at the customer's side.
    "status": pl.String,  # The status when the technician's part was over, or the current status.
    "name": pl.String,  # The customer's name as entered. Its heading is configurable.
    "custom_field_1": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_2": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_3": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_4": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_5": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "tracking_id": pl.String,  # A key that the organisation chooses, for example of its CRM.
    "customer_ip": pl.String,  # Null if longer than the column: half an address is a wrong address.
    "device_id": pl.String,  # The customer's device.
    "tools_used": pl.String,  # Distinct codes in order of first use, joined by commas.
    "resolved_unresolved": pl.String,  # Resolved or Unresolved: the technician's last verdict. Null from 2009-05-01 on.
    "channel_id": pl.Int64,  # The channel of the session, or to which it was transferred.
    "channel_name": pl.String,  # The channel of the session, or to which it was transferred.
    "calling_card": pl.String,  # The Calling Card installer used.
    "connecting_time_ms": pl.Int64,  # From begin to the first status other than Connecting. Collaborators: 0.
    "waiting_time_ms": pl.Int64,  # From the first Waiting before the start to the start. Collaborators: 0.
    "total_time_ms": pl.Int64,  # Active, hold, transfer, rebooting and reconnecting time together.
    "active_time_ms": pl.Int64,  # Time in status Active between start and end.
    "work_time_ms": pl.Int64,  # Active time with the link up, the technician available, the session's tab selected and the console in the foreground.
    "hold_time_ms": pl.Int64,  # Time in status On Hold between start and end.
    "transfer_time_ms": pl.Int64,  # Time in status Transferring between start and end.
    "rebooting_time_ms": pl.Int64,  # Time in status Rebooting between start and end.
    "reconnecting_time_ms": pl.Int64,  # Time in status Reconnecting between start and end.
    "platform": pl.String,  # The customer's operating system.
    "browser_type": pl.String,  # Instant Chat only: the browser in which the customer started it.
    "technician_group": pl.String,  # The technician's group at that time, as a path: A/B lies in A.
    "time_to_first_chat_ms": pl.Int64,  # From the first Waiting, or the begin, to the technician's first message. Collaborators: null.
    "wrap_up_time_ms": pl.Int64,  # From the last customer or technician message to the end of the technician's part.
    "transferred_to": pl.String,  # The technician or channel the session was transferred to.
    "first_chat_message_sent": pl.Datetime("us", "UTC"),  # The technician's first message.
    "customer_messages": pl.Int64,  # While the technician had a part in the session.
    "technician_messages": pl.Int64,  # Those of this row's technician.
    "system_messages": pl.Int64,  # While the technician had a part in the session.
    "leg": pl.Int64,  # 0, 1, 2 … in order of opening. With session_id, the key of a row.
    "role": pl.String,  # lead or collaborator.
    "begin_time": pl.Datetime("us", "UTC"),  # When the technician's part opened.
    "is_final": pl.Boolean,  # The technician's part is over; false: the row may change.
    "other_time_ms": pl.Int64,  # Time between start and end in any other status.
    "anomalies": pl.String,  # The session's anomalies: distinct codes in alphabetical order, joined by commas.
    "report_date": pl.Date,  # The local date of the start, or of the begin, in the report's time zone.
    "customer_address": pl.String,  # The customer's address in full, IPv6 too. Null if longer than the column.
}
files = [
    "s3://warehouse/daybook/reports/order/dt=2026-11-20/part-0-r2-0123456789abcdef.parquet"
]
loaded = pl.scan_parquet(files, schema=schema, missing_columns="insert", extra_columns="ignore",
    hive_partitioning=False, storage_options={"aws_region": "eu-west-1", "aws_virtual_hosted_style_request": "true"})
def merge(table: pl.LazyFrame) -> pl.LazyFrame:
    replaced = pl.col("report_date").is_between(pl.lit("2026-11-20").str.to_date(), pl.lit("2026-11-20").str.to_date())
    return pl.concat([table.filter(~(replaced)), loaded]).sort("report_date", "session_id", "leg")

# Polars: show the files of report order
import polars as pl
schema = {
    "start_time": pl.Datetime("us", "UTC"),  # When the session first was active with this technician. Null: never picked up.
    "end_time": pl.Datetime("us", "UTC"),  # When the session was last closed or timed out, or the technician's part was over.
    "last_action_time": pl.Datetime("us", "UTC"),  # When the technician last stopped being in action.
    "technician_name": pl.String,  # As it was when the technician took the session.
    "technician_id": pl.Int64,  # Null: no technician took the session.
    "technician_email": pl.String,  # As it was when the technician took the session.
    "session_id": pl.Int64,  # With leg, the key of a row.
    "session_type": pl.String,  # The technology at the customer's side.
    "status": pl.String,  # The status when the technician's part was over, or the current status.
    "name": pl.String,  # The customer's name as entered. Its heading is configurable.
    "custom_field_1": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_2": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_3": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_4": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_5": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "tracking_id": pl.String,  # A key that the organisation chooses, for example of its CRM.
    "customer_ip": pl.String,  # Null if longer than the column: half an address is a wrong address.
    "device_id": pl.String,  # The customer's device.
    "tools_used": pl.String,  # Distinct codes in order of first use, joined by commas.
    "resolved_unresolved": pl.String,  # Resolved or Unresolved: the technician's last verdict. Null from 2009-05-01 on.
    "channel_id": pl.Int64,  # The channel of the session, or to which it was transferred.
    "channel_name": pl.String,  # The channel of the session, or to which it was transferred.
    "calling_card": pl.String,  # The Calling Card installer used.
    "connecting_time_ms": pl.Int64,  # From begin to the first status other than Connecting. Collaborators: 0.
    "waiting_time_ms": pl.Int64,  # From the first Waiting before the start to the start. Collaborators: 0.
    "total_time_ms": pl.Int64,  # Active, hold, transfer, rebooting and reconnecting time together.
    "active_time_ms": pl.Int64,  # Time in status Active between start and end.
    "work_time_ms": pl.Int64,  # Active time with the link up, the technician available, the session's tab selected and the console in the foreground.
    "hold_time_ms": pl.Int64,  # Time in status On Hold between start and end.
    "transfer_time_ms": pl.Int64,  # Time in status Transferring between start and end.
    "rebooting_time_ms": pl.Int64,  # Time in status Rebooting between start and end.
    "reconnecting_time_ms": pl.Int64,  # Time in status Reconnecting between start and end.
    "platform": pl.String,  # The customer's operating system.
    "browser_type": pl.String,  # Instant Chat only: the browser in which the customer started it.
    "technician_group": pl.String,  # The technician's group at that time, as a path: A/B lies in A.
    "time_to_first_chat_ms": pl.Int64,  # From the first Waiting, or the begin, to the technician's first message. Collaborators: null.
    "wrap_up_time_ms": pl.Int64,  # From the last customer or technician message to the end of the technician's part.
    "transferred_to": pl.String,  # The technician or channel the session was transferred to.
    "first_chat_message_sent": pl.Datetime("us", "UTC"),  # The technician's first message.
    "customer_messages": pl.Int64,  # While the technician had a part in the session.
    "technician_messages": pl.Int64,  # Those of this row's technician.
    "system_messages": pl.Int64,  # While the technician had a part in the session.
    "leg": pl.Int64,  # 0, 1, 2 … in order of opening. With session_id, the key of a row.
    "role": pl.String,  # lead or collaborator.
    "begin_time": pl.Datetime("us", "UTC"),  # When the technician's part opened.
    "is_final": pl.Boolean,  # The technician's part is over; false: the row may change.
    "other_time_ms": pl.Int64,  # Time between start and end in any other status.
    "anomalies": pl.String,  # The session's anomalies: distinct codes in alphabetical order, joined by commas.
    "report_date": pl.Date,  # The local date of the start, or of the begin, in the report's time zone.
    "customer_address": pl.String,  # The customer's address in full, IPv6 too. Null if longer than the column.
}
months = pl.scan_parquet("s3://warehouse/daybook/reports_monthly/order/month=*/*.parquet", schema=schema, missing_columns="insert", extra_columns="ignore",
    hive_partitioning=True, hive_schema={"month": pl.String}, storage_options={"aws_region": "eu-west-1", "aws_virtual_hosted_style_request": "true"})
months = months.filter(pl.col("month").is_between(pl.lit("2026-09"), pl.lit("2026-10"))).drop("month")
days = pl.scan_parquet("s3://warehouse/daybook/reports/order/dt=*/*.parquet", schema=schema, missing_columns="insert", extra_columns="ignore",
    hive_partitioning=True, hive_schema={"dt": pl.Date}, storage_options={"aws_region": "eu-west-1", "aws_virtual_hosted_style_request": "true"})
whole = pl.col("dt").is_between(pl.lit("2026-09-01").str.to_date(), pl.lit("2026-10-31").str.to_date())
days = days.filter(~(whole))
current = pl.concat([months, days.drop("dt")])

# Polars: show the files of report order
# The view names the files of this moment: make it again after each change.
import polars as pl
schema = {
    "start_time": pl.Datetime("us", "UTC"),  # When the session first was active with this technician. Null: never picked up.
    "end_time": pl.Datetime("us", "UTC"),  # When the session was last closed or timed out, or the technician's part was over.
    "last_action_time": pl.Datetime("us", "UTC"),  # When the technician last stopped being in action.
    "technician_name": pl.String,  # As it was when the technician took the session.
    "technician_id": pl.Int64,  # Null: no technician took the session.
    "technician_email": pl.String,  # As it was when the technician took the session.
    "session_id": pl.Int64,  # With leg, the key of a row.
    "session_type": pl.String,  # The technology at the customer's side.
    "status": pl.String,  # The status when the technician's part was over, or the current status.
    "name": pl.String,  # The customer's name as entered. Its heading is configurable.
    "custom_field_1": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_2": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_3": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_4": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "custom_field_5": pl.String,  # The text entered in the custom field. Its heading is configurable.
    "tracking_id": pl.String,  # A key that the organisation chooses, for example of its CRM.
    "customer_ip": pl.String,  # Null if longer than the column: half an address is a wrong address.
    "device_id": pl.String,  # The customer's device.
    "tools_used": pl.String,  # Distinct codes in order of first use, joined by commas.
    "resolved_unresolved": pl.String,  # Resolved or Unresolved: the technician's last verdict. Null from 2009-05-01 on.
    "channel_id": pl.Int64,  # The channel of the session, or to which it was transferred.
    "channel_name": pl.String,  # The channel of the session, or to which it was transferred.
    "calling_card": pl.String,  # The Calling Card installer used.
    "connecting_time_ms": pl.Int64,  # From begin to the first status other than Connecting. Collaborators: 0.
    "waiting_time_ms": pl.Int64,  # From the first Waiting before the start to the start. Collaborators: 0.
    "total_time_ms": pl.Int64,  # Active, hold, transfer, rebooting and reconnecting time together.
    "active_time_ms": pl.Int64,  # Time in status Active between start and end.
    "work_time_ms": pl.Int64,  # Active time with the link up, the technician available, the session's tab selected and the console in the foreground.
    "hold_time_ms": pl.Int64,  # Time in status On Hold between start and end.
    "transfer_time_ms": pl.Int64,  # Time in status Transferring between start and end.
    "rebooting_time_ms": pl.Int64,  # Time in status Rebooting between start and end.
    "reconnecting_time_ms": pl.Int64,  # Time in status Reconnecting between start and end.
    "platform": pl.String,  # The customer's operating system.
    "browser_type": pl.String,  # Instant Chat only: the browser in which the customer started it.
    "technician_group": pl.String,  # The technician's group at that time, as a path: A/B lies in A.
    "time_to_first_chat_ms": pl.Int64,  # From the first Waiting, or the begin, to the technician's first message. Collaborators: null.
    "wrap_up_time_ms": pl.Int64,  # From the last customer or technician message to the end of the technician's part.
    "transferred_to": pl.String,  # The technician or channel the session was transferred to.
    "first_chat_message_sent": pl.Datetime("us", "UTC"),  # The technician's first message.
    "customer_messages": pl.Int64,  # While the technician had a part in the session.
    "technician_messages": pl.Int64,  # Those of this row's technician.
    "system_messages": pl.Int64,  # While the technician had a part in the session.
    "leg": pl.Int64,  # 0, 1, 2 … in order of opening. With session_id, the key of a row.
    "role": pl.String,  # lead or collaborator.
    "begin_time": pl.Datetime("us", "UTC"),  # When the technician's part opened.
    "is_final": pl.Boolean,  # The technician's part is over; false: the row may change.
    "other_time_ms": pl.Int64,  # Time between start and end in any other status.
    "anomalies": pl.String,  # The session's anomalies: distinct codes in alphabetical order, joined by commas.
    "report_date": pl.Date,  # The local date of the start, or of the begin, in the report's time zone.
    "customer_address": pl.String,  # The customer's address in full, IPv6 too. Null if longer than the column.
}
files = [
    "s3://warehouse/daybook/reports_monthly/order/month=2026-10/part-0-r2-0123456789abcdef.parquet",
  "s3://warehouse/daybook/reports/order/dt=2026-11-01/part-0-r2-0123456789abcdef.parquet"
]
loaded = pl.scan_parquet(files, schema=schema, missing_columns="insert", extra_columns="ignore",
    hive_partitioning=False, storage_options={"aws_region": "eu-west-1", "aws_virtual_hosted_style_request": "true"})
current = loaded

