CREATE USER 'repl'@'%' IDENTIFIED WITH caching_sha2_password BY 'firedrill-drill-only';
GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'repl'@'%';
CREATE USER 'orchestrator'@'%' IDENTIFIED WITH caching_sha2_password BY 'firedrill-drill-only';
GRANT ALL ON *.* TO 'orchestrator'@'%';
CREATE USER 'app'@'%' IDENTIFIED WITH caching_sha2_password BY 'firedrill-drill-only';
GRANT ALL ON firedrill.* TO 'app'@'%';
CREATE DATABASE firedrill;
CREATE TABLE firedrill.ledger (id BIGINT NOT NULL, attempt INT NOT NULL DEFAULT 0, server INT UNSIGNED NOT NULL, at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), PRIMARY KEY (id, attempt)) ENGINE=InnoDB;
