# One library a room, one test program a room. Includes are written from the repository root.

add_library(tev_options INTERFACE)
target_include_directories(tev_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(tev_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-unused-parameter>
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>)
target_link_libraries(tev_options INTERFACE torch::wheel)

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()

# tev_library(name SOURCES... LINK targets...): a static library tev_<name> with the alias tev::<name>.
function(tev_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_library(tev_${name} STATIC ${arg_SOURCES})
  add_library(tev::${name} ALIAS tev_${name})
  target_link_libraries(tev_${name} PUBLIC tev_options ${arg_LINK})
endfunction()

# tev_test(room SOURCES... LINK... LABELS... TIMEOUT s): one GoogleTest program and one CTest entry for a room.
function(tev_test room)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
  add_executable(${room}_test ${arg_SOURCES})
  target_link_libraries(${room}_test PRIVATE ${arg_LINK} GTest::gtest GTest::gtest_main)
  add_test(NAME ${room} COMMAND ${room}_test WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set_tests_properties(${room} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
    ENVIRONMENT "TEVATRAIN_CACHE=${CMAKE_BINARY_DIR}/test-cache")
endfunction()

# tev_python_test(name SCRIPT... LABELS... TIMEOUT s [OPERATORS]): a Python test run by CTest with the project's interpreter. OPERATORS: a plain
# Python process of it loads our operators, and has to bring the runtime of a sanitizer.
function(tev_python_test name script)
  cmake_parse_arguments(arg "OPERATORS" "TIMEOUT" "LABELS" ${ARGN})
  add_test(NAME ${name} COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/${script} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
    ENVIRONMENT "TEVATRAIN_BINARY=$<TARGET_FILE:tevatrain>;TEVATRAIN_KERNELS=$<TARGET_FILE:tev_kernels>;TEVATRAIN_BUILD=${CMAKE_BINARY_DIR};PYTHONPATH=${PROJECT_SOURCE_DIR}/python")
  if(arg_OPERATORS AND CMAKE_CXX_FLAGS MATCHES "fsanitize=address")
    execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libasan.so OUTPUT_VARIABLE asan OUTPUT_STRIP_TRAILING_WHITESPACE)
    execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libubsan.so OUTPUT_VARIABLE ubsan OUTPUT_STRIP_TRAILING_WHITESPACE)
    set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT "LD_PRELOAD=${asan} ${ubsan}" "ASAN_OPTIONS=detect_leaks=0")
  endif()
endfunction()
