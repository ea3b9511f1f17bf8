# Sourced by the MySQL image's entrypoint, under its settings, when it makes the database: a user for Grafana that
# can only read. docker_process_sql is the entrypoint's own and talks to the server that is being set up.
# shellcheck shell=bash
docker_process_sql --database=mysql <<SQL
CREATE USER IF NOT EXISTS 'grafana'@'%' IDENTIFIED BY '$(cat /run/netobs-secrets/grafana_mysql_password)';
GRANT SELECT ON \`${MYSQL_DATABASE}\`.* TO 'grafana'@'%';
SQL
