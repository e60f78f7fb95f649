create or replace function w(t text) returns text language sql immutable parallel safe as $$ select lower(normalize(t, NFKC)) $$;
create or replace function b1(t text) returns tsvector language sql immutable parallel safe as $$
 select array_to_tsvector(array_agg(substr(t,i,2))) from generate_series(1,length(t)) i $$;
create or replace function b2(t text) returns text[] language plpgsql immutable parallel safe as $$
declare c text[] := string_to_array(t, null); r text[] := c; begin
 for i in 1..cardinality(c) loop r[i] := c[i]||coalesce(c[i+1],''); end loop; return r; end $$;
create or replace function b3(t text) returns text[] language sql immutable parallel safe as $$
 select array_agg(a||b) from unnest(string_to_array(t,null), (string_to_array(t,null))[2:]) as u(a,b) $$;
create or replace function b4(t text) returns text[] language sql immutable parallel safe as $$
 select regexp_split_to_array(regexp_replace(t,'(.)','\1x\1','g'),'x') $$;
-- odd and even pairs by regexp_replace
create or replace function b5(t text) returns text[] language sql immutable parallel safe as $$
 select string_to_array(regexp_replace(t,'(..)','\1'||chr(1),'g'),chr(1))||string_to_array(regexp_replace(substr(t,2),'(..)','\1'||chr(1),'g'),chr(1)) $$;
\timing on
select count(w(text)) from (select text from t limit 100000) x;
select count(b1(text)) from (select text from t limit 100000) x;
select count(b2(text)) from (select text from t limit 100000) x;
select count(b3(text)) from (select text from t limit 100000) x;
select count(b5(text)) from (select text from t limit 100000) x;
select count(array_to_tsvector(b5(text))) from (select text from t limit 100000) x;
select count(regexp_replace(text,'(.)','\1x','g')) from (select text from t limit 100000) x;
select count(regexp_replace(text,'(.)','\1x','g')) from (select text from t limit 100000) x;
