#include "html_page.hpp"

#include "app/store_set.hpp"
#include "app/stored_run.hpp"
#include "core/report/page/render_page.hpp"
#include "live_run.hpp"
#include "store/open.hpp"

namespace netobs::cli {

Result<std::unique_ptr<store::Store>> open_for_reading(const std::string& text) {
  NETOBS_TRY(url, store::parse_url(text, app::store_environment()));
  store::OpenOptions options;
  options.read_only = true;
  return store::open_store(url, options);
}

Result<void> write_page(const std::string& store, std::string_view which, const std::string& path) {
  NETOBS_TRY(opened, open_for_reading(store));
  NETOBS_TRY(page, app::load_page(*opened, which));
  return write_output(path, report::render_page(page));
}

}  // namespace netobs::cli
