# cmake -Dstyle=FILE -Dscript=FILE -Dchart_library=FILE -Dchart_licence=FILE -DOUTPUT=assets.cpp -P embed.cmake:
# text files as the functions of assets.hpp. Without a file, an empty text.
set(arrays "")
set(functions "")
foreach(name style script chart_library chart_licence)
  if("${${name}}" STREQUAL "")
    string(APPEND functions "std::string_view ${name}() { return {}; }\n")
    continue()
  endif()
  file(READ ${${name}} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
  string(APPEND arrays "constexpr char ${name}_bytes[] = {${bytes}};\n")
  string(APPEND functions "std::string_view ${name}() { return {${name}_bytes, sizeof ${name}_bytes}; }\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"core/report/page/assets.hpp\"

namespace netobs::report::assets {
namespace {
${arrays}}

${functions}}
")
