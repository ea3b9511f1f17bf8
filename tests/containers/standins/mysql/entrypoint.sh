#!/bin/bash
# The official image's variables MYSQL_DATABASE, MYSQL_USER, MYSQL_PASSWORD_FILE, MYSQL_ROOT_PASSWORD_FILE, its folder
# /docker-entrypoint-initdb.d and the function that scripts there may call.
set -euo pipefail
data=/var/lib/mysql socket=/run/mysqld/mysqld.sock
options=(--user=mysql --datadir="$data" --socket="$socket" --pid-file=/run/mysqld/mysqld.pid)
root_password=''

docker_process_sql() { MYSQL_PWD=$root_password mysql --no-defaults --user=root --socket="$socket" "$@"; }

make_database() {
  local script server
  mysqld --no-defaults --user=mysql --datadir="$data" --initialize-insecure
  "$@" "${options[@]}" --skip-networking --mysqlx=OFF &
  server=$!
  for _ in $(seq 60); do
    if docker_process_sql -e 'SELECT 1' >/dev/null 2>&1; then break; fi
    sleep 1
  done
  docker_process_sql <<SQL
CREATE DATABASE \`$MYSQL_DATABASE\`;
CREATE USER '$MYSQL_USER'@'%' IDENTIFIED BY '$(<"$MYSQL_PASSWORD_FILE")';
GRANT ALL ON \`$MYSQL_DATABASE\`.* TO '$MYSQL_USER'@'%';
CREATE USER 'root'@'%' IDENTIFIED BY '$(<"$MYSQL_ROOT_PASSWORD_FILE")';
GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;
ALTER USER 'root'@'localhost' IDENTIFIED BY '$(<"$MYSQL_ROOT_PASSWORD_FILE")';
SQL
  root_password=$(<"$MYSQL_ROOT_PASSWORD_FILE")
  for script in /docker-entrypoint-initdb.d/*.sh; do
    # shellcheck source=/dev/null
    source "$script"
  done
  MYSQL_PWD=$root_password mysqladmin --no-defaults --user=root --socket="$socket" shutdown
  wait "$server"
}

if [[ ! -d $data/mysql ]]; then make_database "$@"; fi
exec "$@" "${options[@]}"
