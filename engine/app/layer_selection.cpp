#include "app/layer_selection.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>
#include <vector>

namespace netobs::app {
namespace {

std::string known_names() {
  std::vector<std::string_view> names{"auto"};
  for (const auto& row : layer_table) names.push_back(row.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

PointSet LayerSelection::points() const {
  PointSet set;
  for (const auto& row : layer_table) {
    if (wanted[index(row.layer)]) set = set | points_of(row.layer);
  }
  return set;
}

Result<LayerSelection> parse_layers(const std::string& text) {
  LayerSelection selection;
  selection.text = text;
  selection.wanted[index(Layer::app)] = true;
  selection.required[index(Layer::app)] = true;
  std::istringstream words(text);
  std::string word;
  bool any = false;
  while (std::getline(words, word, ',')) {
    any = true;
    if (word == "auto") {
      selection.automatic = true;
      for (const auto& row : layer_table) {
        if (row.automatic) selection.wanted[index(row.layer)] = true;
      }
      continue;
    }
    const auto layer = layer_from_name(word);
    if (!layer) {
      return fail({.what = fmt::format("'{}' is not a layer", word),
                   .cause = fmt::format("Known are: {}.", known_names()),
                   .remedy = "Example: --layers app,kernel,tc.",
                   .exit = ExitCode::usage});
    }
    selection.wanted[index(*layer)] = true;
    selection.required[index(*layer)] = true;
  }
  if (!any) return parse_layers("auto");
  return selection;
}

}  // namespace netobs::app
