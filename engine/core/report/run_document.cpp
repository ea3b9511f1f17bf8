#include "core/report/run_document.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/report/clean_text.hpp"

namespace netobs::report {
namespace {

using Json = nlohmann::ordered_json;
/// For text from outside: its look-up does not get slow on an object of a million keys.
using Parsed = nlohmann::json;

constexpr std::string_view schema = "netobs.run/1";
constexpr std::size_t max_text_bytes = 4U << 20U;
constexpr std::size_t max_list_entries = 4'096;

Error unreadable(std::string_view why) {
  return {.what = "read a stored run",
          .cause = std::string(why),
          .remedy = "the row is damaged or was written by another version; leave this run out"};
}

/// Thrown and caught in this file only.
struct Mismatch {
  std::string key;
};

// Each structure lists its fields once; the same list writes and reads.

template <class Self, class Field>
void fields(Self& run, Field&& field)
  requires std::is_same_v<std::remove_const_t<Self>, RunInfo>
{
  field("id", run.id);
  field("target", run.target);
  field("link", run.link);
  field("virtual_link", run.virtual_link);
  field("transport", run.transport);
  field("schedule", run.schedule);
  field("started_at", run.started_at);
  field("started_ns", run.started_ns);
  field("duration_ns", run.duration_ns);
  field("count", run.count);
  field("size_bytes", run.size_bytes);
  field("layers", run.layers);
  field("wait", run.wait);
  field("reflector_wait", run.reflector_wait);
  field("cpu", run.cpu);
  field("command_line", run.command_line);
}

template <class Self, class Field>
void fields(Self& entry, Field&& field)
  requires std::is_same_v<std::remove_const_t<Self>, EnvironmentEntry>
{
  field("key", entry.key);
  field("value", entry.value);
}

template <class Self, class Field>
void fields(Self& absence, Field&& field)
  requires std::is_same_v<std::remove_const_t<Self>, LayerAbsence>
{
  field("layer", absence.layer);
  field("why", absence.why);
}

template <class Self, class Field>
void fields(Self& store, Field&& field)
  requires std::is_same_v<std::remove_const_t<Self>, StoreStatus>
{
  field("url", store.url);
  field("rows_written", store.rows_written);
  field("rows_spilled", store.rows_spilled);
  field("rows_lost", store.rows_lost);
}

template <class Self, class Field>
void fields(Self& probes, Field&& field)
  requires std::is_same_v<std::remove_const_t<Self>, stats::ProbeCounters>
{
  field("sent", probes.sent);
  field("received", probes.received);
  field("lost", probes.lost);
  field("lost_forward", probes.lost_forward);
  field("lost_backward", probes.lost_backward);
  field("lost_unknown", probes.lost_unknown);
  field("late", probes.late);
  field("duplicate", probes.duplicate);
  field("reordered", probes.reordered);
  field("send_failed", probes.send_failed);
  field("clock_stepped", probes.clock_stepped);
}

template <class Self, class Field>
void fields(Self& jitter, Field&& field)
  requires std::is_same_v<std::remove_const_t<Self>, stats::JitterValues>
{
  field("round_trip", jitter.round_trip);
  field("forward", jitter.forward);
  field("backward", jitter.backward);
}

template <class Self, class Field>
void fields(Self& worst, Field&& field)
  requires std::is_same_v<std::remove_const_t<Self>, stats::WorstViolation>
{
  field("from_slot", worst.edge.from);
  field("to_slot", worst.edge.to);
  field("by_ns", worst.edge.by_ns);
  field("sequence", worst.sequence);
}

template <class Self, class Field>
void fields(Self& violations, Field&& field)
  requires std::is_same_v<std::remove_const_t<Self>, stats::ViolationCounters>
{
  field("causal_order", violations.causal_order);
  field("identity", violations.identity);
  field("order_checked", violations.order_checked);
  field("identity_checked", violations.identity_checked);
  field("capture_checked", violations.capture_checked);
  field("capture_differs", violations.capture_differs);
  field("worst", violations.worst);
}

template <class Self, class Field>
void fields(Self& nic, Field&& field)
  requires std::is_same_v<std::remove_const_t<Self>, stats::NicClockRelation>
{
  field("converted", nic.converted);
  field("bound_ns", nic.bound_ns);
}

template <class Self, class Field>
void fields(Self& nic, Field&& field)
  requires std::is_same_v<std::remove_const_t<Self>, NicClockInfo>
{
  field("host", nic.host);
  field("converted", nic.converted);
  field("bound_ns", nic.bound_ns);
  field("clock", nic.clock);
  field("method", nic.method);
  field("time_scale", nic.time_scale);
  field("offset_ns", nic.offset_ns);
  field("offset_bound_ns", nic.offset_bound_ns);
  field("drift_ppb", nic.drift_ppb);
  field("drift_bound_ppb", nic.drift_bound_ppb);
  field("looks", nic.looks);
  field("steps", nic.steps);
  field("rx_filter", nic.rx_filter);
  field("changed", nic.changed);
}

template <class Self, class Field>
void fields(Self& path, Field&& field)
  requires std::is_same_v<std::remove_const_t<Self>, stats::PathConfig>
{
  field("sender", path.active[index(Host::sender)]);
  field("reflector", path.active[index(Host::reflector)]);
  field("clocks", path.clocks.kind);
  field("clock_bound_ns", path.clocks.bound_ns);
  field("sender_nic", path.nic[index(Host::sender)]);
  field("reflector_nic", path.nic[index(Host::reflector)]);
}

template <class Self, class Field>
void fields(Self& metric, Field&& field)
  requires std::is_same_v<std::remove_const_t<Self>, stats::BlockMetric>
{
  field("key", metric.key);
  field("p50", metric.p50);
  field("p90", metric.p90);
  field("p99", metric.p99);
}

template <class Self, class Field>
void fields(Self& blocks, Field&& field)
  requires std::is_same_v<std::remove_const_t<Self>, stats::RunBlocks>
{
  field("probes", blocks.probes);
  field("lost", blocks.lost);
  field("metrics", blocks.metrics);
}

template <class Self, class Field>
void fields(Self& document, Field&& field)
  requires std::is_same_v<std::remove_const_t<Self>, RunDocument>
{
  field("run", document.run);
  field("environment", document.environment);
  field("warnings", document.warnings);
  field("probes", document.probes);
  field("skipped", document.skipped);
  field("jitter_ns", document.jitter);
  field("violations", document.violations);
  field("path", document.path);
  field("interval_ns", document.interval_ns);
  field("blocks", document.blocks);
  field("nic_clocks", document.nic_clocks);
  field("absent_layers", document.absent_layers);
  field("notes", document.notes);
  field("store", document.store);
}

template <class T>
Json write(const T& value);

Json write(PointSet set) {
  Json names = Json::array();
  for (const auto& row : point_table) {
    if (set.has(row.point)) names.push_back(row.name);
  }
  return names;
}
Json write(stats::ClockRelation::Kind kind) {
  return stats::name(kind);
}
Json write(const std::variant<std::string, std::int64_t, double>& value) {
  return std::visit([](const auto& held) { return Json(held); }, value);
}
template <class T>
Json write(const std::optional<T>& value) {
  return value ? write(*value) : Json(nullptr);
}
template <class T>
Json write(const std::vector<T>& list) {
  Json array = Json::array();
  for (const T& each : list) array.push_back(write(each));
  return array;
}
template <class T>
Json write(const T& value) {
  if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
    return value;
  } else {
    Json object = Json::object();
    fields(value, [&](const char* key, const auto& member) { object[key] = write(member); });
    return object;
  }
}

template <class T>
void read(const Parsed& json, T& value);

void require(bool condition, std::string_view what) {
  if (!condition) throw Mismatch{std::string(what)};
}

void read(const Parsed& json, PointSet& set) {
  require(json.is_array() && json.size() <= point_count, "points");
  set = PointSet{};
  for (const Parsed& each : json) {
    require(each.is_string(), "point");
    const auto point = point_from_name(each.get_ref<const std::string&>());
    require(point.has_value(), "point");
    set.add(*point);
  }
}
void read(const Parsed& json, stats::ClockRelation::Kind& kind) {
  require(json.is_string(), "clocks");
  const auto known = stats::clock_relation_from_name(json.get_ref<const std::string&>());
  require(known.has_value(), "clocks");
  kind = *known;
}
void read(const Parsed& json, std::variant<std::string, std::int64_t, double>& value) {
  if (json.is_string()) {
    value = json.get<std::string>();
  } else if (json.is_number_float()) {
    value = json.get<double>();
  } else {
    std::int64_t number = 0;
    read(json, number);
    value = number;
  }
}
template <class T>
void read(const Parsed& json, std::optional<T>& value) {
  value.reset();
  if (!json.is_null()) read(json, value.emplace());
}
template <class T>
void read(const Parsed& json, std::vector<T>& list) {
  require(json.is_array() && json.size() <= max_list_entries, "list");
  list.clear();
  for (const Parsed& each : json) read(each, list.emplace_back());
}
template <class T>
void read(const Parsed& json, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    require(json.is_boolean(), "boolean");
    value = json.get<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    require(json.is_number_integer(), "whole number");
    if (json.is_number_unsigned()) {
      const auto number = json.get<std::uint64_t>();
      require(std::in_range<T>(number), "whole number in range");
      value = static_cast<T>(number);
    } else {
      const auto number = json.get<std::int64_t>();
      require(std::in_range<T>(number), "whole number in range");
      value = static_cast<T>(number);
    }
  } else if constexpr (std::is_floating_point_v<T>) {
    require(json.is_number(), "number");
    value = json.get<T>();
    require(std::isfinite(value), "finite number");
  } else if constexpr (std::is_same_v<T, std::string>) {
    require(json.is_string(), "text");
    value = json.get<std::string>();
  } else {
    require(json.is_object(), "object");
    fields(value, [&](const char* key, auto& member) {
      const auto found = json.find(key);
      if (found == json.end()) return;
      try {
        read(*found, member);
      } catch (const Mismatch& inner) {
        throw Mismatch{fmt::format("{}: {}", key, inner.key)};
      }
    });
  }
}

// A document names the slots of the worst violation by number, and slot() shifts with every new
// point. In the document they keep the numbers that they had with the first twelve points; those
// of later points follow, the sender's before the reflector's.
constexpr std::size_t first_points = 12;

std::size_t number_of_slot(std::size_t slot_index) {
  const auto host = index(slot_host(slot_index));
  const auto point = index(slot_point(slot_index));
  return point < first_points ? host * first_points + point : host_count * point + host;
}

std::size_t slot_of_number(std::size_t number) {
  const bool first = number < host_count * first_points;
  const auto host = first ? number / first_points : number % host_count;
  const auto point = first ? number % first_points : number / host_count;
  return host * point_count + point;
}

void clean(std::string& text) {
  text = clean_text(text);
}
void clean(std::variant<std::string, std::int64_t, double>& value) {
  if (const auto* number = std::get_if<double>(&value); number && !std::isfinite(*number)) {
    value = fmt::format("{}", *number);
  }
  if (auto* text = std::get_if<std::string>(&value)) clean(*text);
}
void clean(std::optional<double>& value) {
  if (value && !std::isfinite(*value)) value.reset();
}

// After the overloads above, which it has to see.
template <class T>
void clean(T& value);
template <class T>
void clean(std::vector<T>& list) {
  for (T& each : list) clean(each);
}
template <class T>
void clean(T& value) {
  if constexpr (requires { fields(value, [](const char*, auto&) {}); }) {
    fields(value, [](const char*, auto& member) { clean(member); });
  }
}

}  // namespace

RunDocument cleaned(RunDocument document) {
  clean(document);
  return document;
}

std::string to_json(const RunDocument& document) {
  Json json = Json::object();
  json["schema"] = schema;
  RunDocument kept = cleaned(document);
  if (auto& worst = kept.violations.worst) {
    worst->edge.from = number_of_slot(worst->edge.from);
    worst->edge.to = number_of_slot(worst->edge.to);
  }
  json.update(write(kept));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<RunDocument> from_json(std::string_view text) {
  if (text.size() > max_text_bytes) return fail(unreadable("it is larger than 4 MiB"));
  try {
    const Parsed json = Parsed::parse(text, nullptr, false);
    if (!json.is_object()) return fail(unreadable("it is not a JSON object"));
    if (const auto found = json.find("schema"); found == json.end() || *found != schema) {
      return fail(unreadable("its schema is not netobs.run/1"));
    }
    RunDocument document;
    read(json, document);
    if (auto& worst = document.violations.worst) {
      if (worst->edge.from >= slot_count || worst->edge.to >= slot_count) {
        return fail(unreadable("violations: no such timestamp point"));
      }
      worst->edge.from = slot_of_number(worst->edge.from);
      worst->edge.to = slot_of_number(worst->edge.to);
    }
    return document;
  } catch (const Mismatch& mismatch) {
    return fail(unreadable(fmt::format("not as expected: {}", mismatch.key)));
  } catch (const nlohmann::json::exception& error) {
    return fail(unreadable(error.what()));
  }
}

std::string utc_text(std::int64_t realtime_ns) {
  namespace chrono = std::chrono;
  constexpr std::int64_t per_second = 1'000'000'000;
  std::int64_t second = realtime_ns / per_second;
  std::int64_t nanosecond = realtime_ns % per_second;
  if (nanosecond < 0) {
    nanosecond += per_second;
    --second;
  }
  const chrono::sys_seconds instant{chrono::seconds{second}};
  const auto day = chrono::floor<chrono::days>(instant);
  const chrono::year_month_day date{day};
  const chrono::hh_mm_ss time{instant - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     nanosecond);
}

}  // namespace netobs::report
