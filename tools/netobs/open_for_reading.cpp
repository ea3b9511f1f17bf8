#include "open_for_reading.hpp"

#include "app/store_set.hpp"
#include "store/open.hpp"

namespace netobs::cli {

Result<std::unique_ptr<store::Store>> open_for_reading(const std::string& text) {
  NETOBS_TRY(url, store::parse_url(text, app::store_environment()));
  store::OpenOptions options;
  options.read_only = true;
  return store::open_store(url, options);
}

}  // namespace netobs::cli
