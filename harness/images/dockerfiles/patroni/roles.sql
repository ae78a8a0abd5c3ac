-- The writers log in anew for every row. The 4096 rounds of hashing by default (RFC 7677) cost each log-in more than the insert
-- and the server's fork together (3.2 of 8.6 ms of CPU), which the drilled servers have to share. The handshake is the same.
SET scram_iterations = 1;
ALTER ROLE postgres PASSWORD 'firedrill-drill-only';
CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'firedrill-drill-only';
CREATE ROLE rewind LOGIN PASSWORD 'firedrill-drill-only';
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text, boolean, boolean) TO rewind;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text, boolean) TO rewind;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text) TO rewind;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) TO rewind;
CREATE ROLE app LOGIN PASSWORD 'firedrill-drill-only';
CREATE DATABASE firedrill OWNER app;
