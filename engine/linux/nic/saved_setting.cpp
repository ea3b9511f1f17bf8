#include "linux/nic/saved_setting.hpp"

#include <linux/net_tstamp.h>

#include <nlohmann/json.hpp>

namespace netobs::nic {
namespace {

using nlohmann::json;

constexpr int format_version = 1;
constexpr std::size_t most_text_bytes = 64;
constexpr std::uint64_t most_number = 63;  // far above the kernel's last; it judges each itself

json to_json(const std::optional<HwtstampConfig>& config) {
  if (!config) return nullptr;
  return {{"tx_type", config->tx_type}, {"rx_filter", config->rx_filter}};
}

const json* member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

bool read_text(const json& object, const char* name, std::string& text) {
  const json* value = member(object, name);
  if (value == nullptr || !value->is_string()) return false;
  text = value->get<std::string>();
  return text.size() <= most_text_bytes;
}

bool read_number(const json& object, const char* name, int& number) {
  const json* value = member(object, name);
  if (value == nullptr || !value->is_number_unsigned()) return false;
  const auto wide = value->get<std::uint64_t>();
  if (wide > most_number) return false;
  number = static_cast<int>(wide);
  return true;
}

bool read_flag(const json& object, const char* name, bool& flag) {
  const json* value = member(object, name);
  if (value == nullptr || !value->is_boolean()) return false;
  flag = value->get<bool>();
  return true;
}

bool read_config(const json& object, const char* name, std::optional<HwtstampConfig>& config) {
  const json* value = member(object, name);
  if (value == nullptr) return false;
  if (value->is_null()) return true;
  HwtstampConfig words;
  if (!value->is_object() || !read_number(*value, "tx_type", words.tx_type) ||
      !read_number(*value, "rx_filter", words.rx_filter)) {
    return false;
  }
  config = words;
  return true;
}

}  // namespace

std::string encode(const SavedSetting& saved) {
  const json document{{"netobs_nic", format_version},
                      {"interface", saved.nic.interface},
                      {"mac", saved.nic.mac},
                      {"boot_id", saved.nic.boot_id},
                      {"original", to_json(saved.original)},
                      {"applied", to_json(saved.applied)},
                      {"forced", saved.forced}};
  return document.dump(2, ' ', true, json::error_handler_t::replace) + "\n";
}

std::optional<SavedSetting> parse_saved_setting(std::string_view text) {
  if (text.size() > most_saved_bytes) return std::nullopt;
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return std::nullopt;  // also what did not parse
  SavedSetting saved;
  int version = 0;
  const bool whole = read_number(document, "netobs_nic", version) && version == format_version &&
                     read_text(document, "interface", saved.nic.interface) &&
                     read_text(document, "mac", saved.nic.mac) &&
                     read_text(document, "boot_id", saved.nic.boot_id) &&
                     read_config(document, "original", saved.original) &&
                     read_config(document, "applied", saved.applied) &&
                     read_flag(document, "forced", saved.forced);
  if (!whole) return std::nullopt;
  return saved;
}

Restoration restoration(const SavedSetting& saved, std::optional<HwtstampConfig> now,
                        bool ptp_running) {
  const HwtstampConfig target = saved.target();
  if (now && *now == target) return Restoration::none_needed;
  // A change that was cut short leaves nobody knows what: it is ours all the same.
  if (now && saved.applied && *now != *saved.applied) return Restoration::not_ours;
  // One that was there before worked with the original, whatever that is, and gets it back.
  const bool useless_for_ptp =
      target.tx_type == HWTSTAMP_TX_OFF || target.rx_filter == HWTSTAMP_FILTER_NONE;
  if (ptp_running && useless_for_ptp && !saved.forced) return Restoration::needed_by_ptp;
  return Restoration::put_back;
}

}  // namespace netobs::nic
