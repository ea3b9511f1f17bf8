set(extra_sources ${PROJECT_SOURCE_DIR}/engine/linux/capture/capture_reader.cpp
                  ${PROJECT_SOURCE_DIR}/engine/linux/capture/link_types.cpp
                  ${PROJECT_SOURCE_DIR}/engine/linux/capture/unpacked_file.cpp)
set(extra_libraries PkgConfig::PCAP PkgConfig::ARCHIVE)
