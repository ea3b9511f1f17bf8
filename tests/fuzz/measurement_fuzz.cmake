# Everything between the file and the rendered verdict.
if(NETOBS_FUZZ)
  file(GLOB extra_sources CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/engine/core/compare/*.cpp ${PROJECT_SOURCE_DIR}/engine/core/report/*.cpp
    ${PROJECT_SOURCE_DIR}/engine/core/report/page/*.cpp ${PROJECT_SOURCE_DIR}/engine/core/stats/*.cpp)
  list(APPEND extra_sources $<TARGET_OBJECTS:netobs_page_assets>)
endif()
set(extra_libraries nlohmann_json::nlohmann_json ZLIB::ZLIB)
