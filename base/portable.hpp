#pragma once
// The switch between our kernels and compositions of plain ATen operators.

namespace tev {

/// Whether operators called on this thread must leave nothing but ATen operators behind.
bool portable_mode();

/// Whether a tracer records the operators called on this thread: what is not an operator must not be called then.
bool being_traced();

/// While it lives, the C++ operators of this thread run their portable form: what is traced then needs no library of
/// ours to be loaded again.
///
/// The state is one thread-local flag. It is compiled into the shared library tev_kernels and nowhere else, so that a
/// program and the operators it calls see the same flag.
class PortableGuard {
 public:
  explicit PortableGuard(bool portable = true);
  ~PortableGuard();
  PortableGuard(const PortableGuard&) = delete;
  PortableGuard& operator=(const PortableGuard&) = delete;

 private:
  bool previous_;
};

}  // namespace tev
