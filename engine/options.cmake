# Compile options shared by every target of the project; linked PRIVATE, so nothing leaks to users.
add_library(netobs_options INTERFACE)
target_compile_options(netobs_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Wcast-align -Wformat=2 -Wimplicit-fallthrough)
if(NETOBS_WERROR)
  target_compile_options(netobs_options INTERFACE -Werror)
endif()
if(NETOBS_SANITIZE)
  add_compile_options(-fsanitize=${NETOBS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${NETOBS_SANITIZE})
endif()

# netobs_box(<name> <folder> [PUBLIC libs...] [PRIVATE libs...]): one static library per box of the
# architecture picture. A new source file in the folder is picked up without editing anything.
function(netobs_box name folder)
  cmake_parse_arguments(BOX "" "" "PUBLIC;PRIVATE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
  if(NOT sources)  # a box without code yet
    add_library(${name} INTERFACE)
    return()
  endif()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/engine)
  target_link_libraries(${name} PUBLIC ${BOX_PUBLIC} PRIVATE netobs_options ${BOX_PRIVATE})
endfunction()
