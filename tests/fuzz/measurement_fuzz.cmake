# Everything between the file and the rendered verdict.
if(NETOBS_FUZZ)
  file(GLOB extra_sources CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/engine/core/compare/*.cpp ${PROJECT_SOURCE_DIR}/engine/core/report/*.cpp
    ${PROJECT_SOURCE_DIR}/engine/core/stats/*.cpp)
endif()
set(extra_libraries nlohmann_json::nlohmann_json)
