#pragma once

#include <optional>
#include <string>

#include "core/capture/link_frame.hpp"

namespace netobs {

/// What libpcap's number of a link type (DLT_*) is here; nullopt: not known.
[[nodiscard]] std::optional<capture::LinkType> link_type_of(int dlt);
/// As libpcap describes it: "Ethernet"; "number 147" where it does not.
[[nodiscard]] std::string describe_link_type(int dlt);

}  // namespace netobs
