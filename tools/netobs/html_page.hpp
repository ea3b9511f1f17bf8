#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "store/store.hpp"

namespace netobs::cli {

/// `text`: a store as --store names it.
[[nodiscard]] Result<std::unique_ptr<store::Store>> open_for_reading(const std::string& text);

/// Writes the HTML page of a stored run to a file, or "-" for standard output. which: "last" or the
/// first digits of its id.
[[nodiscard]] Result<void> write_page(const std::string& store, std::string_view which,
                                      const std::string& path);

}  // namespace netobs::cli
