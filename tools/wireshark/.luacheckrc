-- For luacheck (package lua-check), which tools/lint runs where it is installed.
std = "min"
max_line_length = 120
read_globals = {
  "DissectorTable", "Field", "Int64", "NSTime", "Pref", "Proto", "ProtoExpert", "ProtoField", "UInt64", "base",
  "expert", "frametype",
}
