# cmake -DINPUT=... -DOUTPUT=... -P embed_text.cmake: writes the prelude's text as a C++ string.
file(READ ${INPUT} text)
file(WRITE ${OUTPUT} "#include \"data/transform/prelude.hpp\"\n\nnamespace tev {\n\n"
  "const char* const prelude_source = R\"PRELUDE(${text})PRELUDE\";\n\n}  // namespace tev\n")
