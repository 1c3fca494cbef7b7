#include "base/portable.hpp"

namespace tev {
namespace {

thread_local bool is_portable = false;

}  // namespace

bool portable_mode() { return is_portable; }

PortableGuard::PortableGuard(bool portable) : previous_(is_portable) { is_portable = portable; }

PortableGuard::~PortableGuard() { is_portable = previous_; }

}  // namespace tev
