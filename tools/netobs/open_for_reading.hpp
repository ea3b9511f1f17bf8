#pragma once

#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "store/store.hpp"

namespace netobs::cli {

/// `text`: a store as --store names it.
[[nodiscard]] Result<std::unique_ptr<store::Store>> open_for_reading(const std::string& text);

}  // namespace netobs::cli
