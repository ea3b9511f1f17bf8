# shellcheck shell=bash
# Every distribution package the project uses, in one place. tools/setup installs from this table and
# tools/debian13 installs the same rows into its tree.
#
# A row is: group, package, why. The names are those of Debian 12; Debian 13 and Ubuntu 24.04 use the
# same ones except where a row lists alternatives with `|`: the first one already installed counts, else
# the first one the package lists know is installed. An alternative with a slash is a program, which a
# package of another source may have brought (Node's own brings npm). What differs, and where:
#   libssl3, libpcap0.8, libmysqlcppconn7v5, libfmt9
#                    Debian 13 and Ubuntu 24.04 renamed some of them in the 64-bit time transition or
#                    ship a newer soname; they matter only where a built program is run without building
# A group that ends in `?` is wanted, not needed: a row that no package list knows, or that does
# not go with what is installed, is reported and passed over, and the step that uses it says why it was skipped.
#
# There is no database daemon here on purpose: mariadb-server-core has the server program for the tests,
# which start a private instance themselves, and no service.
# shellcheck disable=SC2034  # read by the scripts that source this file
netobs_packages=(
  "run    iproute2                                  namespaces, veth pairs and addresses"
  "run    libbpf1                                   loads the BPF programs"
  "run    liburing2                                 io_uring transport"
  "run    libmnl0                                   routes and neighbours for the af_xdp transport"
  "run    libsqlite3-0                              the default store"
  "run    libssl3t64|libssl3                        HMAC of authenticated probes"
  "run    zlib1g                                    histograms of netobs export"
  "run    libfmt10|libfmt9                          text output"
  "run    libpcap0.8t64|libpcap0.8                  reads captures; taps of netobs selftest"
  "run    libarchive13t64|libarchive13              compressed captures"
  "run    libcurl4t64|libcurl4                      netobs check: the public address"
  "run    iperf3                                    netobs check: throughput"
  "run    libmysqlcppconn7t64|libmysqlcppconn7v5    MySQL store"
  "image  iputils-ping                              netobs check: where neither echo socket is allowed"
  "image  ca-certificates                           netobs check: the service that knows the public address"
  "image  libcap2-bin                               gives the program its capabilities without root"
  "build  iproute2                                  namespaces, veth pairs and addresses"
  "build  g++                                       C++23 compiler"
  "build  cmake                                     build system"
  "build  ninja-build                               build system"
  "build  pkg-config                                finds the libraries"
  "build  clang                                     compiles the BPF programs"
  "build  libbpf-dev                                loads the BPF programs"
  "build  liburing-dev                              io_uring transport"
  "build  libmnl-dev                                routes and neighbours for the af_xdp transport"
  "build  libpcap-dev                               reads captures; taps of netobs selftest"
  "build  libarchive-dev                            compressed captures"
  "build  libmysqlcppconn-dev                       MySQL store"
  "build  libcurl4-openssl-dev                      netobs check: the public address"
  "build  libsqlite3-dev                            the default store"
  "build  libfmt-dev                                text output"
  "build  libcli11-dev                              command line"
  "build  nlohmann-json3-dev                        JSON output and input"
  "build  libssl-dev                                HMAC of authenticated probes"
  "build  zlib1g-dev                                histograms of netobs export"
  "build  libjs-chart.js                            charts of the HTML report, inlined"
  "unit   libgtest-dev                              tests"
  "unit   libgmock-dev                              tests"
  "unit   libbenchmark-dev                          the dev preset builds the benchmarks too"
  "test   python3                                   end-to-end tests"
  "test   python3-pyte                              a terminal for the test of the live view"
  "test   util-linux                                unshare and setarch around tests"
  "test   ethtool                                   NIC settings in namespace tests"
  "test   libcap2-bin                               a program with capabilities, in namespace tests"
  "test   jq                                        checks of JSON output"
  "test   sqlite3                                   checks of what the store wrote"
  "test   mariadb-server-core                       a private server for the MySQL tests; no service"
  "test   mariadb-client                            checks of what the MySQL store wrote"
  "test   iperf3                                    throughput of netobs check"
  "test   tcpdump                                   captures for the wire format tests"
  "test   tshark                                    an independent decoder of our packets"
  "test?  shellcheck                                tools/lint: scripts"
  "test?  lua-check                                 tools/lint: the Wireshark dissector"
  "test?  clang-format-19                           tools/lint: formatting"
  "test?  clang-19                                  tools/fuzz and tools/lint"
  "test?  clang-tidy-19                             tools/lint: static analysis"
  "test?  libclang-rt-19-dev                        tools/fuzz: libFuzzer and sanitizers"
  "test?  nodejs                                    checks the dashboards against Grafana's types"
  "test?  npm|/usr/bin/npm                          fetches Grafana's types for that"
  "test?  default-jre-headless                      runs HdrHistogram in the test of netobs export"
  "test?  libhdrhistogram-java                      reads what netobs export --format hdr writes"
  "test?  debootstrap                               tools/debian13"
  "test?  debian-archive-keyring                    tools/debian13, tools/vm: verifies what they fetch"
  "test?  make                                      tools/vm: builds the test module"
  "test?  zstd                                      tools/vm: modules of Ubuntu's kernel"
  "test?  docker.io                                 container tests: the engine; no service is started"
  "test?  docker-cli|docker.io                      container tests: its client, a package of its own since Debian 13"
  "test?  docker-compose                            container tests: starts the stack"
  "test?  chromium                                  tests of the HTML report and of phpMyAdmin's page"
  "test?  chromium-driver                           page and container tests: drives the browser"
  "test?  python3-selenium                          page and container tests: drives the browser"
  "bench? sockperf                                  peer for the round-trip comparison"
  "bench? irtt                                      peer for the send-timer comparison"
  "bench? iperf3                                    peer on the same path"
  "bench? iputils-ping                              peer on the same path"
  "bench? mariadb-server-core                       LOAD DATA comparison; no service"
  "bench? mariadb-client                            LOAD DATA comparison"
)

# Groups that a purpose of `tools/setup --for` needs. unit is the least that can run unit tests.
netobs_groups_for() {
  case $1 in
    run) echo "run" ;;
    image) echo "run image" ;;
    build) echo "build" ;;
    unit) echo "build unit" ;;
    test) echo "build unit test test?" ;;
    bench) echo "build unit bench?" ;;
    *) return 1 ;;
  esac
}
