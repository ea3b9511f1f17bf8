#include "linux/bpf/bpf_object.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "linux/bpf/libbpf_log.hpp"

namespace netobs::linux_bpf {
namespace {

bpf_program* find(const bpf_object* object, std::string_view name) {
  return bpf_object__find_program_by_name(object, std::string(name).c_str());
}

void choose_programs(bpf_object* object, std::span<const std::string_view> wanted) {
  bpf_program* program = nullptr;
  while ((program = bpf_object__next_program(object, program)) != nullptr) {
    const bool load = std::ranges::find(wanted, bpf_program__name(program)) != wanted.end();
    bpf_program__set_autoload(program, load);
  }
}

// The constants are one struct alone in its section (bpf/record.h).
bool set_config(const bpf_object* object, std::span<const std::byte> config) {
  bpf_map* map = nullptr;
  while ((map = bpf_object__next_map(object, map)) != nullptr) {
    if (std::string_view(bpf_map__name(map)).ends_with(".rodata")) {
      return bpf_map__set_initial_value(map, config.data(), config.size()) == 0;
    }
  }
  return false;
}

bool share_map(const bpf_object* object, std::string_view name, int fd) {
  bpf_map* map = bpf_object__find_map_by_name(object, std::string(name).c_str());
  return map != nullptr && bpf_map__reuse_fd(map, fd) == 0;
}

/// BPF_F_XDP_DEV_BOUND_ONLY, younger than the oldest headers.
constexpr std::uint32_t device_bound_flag = 1U << 6U;

bool bind_to_device(bpf_program* program, int ifindex) {
  if (program == nullptr) return false;
  bpf_program__set_ifindex(program, static_cast<std::uint32_t>(ifindex));
  return bpf_program__set_flags(program, bpf_program__flags(program) | device_bound_flag) == 0;
}

// EACCES is also what the verifier says; who lacks a capability gets EPERM.
Error load_error(std::string what, int error, std::string_view needs, std::string detail) {
  if (error != EACCES || detail.empty()) {
    return bpf_error(std::move(what), error, needs, std::move(detail));
  }
  return {.what = std::move(what),
          .cause = "The kernel's verifier refuses the program: " + std::move(detail),
          .remedy = "Build with another version of clang, or report this with `uname -r`.",
          .exit = ExitCode::layer_missing};
}

}  // namespace

Error bpf_error(std::string what, int error, std::string_view needs, std::string detail) {
  Error result{.what = std::move(what),
               .sys_errno = error,
               .cause = std::move(detail),
               .remedy = "",
               .exit = ExitCode::layer_missing};
  if (error == EPERM || error == EACCES) {
    result.cause = fmt::format("It needs {}.", needs);
    result.remedy = fmt::format("Run with sudo, or give the process (the container) {}.", needs);
  } else if (error == ENODEV || error == ENXIO) {
    result.cause = "The interface is gone.";
    result.remedy = "Check `ip link`.";
  } else if (error == ENOSYS) {
    result.cause = "The kernel has no bpf(), or a seccomp profile blocks it.";
    result.remedy = "Allow bpf() in the container's seccomp profile.";
  } else if (error == E2BIG || error == ENOMEM) {
    result.remedy = "Ask for a smaller ring, or raise the memory limit.";
  }
  return result;
}

Result<BpfObject> BpfObject::load(const BpfLoad& load) {
  const auto what = fmt::format("load the BPF program {}", fmt::join(load.programs, ", "));
  const LibbpfLog log;
  BpfObject loaded(bpf_object__open_mem(load.image.data(), load.image.size(), nullptr));
  bpf_object* object = loaded.object_.get();
  if (object == nullptr) return fail(bpf_error(what, errno, load.needs, log.last_words()));
  choose_programs(object, load.programs);
  bool prepared = set_config(object, load.config);
  for (const auto& [name, fd] : load.shared_maps)
    prepared = prepared && share_map(object, name, fd);
  if (load.device_ifindex != 0) {
    for (const auto name : load.programs) {
      prepared = prepared && bind_to_device(find(object, name), load.device_ifindex);
    }
  }
  if (!prepared) return fail(bpf_error(what, errno, load.needs, log.last_words()));
  if (const int status = bpf_object__load(object); status != 0) {
    return fail(load_error(what, -status, load.needs, log.last_words()));
  }
  return loaded;
}

Result<BpfObject> BpfObject::load(std::span<const std::byte> image, const netobs_config& config,
                                  SharedMaps maps, std::span<const std::string_view> programs,
                                  std::string_view needs) {
  return load({.image = image,
               .config = std::as_bytes(std::span(&config, 1)),
               .shared_maps = {{"events", maps.events}, {"counters", maps.counters}},
               .programs = programs,
               .needs = needs});
}

int BpfObject::map_fd(std::string_view name) const {
  return bpf_object__find_map_fd_by_name(object_.get(), std::string(name).c_str());
}

int BpfObject::program_fd(std::string_view name) const {
  const bpf_program* program = find(object_.get(), name);
  return program == nullptr ? -1 : bpf_program__fd(program);
}

Result<Link> BpfObject::attach(std::string_view name) const {
  const LibbpfLog log;
  Link link(bpf_program__attach(find(object_.get(), name)));
  if (link == nullptr) {
    return fail(bpf_error(fmt::format("attach to the tracepoint {}", name), errno,
                          "CAP_BPF and CAP_PERFMON", log.last_words()));
  }
  return link;
}

}  // namespace netobs::linux_bpf
