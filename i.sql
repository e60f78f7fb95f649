set maintenance_work_mem='512MB'; set max_parallel_maintenance_workers=0;
\timing on
create index i1 on t using gin (b2(text));
create index i2 on t using gin (array_to_tsvector(b2(text)));
create index i3 on t using gin (regexp_replace(text,'(.)','\1x','g') gin_trgm_ops);
create index i0 on t using gin (text gin_trgm_ops);
\timing off
select relname, pg_size_pretty(pg_relation_size(oid)) from pg_class where relname ~ '^i\d$';
