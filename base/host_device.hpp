#pragma once
// One scalar function for both backends: C++17, compiled by the host compiler and by nvcc.

#if defined(__CUDACC__)
#define TEV_HD __host__ __device__ __forceinline__
#else
#define TEV_HD inline
#endif
