#include "linux/conditions/public_ip.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <cerrno>
#include <memory>

#include "core/conditions/ping_text.hpp"

namespace netobs::conditions {
namespace {

constexpr std::size_t longest_body = 256;

/// Anything longer than an address ends the transfer.
std::size_t take_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& body = *static_cast<std::string*>(user);
  const std::size_t bytes = size * count;
  if (body.size() + bytes > longest_body) return 0;
  body.append(data, bytes);
  return bytes;
}

int is_stopped(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto* stop = static_cast<const std::atomic<bool>*>(user);
  return stop != nullptr && stop->load() ? 1 : 0;
}

using Handle = std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)>;

void set_options(CURL* handle, const PublicIpOptions& options, std::string& body) {
  const auto milliseconds = static_cast<long>(options.timeout.count());
  curl_easy_setopt(handle, CURLOPT_URL, options.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, milliseconds);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds);
  curl_easy_setopt(handle, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "netobs");
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, is_stopped);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, options.stop);
}

}  // namespace

Result<std::string> fetch_public_ip(const PublicIpOptions& options) {
  const auto what = "ask " + options.url + " for the public address";
  const Handle handle(::curl_easy_init(), &::curl_easy_cleanup);
  if (!handle) return fail({.what = what, .sys_errno = ENOMEM, .cause = "", .remedy = ""});
  std::string body;
  set_options(handle.get(), options, body);
  const CURLcode code = ::curl_easy_perform(handle.get());
  if (code != CURLE_OK) {
    const bool too_long = code == CURLE_WRITE_ERROR;
    return fail({.what = what,
                 .cause = too_long ? "It sent more than an address."
                                   : fmt::format("{}.", ::curl_easy_strerror(code)),
                 .remedy = "--public-ip-url names another service, --no-public-ip asks nobody."});
  }
  auto address = parse_public_ip(body);
  if (!address) address.error().what = what;
  return address;
}

}  // namespace netobs::conditions
