-- What `\l+`, `\dn+` and `\d+` show, in one query.

SELECT ARRAY[d.datname] AS path, quote_ident(d.datname) AS name, 'database' AS kind,
       pg_get_userbyid(d.datdba) AS owner, shobj_description(d.oid, 'pg_database') AS comment, '{}'::json AS columns
FROM pg_database AS d
WHERE d.datname = current_database()

UNION ALL

SELECT ARRAY[current_database(), n.nspname], quote_ident(n.nspname), 'schema',
       pg_get_userbyid(n.nspowner), obj_description(n.oid, 'pg_namespace'), '{}'::json
FROM pg_namespace AS n
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public')

UNION ALL

SELECT ARRAY[current_database(), n.nspname, c.relname], format('%I.%I', n.nspname, c.relname),
       CASE WHEN c.relispartition THEN 'partition'
            WHEN c.relkind = 'r' THEN 'table'
            WHEN c.relkind = 'p' THEN 'partitioned table'
            WHEN c.relkind = 'v' THEN 'view'
            WHEN c.relkind = 'm' THEN 'materialized view'
            ELSE 'foreign table' END,
       pg_get_userbyid(c.relowner), obj_description(c.oid, 'pg_class'),
       (SELECT coalesce(json_object_agg(a.attname, col_description(c.oid, a.attnum) ORDER BY a.attnum), '{}'::json)
        FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
