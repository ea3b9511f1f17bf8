#pragma once

#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace netobs::cli {

/// Writes the HTML page of a stored run to a file, or "-" for standard output. which: "last" or the
/// first digits of its id.
[[nodiscard]] Result<void> write_page(const std::string& store, std::string_view which,
                                      const std::string& path);

}  // namespace netobs::cli
