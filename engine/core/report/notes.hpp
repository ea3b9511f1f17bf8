#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace netobs::report {

struct Summary;

/// A rule looks at a summary and speaks only when the reader should do something: what happened,
/// what it means, which option helps given the options used.
struct NoteRule {
  std::string_view name;
  std::optional<std::string> (*apply)(const Summary&);
};

/// In the order of urgency: first what makes the figures doubtful, then what would improve them.
[[nodiscard]] const std::array<NoteRule, 11>& note_rules();

/// Every rule's note, then those that the run itself brought.
[[nodiscard]] std::vector<std::string> notes_of(const Summary& summary);

}  // namespace netobs::report
