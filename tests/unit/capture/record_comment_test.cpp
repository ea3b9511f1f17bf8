#include "core/capture/record_comment.hpp"

#include <gtest/gtest.h>

namespace netobs::capture {
namespace {

ProbeRecord record() {
  ProbeRecord made;
  made.sequence = 17;
  made.outcome = Outcome::answered;
  made.reason.fill(Reason::not_requested);
  made.set(slot(Host::sender, Point::app_tx), 1'000);
  made.set(slot(Host::sender, Point::pcap_tx), 1'300);
  made.set(slot(Host::reflector, Point::rx_software), 500);  // another clock
  made.set(slot(Host::reflector, Point::app_rx), 600);
  made.set(slot(Host::reflector, Point::app_tx), 650);
  made.set(slot(Host::sender, Point::pcap_rx), 2'000);
  made.set(slot(Host::sender, Point::app_rx), 2'500);
  return made;
}

TEST(RecordComment, SaysTheWayOfEachPacketHostByHost) {
  EXPECT_EQ(comment_of(record(), false),
            "netobs probe 17 out, answered (ns); sender: app_tx 1000, pcap_tx +300; reflector: "
            "rx_software 500, app_rx +100");
  EXPECT_EQ(comment_of(record(), true),
            "netobs probe 17 back, answered (ns); reflector: app_tx 650; sender: pcap_rx 2000, "
            "app_rx +500; round trip: application 1500, capture 700");
}

TEST(RecordComment, OfALostProbeSaysWhatIsKnown) {
  ProbeRecord lost;
  lost.reason.fill(Reason::probe_lost);
  lost.outcome = Outcome::lost_forward;
  lost.set(slot(Host::sender, Point::app_tx), 1'000);
  EXPECT_EQ(comment_of(lost, false), "netobs probe 0 out, lost_forward (ns); sender: app_tx 1000");
}

TEST(RecordComment, ImpossibleTimesSaturate) {
  ProbeRecord wild = record();
  wild.set(slot(Host::sender, Point::app_tx), INT64_MIN);
  EXPECT_NE(comment_of(wild, false).find("pcap_tx +9223372036854775807"), std::string::npos);
}

}  // namespace
}  // namespace netobs::capture
