-- What Redshift has in pg_catalog and PostgreSQL has not, under the names that Amazon documents. All of it is played
-- by the tests: filled from PostgreSQL's own catalog, or by `Warehouse`, as said at each.
-- "guide" below is https://docs.aws.amazon.com/redshift/latest/dg/

SET allow_system_table_mods = on;

-- guide/r_CREATE_VIEW.html names the release in its answer. Played: the text.
CREATE OR REPLACE FUNCTION pg_catalog.version() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT 'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3),'
        || ' Redshift 1.0.117891'
$$;

-- guide/r_SVV_EXTERNAL_SCHEMAS.html. Filled by `Warehouse.external_table`.
CREATE TABLE pg_catalog.svv_external_schemas (
    esoid oid, eskind smallint, schemaname name, esowner integer, databasename text, esoptions text);

-- guide/r_SVV_EXTERNAL_TABLES.html. Filled by `Warehouse.external_table`.
CREATE TABLE pg_catalog.svv_external_tables (
    redshift_database_name text, schemaname text, tablename text, tabletype text, location text, input_format text,
    output_format text, serialization_lib text, serde_parameters text, compressed integer, parameters text);

-- guide/r_SVV_EXTERNAL_COLUMNS.html. Filled by `Warehouse.external_table`.
CREATE TABLE pg_catalog.svv_external_columns (
    redshift_database_name text, schemaname text, tablename text, columnname text, external_type text,
    columnnum integer, part_key integer, is_nullable text);

-- guide/PG_GET_LATE_BINDING_VIEW_COLS.html. Filled by `Warehouse.late_binding_view`.
CREATE TABLE pg_catalog.played_late_binding_view_cols (
    view_schema name, view_name name, col_name name, col_type varchar, col_num integer);
CREATE FUNCTION pg_catalog.pg_get_late_binding_view_cols() RETURNS SETOF record LANGUAGE sql STABLE AS $$
    SELECT view_schema, view_name, col_name, col_type, col_num FROM pg_catalog.played_late_binding_view_cols
$$;

-- guide/r_STV_MV_INFO.html, guide/r_SVV_MV_INFO.html. Filled by `Warehouse.materialized_view`.
CREATE TABLE pg_catalog.stv_mv_info (
    db_name char(128), schema char(128), name char(128), updated_upto_xid bigint, is_stale char(1),
    owner_user_name char(128), state integer, autorewrite char(1), autorefresh char(1));
CREATE VIEW pg_catalog.svv_mv_info AS
SELECT db_name AS database_name, schema AS schema_name, owner_user_name AS user_name, name, is_stale, state,
       autorewrite, autorefresh
  FROM pg_catalog.stv_mv_info;

-- https://www.postgresql.org/docs/8.0/catalog-pg-description.html holds the comments of databases, too. Filled from
-- pg_description and pg_shdescription.
CREATE VIEW pg_catalog.played_description AS
SELECT objoid, classoid, objsubid, description FROM pg_catalog.pg_description
UNION ALL SELECT objoid, classoid, 0, description FROM pg_catalog.pg_shdescription;

-- guide/r_SVV_TABLES.html. Filled from pg_class and svv_external_tables.
CREATE VIEW pg_catalog.svv_tables AS
SELECT current_database()::text AS table_catalog, n.nspname::text AS table_schema, c.relname::text AS table_name,
       CASE WHEN c.relkind = 'r' THEN 'BASE TABLE' ELSE 'VIEW' END AS table_type,
       obj_description(c.oid, 'pg_class') AS remarks
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'v')
UNION ALL
SELECT redshift_database_name, schemaname, tablename, 'EXTERNAL TABLE', NULL FROM pg_catalog.svv_external_tables;

-- guide/r_SVV_COLUMNS.html. Filled from pg_attribute, the late-binding views and svv_external_columns. What is said of
-- types but their names, of defaults, character sets and collations is NULL.
CREATE VIEW pg_catalog.svv_columns AS
SELECT table_catalog, table_schema, table_name, column_name, ordinal_position, NULL::text AS column_default,
       is_nullable, data_type, NULL::integer AS character_maximum_length, NULL::integer AS numeric_precision,
       NULL::integer AS numeric_precision_radix, NULL::integer AS numeric_scale, NULL::integer AS datetime_precision,
       NULL::text AS interval_type, NULL::text AS interval_precision, NULL::text AS character_set_catalog,
       NULL::text AS character_set_schema, NULL::text AS character_set_name, NULL::text AS collation_catalog,
       NULL::text AS collation_schema, NULL::text AS collation_name, NULL::text AS domain_name, remarks
  FROM (SELECT current_database()::text AS table_catalog, n.nspname::text AS table_schema,
               c.relname::text AS table_name, a.attname::text AS column_name, a.attnum::integer AS ordinal_position,
               CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END AS is_nullable,
               format_type(a.atttypid, NULL) AS data_type, col_description(c.oid, a.attnum) AS remarks
          FROM pg_catalog.pg_attribute AS a
          JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
          JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT current_database(), view_schema, view_name, col_name, col_num, 'YES', col_type, NULL
          FROM pg_catalog.played_late_binding_view_cols
        UNION ALL
        SELECT redshift_database_name, schemaname, tablename, columnname, columnnum, is_nullable, external_type, NULL
          FROM pg_catalog.svv_external_columns) AS known;

-- guide/r_SVV_REDSHIFT_DATABASES.html and its neighbours of schemas, tables and columns, as far as they are asked. The
-- databases of this server are local; what `Warehouse.datashare` adds is shared.
CREATE TABLE pg_catalog.played_datashares (
    database_name text, schema_name text, table_name text, column_name text, remarks text);
CREATE VIEW pg_catalog.svv_redshift_databases AS
SELECT datname::varchar(128) AS database_name, datdba::integer AS database_owner, 'local'::varchar(32) AS database_type
  FROM pg_catalog.pg_database
UNION ALL
SELECT DISTINCT database_name, 100, 'shared' FROM pg_catalog.played_datashares;
CREATE VIEW pg_catalog.svv_redshift_schemas AS
SELECT DISTINCT database_name, schema_name, 100 AS schema_owner, 'shared'::varchar(16) AS schema_type
  FROM pg_catalog.played_datashares;
CREATE VIEW pg_catalog.svv_redshift_tables AS
SELECT database_name, schema_name, table_name, 'TABLE'::varchar(128) AS table_type, remarks
  FROM pg_catalog.played_datashares WHERE column_name IS NULL;
CREATE VIEW pg_catalog.svv_redshift_columns AS
SELECT database_name, schema_name, table_name, column_name, remarks
  FROM pg_catalog.played_datashares WHERE column_name IS NOT NULL;

-- guide/r_PG_CLASS_INFO.html. Filled from pg_class; PostgreSQL does not know when a table was created, nor how it is
-- distributed: both are NULL.
CREATE VIEW pg_catalog.pg_class_info AS
SELECT oid AS reloid, relname, relnamespace, reltype, relowner, relkind, relnatts, relacl,
       NULL::timestamp AS relcreationtime, NULL::integer AS releffectivediststyle
  FROM pg_catalog.pg_class;

-- guide/r_STV_SESSIONS.html. Filled from pg_stat_activity.
CREATE VIEW pg_catalog.stv_sessions AS
SELECT backend_start::timestamp AS starttime, pid AS process, usename::char(50) AS user_name,
       datname::char(50) AS db_name, 0 AS timeout_sec
  FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend';

-- guide/r_STV_RECENTS.html. Filled from pg_stat_activity, which knows the last statement of each session only.
CREATE VIEW pg_catalog.stv_recents AS
SELECT usesysid::integer AS userid,
       (CASE WHEN state = 'active' THEN 'Running' ELSE 'Done' END)::char(20) AS status,
       query_start::timestamp AS starttime,
       (extract(epoch FROM clock_timestamp() - backend_start) * 1000000)::bigint AS duration,
       usename::char(50) AS user_name, datname::char(50) AS db_name, query::char(600) AS query,
       CASE WHEN state = 'active' THEN pid ELSE -1 END AS pid
  FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend' AND query_start IS NOT NULL;

-- guide/r_SVV_TRANSACTIONS.html. Filled from pg_locks.
CREATE VIEW pg_catalog.svv_transactions AS
SELECT s.usename::text AS txn_owner, s.datname::text AS txn_db, coalesce(l.transactionid::text::bigint, 0) AS xid,
       l.pid, s.xact_start::timestamp AS txn_start, l.mode AS lock_mode, l.locktype AS lockable_object_type,
       l.relation::integer AS relation, l.granted
  FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_stat_activity AS s ON s.pid = l.pid
 WHERE l.locktype IN ('relation', 'transactionid');

GRANT SELECT ON played_description, svv_external_schemas, svv_external_tables, svv_external_columns, played_late_binding_view_cols,
    stv_mv_info, svv_mv_info, svv_tables, svv_columns, pg_class_info, stv_sessions, stv_recents, svv_transactions,
    svv_redshift_databases, svv_redshift_schemas, svv_redshift_tables, svv_redshift_columns
    TO PUBLIC;
