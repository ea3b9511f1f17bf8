# netobs_gtest(<name> LIBS ... [LABELS ...] [DIR folder] [TIMEOUT s] [LOCK resource]): one GoogleTest program from all
# .cpp files of a folder (default: the folder called like the test without its first word).
function(netobs_gtest name)
  cmake_parse_arguments(T "" "DIR;TIMEOUT;LOCK" "LIBS;LABELS" ${ARGN})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 120)
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${T_DIR}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${T_LIBS} netobs_options GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT} RESOURCE_LOCK "${T_LOCK}")
endfunction()
