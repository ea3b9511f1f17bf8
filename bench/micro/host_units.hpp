#pragma once
// The units that talk to the kernel, each in the file of its name.

namespace netobs::micro {

void register_hook_clock();
void register_hot_path();

}  // namespace netobs::micro
