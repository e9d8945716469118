// The agent world (sandboxes/wit/agent.wit) for C: one header, no library. Define in one file
//   void agent_run(ar_text input, ar_result *result);
// and include this header there. Texts are UTF-8 and need not end with a zero byte. What the host gives is allocated
// with malloc; a guest lives for one run, so freeing it is a choice.
#ifndef AGENTRUNTIME_H
#define AGENTRUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define AR_IMPORT(interface, function) \
  __attribute__((import_module("agentruntime:agent/" interface "@0.1.0"), import_name(function)))
#define AR_EXPORT(function) __attribute__((export_name(function)))

// The records below lie in memory exactly as the canonical ABI lays them out.

typedef struct {
  const char *data;
  size_t length;
} ar_text;

typedef struct {
  uint8_t is_some;
  ar_text value;
} ar_optional_text;

typedef struct {
  const ar_text *items;
  size_t count;
} ar_texts;

typedef struct {
  ar_text code;
  ar_text message;
  ar_optional_text where;
  ar_optional_text action;
} ar_error;

typedef struct {
  ar_text id;
  ar_text name;
  ar_text arguments_json;
} ar_tool_call;

typedef struct {
  const ar_tool_call *items;
  size_t count;
} ar_tool_calls;

enum { AR_SYSTEM, AR_USER, AR_ASSISTANT, AR_TOOL };

typedef struct {
  uint8_t role;
  ar_text content;
  ar_tool_calls tool_calls;
  ar_optional_text tool_call_id;
} ar_message;

enum { AR_STOP, AR_LENGTH, AR_TOOL_CALLS, AR_CONTENT_FILTER, AR_OTHER };

typedef struct {
  ar_text content;
  ar_tool_calls tool_calls;
  uint8_t finish_reason;
  uint32_t prompt_tokens;
  uint32_t cached_prompt_tokens;
  uint32_t output_tokens;
} ar_response;

// What is left zero is left to the agent's policy or to the model.
typedef struct {
  ar_optional_text model;
  bool has_max_output_tokens;
  uint32_t max_output_tokens;
  bool has_temperature;
  float temperature;
  bool has_seed;
  int64_t seed;
  ar_texts stop_sequences;
  ar_texts tools;
} ar_options;

typedef struct {
  ar_text name;
  ar_text description;
  ar_text input_schema_json;
} ar_tool;

// The results of calls: is_error says which of the two is there.

typedef struct {
  uint8_t is_error;
  union {
    ar_response ok;
    ar_error error;
  };
} ar_send_result;

typedef struct {
  uint8_t is_error;
  union {
    ar_text ok;
    ar_error error;
  };
} ar_call_result;

typedef struct {
  uint8_t is_error;
  union {
    struct {
      const ar_tool *items;
      size_t count;
    } ok;
    ar_error error;
  };
} ar_list_result;

typedef struct {
  uint8_t is_error;
  ar_error error;
} ar_sleep_result;

// What memory gives: a value that may not be there, a yes or no, a page of keys, or nothing.

typedef struct {
  uint8_t is_error;
  union {
    ar_optional_text ok;
    ar_error error;
  };
} ar_memory_value_result;

typedef struct {
  uint8_t is_error;
  union {
    uint8_t ok;
    ar_error error;
  };
} ar_memory_flag_result;

typedef struct {
  uint8_t is_error;
  union {
    struct {
      ar_texts keys;
      ar_optional_text cursor;
    } ok;
    ar_error error;
  };
} ar_memory_keys_result;

typedef struct {
  uint8_t is_error;
  ar_error error;
} ar_memory_result;

typedef struct {
  uint8_t is_error;
  ar_text text;
} ar_result;

_Static_assert(sizeof(ar_error) == 40 && sizeof(ar_message) == 32 && sizeof(ar_response) == 32, "canonical ABI");
_Static_assert(sizeof(ar_send_result) == 44 && sizeof(ar_call_result) == 44, "canonical ABI");
_Static_assert(sizeof(ar_memory_value_result) == 44 && sizeof(ar_memory_keys_result) == 44, "canonical ABI");
_Static_assert(sizeof(ar_memory_flag_result) == 44 && sizeof(ar_memory_result) == 44, "canonical ABI");
_Static_assert(sizeof(ar_result) == 12, "canonical ABI");

AR_IMPORT("inference", "send")
void ar_host_send(const ar_message *messages, size_t message_count, int has_model, const char *model,
                  size_t model_length, int has_max_output_tokens, uint32_t max_output_tokens, int has_temperature,
                  float temperature, int has_seed, int64_t seed, const ar_text *stop, size_t stop_count,
                  const ar_text *tools, size_t tool_count, ar_send_result *result);

AR_IMPORT("tools", "list") void ar_list_tools(ar_list_result *result);

AR_IMPORT("tools", "call")
void ar_host_call_tool(const char *name, size_t name_length, const char *json, size_t json_length,
                       ar_call_result *result);

AR_IMPORT("memory", "get")
void ar_host_memory_get(const char *bucket, size_t bucket_length, const char *key, size_t key_length,
                        ar_memory_value_result *result);

AR_IMPORT("memory", "set")
void ar_host_memory_set(const char *bucket, size_t bucket_length, const char *key, size_t key_length,
                        const char *value, size_t value_length, ar_memory_result *result);

AR_IMPORT("memory", "delete")
void ar_host_memory_delete(const char *bucket, size_t bucket_length, const char *key, size_t key_length,
                           ar_memory_result *result);

AR_IMPORT("memory", "exists")
void ar_host_memory_exists(const char *bucket, size_t bucket_length, const char *key, size_t key_length,
                           ar_memory_flag_result *result);

AR_IMPORT("memory", "list-keys")
void ar_host_memory_list_keys(const char *bucket, size_t bucket_length, int has_cursor, const char *cursor,
                              size_t cursor_length, ar_memory_keys_result *result);

AR_IMPORT("log", "write") void ar_host_log(int level, const char *message, size_t length);
AR_IMPORT("timer", "sleep") void ar_sleep_ms(uint64_t milliseconds, ar_sleep_result *result);
AR_IMPORT("timer", "now") uint64_t ar_now_ms(void);
AR_IMPORT("config", "get") void ar_host_config(const char *key, size_t length, ar_optional_text *result);

enum { AR_DEBUG, AR_INFO, AR_WARNING, AR_ERROR };

static inline ar_text ar_text_of(const char *zero_terminated) {
  return (ar_text){zero_terminated, strlen(zero_terminated)};
}

static inline void ar_log(int level, ar_text message) { ar_host_log(level, message.data, message.length); }

static inline ar_optional_text ar_config(ar_text key) {
  ar_optional_text value;
  ar_host_config(key.data, key.length, &value);
  return value;
}

static inline void ar_call_tool(ar_text name, ar_text arguments_json, ar_call_result *result) {
  ar_host_call_tool(name.data, name.length, arguments_json.data, arguments_json.length, result);
}

// Memory: what an agent keeps from one run to the next, in buckets that its policy grants. Values are any bytes.

static inline void ar_memory_get(ar_text bucket, ar_text key, ar_memory_value_result *result) {
  ar_host_memory_get(bucket.data, bucket.length, key.data, key.length, result);
}

static inline void ar_memory_set(ar_text bucket, ar_text key, ar_text value, ar_memory_result *result) {
  ar_host_memory_set(bucket.data, bucket.length, key.data, key.length, value.data, value.length, result);
}

static inline void ar_memory_delete(ar_text bucket, ar_text key, ar_memory_result *result) {
  ar_host_memory_delete(bucket.data, bucket.length, key.data, key.length, result);
}

static inline void ar_memory_exists(ar_text bucket, ar_text key, ar_memory_flag_result *result) {
  ar_host_memory_exists(bucket.data, bucket.length, key.data, key.length, result);
}

// The first page, or the one that begins at the cursor of the page before.
static inline void ar_memory_list_keys(ar_text bucket, ar_optional_text cursor, ar_memory_keys_result *result) {
  ar_host_memory_list_keys(bucket.data, bucket.length, cursor.is_some, cursor.value.data, cursor.value.length, result);
}

static inline void ar_send(const ar_message *messages, size_t count, const ar_options *options,
                           ar_send_result *result) {
  ar_host_send(messages, count, options->model.is_some, options->model.value.data, options->model.value.length,
               options->has_max_output_tokens, options->max_output_tokens, options->has_temperature,
               options->temperature, options->has_seed, options->seed, options->stop_sequences.items,
               options->stop_sequences.count, options->tools.items, options->tools.count, result);
}

void agent_run(ar_text input, ar_result *result);

AR_EXPORT("cabi_realloc") void *ar_cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
  (void)old_size, (void)align;
  void *block = realloc(old, size);
  if (!block) __builtin_trap();
  return block;
}

AR_EXPORT("run") ar_result *ar_run(const char *input, size_t length) {
  static ar_result result;
  agent_run((ar_text){input, length}, &result);
  return &result;
}

#endif
