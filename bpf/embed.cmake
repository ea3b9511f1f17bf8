# cmake -DNAME=tc -DOBJECT=tc.bpf.o -DOUTPUT=tc.cpp -P embed.cmake: an object file as a C++ array.
file(READ ${OBJECT} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUTPUT} "#include \"bpf/objects.hpp\"

namespace {
alignas(16) constexpr unsigned char bytes[] = {${bytes}};
}

std::span<const std::byte> netobs::bpf::${NAME}_object() { return std::as_bytes(std::span(bytes)); }
")
