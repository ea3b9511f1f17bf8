#include "write_options.hpp"

namespace netobs::cli {

void WriteOptions::add_to(CLI::App& command, const std::string& group) {
  auto* write =
      command
          .add_option("--write", request.path,
                      "The run's packets as a capture for Wireshark (pcapng, nanoseconds), each "
                      "with what was measured of it as comment; overwrites FILE. Adds the layer "
                      "pcap here")
          ->option_text("FILE.pcapng")
          ->check([](const std::string& path) {
            return path == "-" ? std::string("a capture goes to a file or a named pipe, not to -")
                               : std::string();
          })
          ->group(group);
  command
      .add_option("--write-size", request.most_bytes,
                  "Size at which the next file begins (FILE_00002.pcapng): bytes, or 100MB; 0 = "
                  "any size")
      ->transform(CLI::AsSizeValue(true))
      ->capture_default_str()
      ->needs(write)
      ->group(group);
  command
      .add_option("--write-files", request.most_files,
                  "Files that are kept, the youngest ones; 0 = all")
      ->capture_default_str()
      ->needs(write)
      ->group(group);
}

}  // namespace netobs::cli
