select report_date, session_id, leg
from {{ ref('sessions') }}
group by all
having count(*) > 1
