-- Each run takes the files that are new, and removes the rows of those that are superseded: days that were
-- restated, are empty now, or were removed.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    pre_hook="{% if is_incremental() %}delete from {{ this }} where _file not in (select distinct _file from {{ ref('stg_sessions') }}){% endif %}"
) }}

select * from {{ ref('stg_sessions') }}
{% if is_incremental() %}
where _file not in (select distinct _file from {{ this }})
{% endif %}
