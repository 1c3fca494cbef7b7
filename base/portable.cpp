#include "base/portable.hpp"

#include <ATen/TracerMode.h>

namespace tev {
namespace {

thread_local bool is_portable = false;

}  // namespace

bool portable_mode() { return is_portable; }

bool being_traced() { return at::tracer::impl::is_dispatch_enabled(); }

PortableGuard::PortableGuard(bool portable) : previous_(is_portable) { is_portable = portable; }

PortableGuard::~PortableGuard() { is_portable = previous_; }

}  // namespace tev
