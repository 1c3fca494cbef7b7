// Reads a safetensors file and writes what it read: safetensors_copy FROM TO.

#include "engine/checkpoint/safetensors.hpp"

#include <cstdio>
#include <exception>

int main(int argc, char** argv) try {
  if (argc != 3) return 2;
  const tev::SafetensorsContent content = tev::read_safetensors(argv[1]);
  tev::write_safetensors(argv[2], content.tensors, content.metadata);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
