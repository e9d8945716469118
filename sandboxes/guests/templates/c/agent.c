#include "kit/agentruntime.h"

void agent_run(ar_text input, ar_result *result) {
  ar_message message = {.role = AR_USER, .content = input};
  ar_options options = {.has_max_output_tokens = true, .max_output_tokens = 128};
  ar_send_result answer;
  ar_log(AR_INFO, ar_text_of("asking the model"));
  ar_send(&message, 1, &options, &answer);
  result->is_error = answer.is_error;
  result->text = answer.is_error ? answer.error.message : answer.ok.content;
}
