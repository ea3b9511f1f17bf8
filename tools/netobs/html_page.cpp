#include "html_page.hpp"

#include "app/stored_run.hpp"
#include "core/report/page/render_page.hpp"
#include "live_run.hpp"
#include "open_for_reading.hpp"

namespace netobs::cli {

Result<void> write_page(const std::string& store, std::string_view which, const std::string& path) {
  NETOBS_TRY(opened, open_for_reading(store));
  NETOBS_TRY(page, app::load_page(*opened, which));
  return write_output(path, report::render_page(page));
}

}  // namespace netobs::cli
