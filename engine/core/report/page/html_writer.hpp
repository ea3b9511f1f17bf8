#pragma once
// Writes HTML in which text is text: whatever a name or a message holds, it never becomes markup.

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace netobs::report {

/// & < > " ' as character references: for text and for attribute values in quotes.
[[nodiscard]] std::string html_escaped(std::string_view text);

/// JSON for a <script> block of data: what could end the block or open a comment in it, and the two
/// line ends that are none in JSON, become \u escapes. The JSON means the same.
[[nodiscard]] std::string json_for_script(std::string_view json);

/// Names of elements and attributes are the program's own; texts and values are anybody's.
class HtmlWriter {
 public:
  struct Attribute {
    std::string_view name;
    std::string value;
  };
  using Attributes = std::initializer_list<Attribute>;

  void open(std::string_view element, Attributes attributes = {});
  /// Closes the element opened last.
  void close();
  void text(std::string_view text);
  void element(std::string_view element, std::string_view text, Attributes attributes = {});
  /// An element without content and without an end tag.
  void empty(std::string_view element, Attributes attributes = {});
  /// As it is: only for the program's own style sheet and scripts, and for json_for_script().
  void verbatim(std::string_view markup) { html_ += markup; }

  [[nodiscard]] std::string take() { return std::move(html_); }

 private:
  void tag(std::string_view element, Attributes attributes);

  std::string html_;
  std::vector<std::string> open_;
};

}  // namespace netobs::report
