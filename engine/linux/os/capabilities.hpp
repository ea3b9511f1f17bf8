#pragma once

namespace netobs::os {

/// Makes every capability that the process may have effective (capabilities(7)). A program file
/// with permitted capabilities then does as much as its container allows; with effective ones in
/// the file execve would fail where a single one is missing. Changes nothing for root. What the
/// kernel refuses is left as it is: whoever needs a capability says so when it is missing. Call it
/// before the first thread.
void raise_permitted_capabilities();

}  // namespace netobs::os
