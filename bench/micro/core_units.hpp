#pragma once
// The units of the core, each in the file of its name.

namespace netobs::micro {

void register_packet();
void register_tlv();
void register_hmac();
void register_correlator();
void register_histogram();
void register_quantiles();
void register_statistics();
void register_clock();
void register_schedule();
void register_ring();

}  // namespace netobs::micro
