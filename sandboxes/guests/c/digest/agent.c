// Counts the lines and words of its input and asks the model for one sentence about it.
#include <ctype.h>
#include <stdio.h>

#include "../../templates/c/kit/agentruntime.h"

enum { EXCERPT_BYTES = 2000 };

static void count(ar_text text, size_t *lines, size_t *words) {
  bool in_word = false;
  *lines = *words = 0;
  for (size_t i = 0; i < text.length; i++) {
    unsigned char c = text.data[i];
    if (c == '\n') ++*lines;
    if (isspace(c)) {
      in_word = false;
    } else if (!in_word) {
      in_word = true;
      ++*words;
    }
  }
  if (text.length > 0 && text.data[text.length - 1] != '\n') ++*lines;
}

// As much of the text as the model gets, cut between characters.
static size_t excerpt(ar_text text) {
  if (text.length <= EXCERPT_BYTES) return text.length;
  size_t end = EXCERPT_BYTES;
  while (end > 0 && (text.data[end] & 0xC0) == 0x80) end--;
  return end;
}

void agent_run(ar_text input, ar_result *result) {
  size_t lines, words;
  count(input, &lines, &words);
  printf("%zu bytes of input\n", input.length);

  ar_message messages[] = {
      {.role = AR_SYSTEM, .content = ar_text_of("Say in one sentence what the text is about.")},
      {.role = AR_USER, .content = {input.data, excerpt(input)}},
  };
  ar_options options = {.has_max_output_tokens = true, .max_output_tokens = 48};
  ar_send_result answer;
  ar_send(messages, 2, &options, &answer);

  ar_text sentence = answer.is_error ? answer.error.message : answer.ok.content;
  ar_text code = answer.is_error ? answer.error.code : (ar_text){"", 0};
  size_t room = sentence.length + code.length + 96;
  char *text = malloc(room);
  if (!text) __builtin_trap();
  int length = snprintf(text, room, "%zu lines, %zu words. %s%.*s%s%.*s", lines, words,
                        answer.is_error ? "No summary: " : "", (int)code.length, code.data,
                        answer.is_error ? ": " : "", (int)sentence.length, sentence.data);
  result->is_error = 0;
  result->text = (ar_text){text, (size_t)length};
}
