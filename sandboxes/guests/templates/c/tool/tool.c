// A tool: its input is the call's arguments as JSON, its output the result.
#include <ctype.h>
#include <stdio.h>

#include "kit/agentruntime.h"
#include "kit/json.h"

// What the tool is called and takes travels in the module.
__asm__(".section \".custom_section.agentruntime:config/tool\",\"\",@\n"
        ".incbin \"tool.json\"\n"
        ".text\n");

void agent_run(ar_text input, ar_result *result) {
  static char answer[64];
  ar_text text;
  if (!ar_json_text(input, "text", &text)) {
    *result = (ar_result){.is_error = true, .text = ar_text_of("the argument 'text' is missing")};
    return;
  }
  size_t words = 0;
  bool in_word = false;
  for (size_t i = 0; i < text.length; i++) {
    bool space = isspace((unsigned char)text.data[i]);
    if (!space && !in_word) words++;
    in_word = !space;
  }
  snprintf(answer, sizeof answer, "{\"words\":%zu}", words);
  *result = (ar_result){.is_error = false, .text = ar_text_of(answer)};
}
