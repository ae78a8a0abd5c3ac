-- The server that reads this has no access control until then.
FLUSH PRIVILEGES;
CREATE USER 'repl'@'%' IDENTIFIED BY 'firedrill-drill-only';
GRANT REPLICATION SLAVE, REPLICATION SLAVE ADMIN, SLAVE MONITOR ON *.* TO 'repl'@'%';
CREATE USER 'orchestrator'@'%' IDENTIFIED BY 'firedrill-drill-only';
GRANT ALL ON *.* TO 'orchestrator'@'%';
CREATE USER 'app'@'%' IDENTIFIED BY 'firedrill-drill-only';
GRANT ALL ON firedrill.* TO 'app'@'%';
CREATE DATABASE firedrill;
CREATE TABLE firedrill.ledger (id BIGINT NOT NULL, attempt INT NOT NULL DEFAULT 0, server INT UNSIGNED NOT NULL, at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), PRIMARY KEY (id, attempt)) ENGINE=InnoDB;
