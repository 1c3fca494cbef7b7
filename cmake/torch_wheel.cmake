# Target torch::wheel: LibTorch as it lies inside the pinned torch wheel.
#
# Only libtorch_cpu and libc10 are linked (plus the CUDA pair with TEV_CUDA): the wheel's own CMake package insists on a
# CUDA toolkit even for a CPU-only build, and pulls 476 MB of libraries into every process.

find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)
execute_process(
  COMMAND ${Python3_EXECUTABLE} -c "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
  OUTPUT_VARIABLE TORCH_DIR OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE torch_missing)
if(torch_missing)
  message(FATAL_ERROR "${Python3_EXECUTABLE} has no torch package (the wheel pinned in requirements.txt is the LibTorch "
    "that is linked). Run scripts/setup, or pass -DPython3_EXECUTABLE=.venv/bin/python.")
endif()

set(TORCH_LIB_DIR ${TORCH_DIR}/lib)
add_library(torch_wheel INTERFACE)
add_library(torch::wheel ALIAS torch_wheel)
target_include_directories(torch_wheel SYSTEM INTERFACE
  ${TORCH_DIR}/include ${TORCH_DIR}/include/torch/csrc/api/include)
# The wheel's own OpenMP runtime, not the system's: two runtimes in one process means two thread pools. Clang calls another one.
target_compile_options(torch_wheel INTERFACE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fopenmp>)
target_link_libraries(torch_wheel INTERFACE
  ${TORCH_LIB_DIR}/libtorch_cpu.so ${TORCH_LIB_DIR}/libc10.so ${TORCH_LIB_DIR}/libgomp.so.1)

set(CMAKE_BUILD_RPATH ${TORCH_LIB_DIR})
set(CMAKE_INSTALL_RPATH ${TORCH_LIB_DIR})

if(TEV_CUDA)
  set(CMAKE_CUDA_ARCHITECTURES OFF)  # TORCH_CUDA_ARCH_LIST rules; CMake 3.25 does not know 9.0a
  if(NOT DEFINED ENV{CUDAHOSTCXX})
    set(CMAKE_CUDA_HOST_COMPILER ${CMAKE_CXX_COMPILER})
  endif()
  enable_language(CUDA)
  find_package(CUDAToolkit 13 REQUIRED)
  set(CMAKE_CUDA_STANDARD 17)  # CMake 3.25 knows no CUDA20 for nvcc 13
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  set(TORCH_CUDA_ARCH_LIST "9.0a" CACHE STRING "Architectures to compile for, e.g. 8.0;9.0a;10.0")
  if(DEFINED ENV{TORCH_CUDA_ARCH_LIST})
    set(TORCH_CUDA_ARCH_LIST "$ENV{TORCH_CUDA_ARCH_LIST}")
  endif()
  foreach(arch IN LISTS TORCH_CUDA_ARCH_LIST)
    string(REPLACE "." "" number ${arch})
    list(APPEND arch_flags -gencode=arch=compute_${number},code=sm_${number})
  endforeach()
  target_compile_options(torch_wheel INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:${arch_flags};--expt-relaxed-constexpr;--expt-extended-lambda;-diag-suppress=20012>")
  target_compile_definitions(torch_wheel INTERFACE TEV_WITH_CUDA)
  add_library(torch_wheel_cuda INTERFACE)
  add_library(torch::wheel_cuda ALIAS torch_wheel_cuda)
  target_link_libraries(torch_wheel_cuda INTERFACE torch_wheel
    -Wl,--no-as-needed ${TORCH_LIB_DIR}/libtorch_cuda.so ${TORCH_LIB_DIR}/libc10_cuda.so -Wl,--as-needed CUDA::cudart)
endif()
