#pragma once
// The units that read captures, each in the file of its name.

namespace netobs::micro {

void register_capture();

}  // namespace netobs::micro
