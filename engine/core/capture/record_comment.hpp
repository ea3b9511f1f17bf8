#pragma once

#include <string>

#include "core/layer/record.hpp"

namespace netobs::capture {

/// What a probe's record says of one of its two packets, for a capture's packet comment: the times
/// of its way, host by host, each as nanoseconds after the one before, and of the reply the round
/// trips too.
[[nodiscard]] std::string comment_of(const ProbeRecord& record, bool reply);

}  // namespace netobs::capture
