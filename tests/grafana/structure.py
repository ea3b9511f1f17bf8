"""What Grafana's schema does not say of the dashboards: identity, places, links, variables."""

import re

from grafana_sql import panels_of, variables_of

DATA_SOURCE = {"type": "mysql", "uid": "netobs-mysql"}
KINDS = {"timeseries", "table", "stat", "bargauge", "barchart", "heatmap", "histogram", "text"}
COLUMNS = 24
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")
_LINK = re.compile(r"/d/([\w-]+)")


def _texts(value):
    """Every string inside, with the key it stands under."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from ((inner_key or key, text) for inner_key, text in _texts(each))
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield None, value


def _overlap(a, b):
    return (a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and
            a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"])


def _places(board):
    panels = board["panels"]
    for i, panel in enumerate(panels):
        place = panel["gridPos"]
        if place["x"] < 0 or place["y"] < 0 or place["w"] < 3 or place["h"] < 3 or place["x"] + place["w"] > COLUMNS:
            yield f"panel {panel['title']!r} is not inside the grid: {place}"
        for other in panels[i + 1:]:
            if _overlap(place, other["gridPos"]):
                yield f"panels {panel['title']!r} and {other['title']!r} overlap"


def _variables(board):
    names = set(variables_of(board))
    used = set()
    for _, text in _texts(board):
        for name in _VARIABLE.findall(text):
            if name.startswith("__"):
                continue
            used.add(name)
            if name not in names:
                yield f"${name} is used and is no variable"
    for name in sorted(names - used):
        yield f"variable {name} is used nowhere"


def _linked(board):
    for key, text in _texts(board):
        if key == "url":
            yield from _LINK.findall(text)


def _links(board, boards):
    by_uid = {each["uid"]: each for each in boards}
    for uid in _linked(board):
        if uid not in by_uid:
            yield f"a link leads to {uid}, which is no dashboard"
    for key, text in _texts(board):
        uid = _LINK.search(text) if key == "url" else None
        for name in re.findall(r"[?&]var-(\w+)=", text) if uid and uid.group(1) in by_uid else ():
            if name not in variables_of(by_uid[uid.group(1)]):
                yield f"a link sets {name}, which {uid.group(1)} has not"
    for link in board["links"]:
        if link["type"] == "dashboards" and not any(set(link["tags"]) <= set(each["tags"]) for each in boards):
            yield f"link {link['title']!r}: no dashboard has the tags {link['tags']}"


def _fields_of_links(board):
    """A data link may name only columns of its own panel's query."""
    for panel in panels_of(board):
        queries = " ".join(target["rawSql"] for target in panel.get("targets", []))
        for _, text in _texts(panel.get("fieldConfig", {})):
            for bare, quoted in re.findall(r"__data\.fields(?:\.(\w+)|\[\"([^\"]+)\"\])", text):
                name = bare or quoted
                if not re.search(rf"\bAS `?{re.escape(name)}`?(?!\w)", queries):
                    yield f"panel {panel['title']!r}: a link uses the column {name}, which no query makes"


def _panel(panel):
    where = f"panel {panel['title']!r}"
    if panel["type"] not in KINDS:
        yield f"{where}: panel type {panel['type']}: use one of {sorted(KINDS)}"
    if len(panel.get("description", "")) < 40:
        yield f"{where} does not say what it means and what to do about it"
    if panel["type"] == "text":
        return
    if not panel.get("targets"):
        yield f"{where} has no query"
    for holder in (panel, *panel.get("targets", [])):
        if holder.get("datasource") != DATA_SOURCE:
            yield f"{where}: data source {holder.get('datasource')}"
    defaults = panel["fieldConfig"]["defaults"]
    unit = defaults.get("unit") or panel["options"].get("yAxis", {}).get("unit")
    if panel["type"] != "table" and not unit:
        yield f"{where} has no unit"
    if panel["type"] == "timeseries" and defaults["custom"].get("spanNulls") is not False:
        yield f"{where} draws a line over what was not measured"
    references = [target["refId"] for target in panel["targets"]]
    if len(set(references)) != len(references):
        yield f"{where}: two queries have the same letter"


def offences(boards):
    """One line per thing that is wrong."""
    found = []
    uids = [board.get("uid") for board in boards]
    for board in boards:
        name = board.get("uid")

        def add(items, name=name):
            found.extend(f"{name}: {item}" for item in items)

        if not re.fullmatch(r"netobs-[a-z]+", name or "") or uids.count(name) != 1:
            add([f"uid {name!r} is not of our form or not the only one"])
        if "netobs" not in board["tags"]:
            add(["no tag netobs: the menu of dashboards would not list it"])
        if board.get("id") is not None:
            add(["has an id: it belongs to the Grafana it was exported from"])
        ids = [panel["id"] for panel in panels_of(board)]
        if len(set(ids)) != len(ids):
            add(["two panels have the same id"])
        for panel in panels_of(board):
            add(_panel(panel))
        for variable in board["templating"]["list"]:
            if variable["type"] == "query" and variable.get("datasource") != DATA_SOURCE:
                add([f"variable {variable['name']}: data source {variable.get('datasource')}"])
        for items in (_places(board), _variables(board), _links(board, boards), _fields_of_links(board)):
            add(items)
    return found
