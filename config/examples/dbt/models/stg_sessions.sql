-- The rows of the published files. A file's name has the revision, and the hash of its bytes.
{{ config(materialized='view') }}

with published as (
    select '{{ env_var("DAYBOOK_SINK") | replace("'", "''") }}/' || unnest(parts).key as file
    from {{ source('daybook', 'manifests') }}
)

select * exclude (filename), filename as _file
from {{ source('daybook', 'days') }}
where filename in (select file from published)
