set(extra_sources ${PROJECT_SOURCE_DIR}/engine/linux/transport/control_message.cpp)
set(extra_libraries Threads::Threads)
