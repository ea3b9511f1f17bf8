"""Grafana's SQL without Grafana: expands the variables and macros of a dashboard's query as Grafana's MySQL data source
does, and runs it through the command line client.

The frontend replaces variables, then the data source replaces $__interval and its macros. What is left over with a $
is an error here; Grafana would send it to the server.

For another test with a server of its own:

    client = Client(["mysql", "--host=127.0.0.1", "--user=grafana"], "network_performance", password="...")
    for board in load_dashboards():
        ...
"""

import glob
import json
import os
import re
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DASHBOARDS = f"{PROJECT}/containers/grafana/dashboards"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
ALL = "$__all"
QUERY_DEADLINE_S = 300

# Types that Grafana's data source turns into numbers whatever the version of its driver. DECIMAL (NEWDECIMAL) comes as
# text with some, an unsigned integer is refused by others.
NUMBER_TYPES = {"LONGLONG", "LONG", "SHORT", "TINY", "INT24", "DOUBLE", "FLOAT"}
TEXT_TYPES = {"VAR_STRING", "STRING", "BLOB", "VARCHAR"}


class QueryError(Exception):
    """The server, or Grafana, would refuse the query."""


class Range:
    """A time range and the interval of one point, as a panel gets them."""

    def __init__(self, from_ns, to_ns, interval_ms=1000):
        self.from_ns, self.to_ns, self.interval_ms = int(from_ns), int(to_ns), interval_ms


def load_dashboards(folder=DASHBOARDS):
    boards = []
    for path in sorted(glob.glob(f"{folder}/*.json")):
        with open(path, encoding="utf-8") as file:
            boards.append(json.load(file))
    return boards


def panels_of(board):
    """All panels, also those inside collapsed rows."""
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", [])


def queries_of(board):
    """(title, format, SQL, panel) of every query of every panel."""
    for panel in panels_of(board):
        for target in panel.get("targets", []):
            yield f"{board['uid']}: {panel['title']} ({target['refId']})", target["format"], target["rawSql"], panel


def variables_of(board):
    return {variable["name"]: variable for variable in board["templating"]["list"]}


# --- the frontend -------------------------------------------------------------------------------------------

_VARIABLE = re.compile(r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}")


def _quoted(text):
    return "'" + text.replace("'", "''") + "'"


def _variable_text(definition, value):
    many = definition.get("multi") or definition.get("includeAll")
    if many and value in (ALL, [ALL]):
        if not definition.get("allValue"):
            raise QueryError(f"variable {definition['name']}: 'All' without a value of its own is a list that may be empty")
        return definition["allValue"]
    if isinstance(value, list):
        return ",".join(_quoted(each) for each in value)
    return _quoted(value) if many else value.replace("'", "''")


def replace_variables(sql, definitions, values, time_range):
    built_in = {"__interval": f"{time_range.interval_ms}ms", "__interval_ms": str(time_range.interval_ms),
                "__from": str(time_range.from_ns // 10**6), "__to": str(time_range.to_ns // 10**6)}

    def one(match):
        name = match.group(1) or match.group(2) or match.group(4)
        if match.group(3) or match.group(5) or match.group(6):
            raise QueryError(f"{match.group(0)}: formats and fields of variables are not for SQL here")
        if name in built_in:
            return built_in[name]
        if name in values:
            return _variable_text(definitions[name], values[name])
        return match.group(0)

    return _VARIABLE.sub(one, sql)


# --- the data source ------------------------------------------------------------------------------------------

_MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")
_RESTRICTED = re.compile(r"(?im)([\s]*show[\s]+grants|[\s,]session_user\([^\)]*\)|[\s,]current_user(\([^\)]*\))?|"
                         r"[\s,]system_user\([^\)]*\)|[\s,]user\([^\)]*\))([\s,;]|$)")


def _macro(name, arguments, time_range):
    from_s, to_s = time_range.from_ns // 10**9, time_range.to_ns // 10**9
    column = arguments[0]
    texts = {
        "__time": f"UNIX_TIMESTAMP({column}) as time_sec",
        "__timeEpoch": f"UNIX_TIMESTAMP({column}) as time_sec",
        "__timeFilter": f"{column} BETWEEN FROM_UNIXTIME({from_s}) AND FROM_UNIXTIME({to_s})",
        "__timeFrom": f"FROM_UNIXTIME({from_s})",
        "__timeTo": f"FROM_UNIXTIME({to_s})",
        "__unixEpochFilter": f"{column} >= {from_s} AND {column} <= {to_s}",
        "__unixEpochNanoFilter": f"{column} >= {time_range.from_ns} AND {column} <= {time_range.to_ns}",
        "__unixEpochNanoFrom": str(time_range.from_ns),
        "__unixEpochNanoTo": str(time_range.to_ns),
    }
    if name not in texts:
        raise QueryError(f"unknown macro ${name}")
    return texts[name]


def expand(sql, definitions, values, time_range):
    """The SQL that the server gets from Grafana."""
    sql = replace_variables(sql, definitions, values, time_range)
    sql = sql.replace("$__unixEpochFrom()", str(time_range.from_ns // 10**9))
    sql = sql.replace("$__unixEpochTo()", str(time_range.to_ns // 10**9))
    if _RESTRICTED.search(sql):
        raise QueryError("Grafana refuses queries about users and grants")
    sql = _MACRO.sub(lambda match: _macro(match.group(1), [each.strip(" ") for each in match.group(2).split(",")],
                                          time_range), sql)
    # A $ inside quotes is the path of JSON_EXTRACT.
    left = re.search(r"\$[\w{]", sql)
    if left:
        raise QueryError(f"not replaced: {sql[left.start():left.start() + 40]!r}")
    return sql


# --- the server -------------------------------------------------------------------------------------------------

_COLUMN = re.compile(r"^Field +\d+: +`(.*)`\n(?:.*\n)*?Type: +(\w+)[^\n]*\n(?:.*\n)*?Flags: *(.*)$", re.MULTILINE)


class Client:
    """The command line client of MariaDB or MySQL. `command` holds the program and how to connect."""

    def __init__(self, command, database, password=None):
        self._command = [command[0], "--no-defaults", *command[1:], "--default-character-set=utf8mb4"]
        self.database = database
        self._password = password

    def run(self, sql, *options):
        """Standard output of the client for any SQL. The password is not on the command line, where others see it."""
        with tempfile.NamedTemporaryFile("w", suffix=".cnf") as file:
            command = list(self._command)
            if self._password is not None:
                os.fchmod(file.fileno(), 0o600)
                file.write(f'[client]\npassword="{self._password}"\n')
                file.flush()
                command[1] = f"--defaults-file={file.name}"
            command += [*options, *([f"--database={self.database}"] if self.database else [])]
            done = subprocess.run(command, input=sql, capture_output=True, text=True, timeout=QUERY_DEADLINE_S, check=False)
        if done.returncode != 0:
            raise QueryError(f"{done.stderr.strip()}\n{sql}")
        return done.stdout

    def rows(self, sql):
        """A list of dictionaries, column to text or None, in the order of the columns."""
        text = self.run(sql, "--xml")
        found = []
        for row in ElementTree.fromstring(text).iter("row") if text.strip() else ():
            found.append({field.get("name"): None if field.get(NIL) == "true" else field.text or ""
                          for field in row.iter("field")})
        return found

    def columns(self, sql):
        """[(name, type, unsigned)] of the result, in the client's words."""
        text = self.run(sql, "--table", "--column-type-info")
        found = [(name, kind, "UNSIGNED" in flags) for name, kind, flags in _COLUMN.findall(text)]
        if not found:
            raise QueryError(f"the client tells no column types:\n{text[:400]}")
        return found


class Answer:
    """What a panel gets: columns with their kind ("number", "text") and rows with Python values."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows

    def column(self, name):
        return [row[name] for row in self.rows]

    def series(self):
        """Of a time series: {name: {time: value}}, from either of the forms that Grafana takes."""
        found = {}
        for row in self.rows:
            for name in self.columns:
                if name in ("time", "metric"):
                    continue
                key = row["metric"] if "metric" in row else name
                found.setdefault(key, {})[row["time"]] = row[name]
        return found


def _checked_columns(client, sql):
    columns = {}
    for name, kind, unsigned in client.columns(sql):
        if name in columns:
            raise QueryError(f"two columns are called {name!r}")
        if kind in NUMBER_TYPES and not unsigned:
            columns[name] = "number"
        elif kind in TEXT_TYPES:
            columns[name] = "text"
        elif kind != "NULL":
            raise QueryError(f"column {name!r} is {'unsigned ' if unsigned else ''}{kind}: "
                             "not every Grafana reads it as a number")
    return columns


def _check_time_series(columns, rows):
    if "time" not in columns:
        raise QueryError("a time series needs a column 'time'")
    texts = [name for name, kind in columns.items() if kind == "text"]
    if texts not in ([], ["metric"]) or (texts and len(columns) != 3):
        raise QueryError(f"a time series has time, metric and one value, or time and numbers: {columns}")
    times = [row["time"] for row in rows]
    if None in times or times != sorted(times):
        raise QueryError("the rows of a time series must be in the order of time")
    keys = [(row["time"], row.get("metric")) for row in rows]
    if len(set(keys)) != len(keys):
        raise QueryError("a time series has two values for the same time")


def ask(client, sql, form):
    """Runs an expanded query and checks what Grafana would make of the result."""
    columns = _checked_columns(client, sql)
    rows = client.rows(sql)
    for row in rows:
        for name, value in row.items():
            if value is not None and columns.get(name) == "number":
                row[name] = float(value) if re.search(r"[.eE]", value) else int(value)
    if form == "time_series":
        _check_time_series(columns, rows)
    elif form != "table":
        raise QueryError(f"unknown format {form!r}")
    return Answer(columns, rows)


_TABLE = re.compile(r"(?:\bFROM|JOIN)\s+(\w+)"
                    r"(?:\s+(?!ON\b|WHERE\b|JOIN\b|LEFT\b|STRAIGHT_JOIN\b|CROSS\b|GROUP\b|ORDER\b|LIMIT\b)(\w+))?")


def full_scans(client, sql, tables):
    """Steps of the server's plan that read one of the tables, or one of their indexes, from end to end."""
    names = {}
    for table, alias in _TABLE.findall(sql):
        if table in tables:
            names.setdefault(alias or table, table)
    return [f"{names[step['table']]} as {step['table']}: type {step['type']}, {step['rows']} rows"
            for step in client.rows("EXPLAIN FORMAT=TRADITIONAL " + sql)
            if step["table"] in names and step["type"] in ("ALL", "index")]
