#include "core/wire/hmac.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>

#include "core/base/check.hpp"

namespace netobs::wire {
namespace {

constexpr std::size_t sha256_size = 32;

const unsigned char* octets(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

Error unavailable(std::string what) {
  return Error{.what = std::move(what),
               .cause = "libcrypto offers no HMAC with SHA-256",
               .remedy = "check the OpenSSL installation and its provider configuration"};
}

}  // namespace

void Hmac::Free::operator()(evp_mac_ctx_st* context) const {
  EVP_MAC_CTX_free(context);
}

Result<Hmac> Hmac::make(std::span<const std::byte> key) {
  if (key.empty()) {
    return fail({.what = "set up the HMAC key",
                 .cause = "the key is empty",
                 .remedy = "give a key of at least one octet, better 32",
                 .exit = ExitCode::usage});
  }
  const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(
      EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr), &EVP_MAC_free);
  if (!mac) return fail(unavailable("fetch HMAC from libcrypto"));
  Context context(EVP_MAC_CTX_new(mac.get()));
  if (!context) return fail(unavailable("allocate an HMAC context"));
  char digest_name[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
      OSSL_PARAM_construct_end()};
  if (EVP_MAC_init(context.get(), octets(key), key.size(), parameters) != 1) {
    return fail(unavailable("initialise HMAC-SHA-256"));
  }
  return Hmac(std::move(context));
}

HmacDigest Hmac::digest(std::span<const std::byte> first, std::span<const std::byte> second) {
  std::array<unsigned char, sha256_size> full{};
  std::size_t written = 0;
  // Without a key, init starts over with the one already set: no key schedule per packet.
  bool ok = EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1;
  ok = ok && EVP_MAC_update(context_.get(), octets(first), first.size()) == 1;
  if (!second.empty()) {
    ok = ok && EVP_MAC_update(context_.get(), octets(second), second.size()) == 1;
  }
  ok = ok && EVP_MAC_final(context_.get(), full.data(), &written, full.size()) == 1;
  NETOBS_CHECK(ok && written == sha256_size, "HMAC-SHA-256 gave {} octets", written);
  HmacDigest truncated{};
  std::transform(full.begin(), full.begin() + hmac_size, truncated.begin(),
                 [](unsigned char octet) { return static_cast<std::byte>(octet); });
  return truncated;
}

bool Hmac::verify(std::span<const std::byte> received, std::span<const std::byte> first,
                  std::span<const std::byte> second) {
  const HmacDigest expected = digest(first, second);
  return equal_in_constant_time(received, expected);
}

bool equal_in_constant_time(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace netobs::wire
