// A notebook: "set KEY TEXT", "get KEY", "exists KEY", "delete KEY" or "list [CURSOR]" on the bucket "notes".
#include "../../templates/c/kit/agentruntime.h"

static ar_text joined(ar_text first, const char *between, ar_text last) {
  size_t gap = strlen(between);
  char *all = malloc(first.length + gap + last.length + 1);
  if (first.length) memcpy(all, first.data, first.length);
  memcpy(all + first.length, between, gap);
  if (last.length) memcpy(all + first.length + gap, last.data, last.length);
  return (ar_text){all, first.length + gap + last.length};
}

// Takes the next word off a text.
static ar_text word(ar_text *text) {
  size_t end = 0;
  while (end < text->length && text->data[end] != ' ') end++;
  ar_text taken = {text->data, end};
  size_t next = end < text->length ? end + 1 : end;
  *text = (ar_text){text->data + next, text->length - next};
  return taken;
}

static bool is(ar_text text, const char *other) {
  return text.length == strlen(other) && memcmp(text.data, other, text.length) == 0;
}

static ar_result good(ar_text text) { return (ar_result){.is_error = 0, .text = text}; }

static ar_result refused(ar_error error) {
  return (ar_result){.is_error = 1, .text = joined(error.code, ": ", error.message)};
}

static ar_result changed(ar_memory_result result) {
  return result.is_error ? refused(result.error) : good(ar_text_of("done"));
}

static ar_result list(ar_text rest) {
  ar_memory_keys_result page;
  ar_memory_list_keys(ar_text_of("notes"), (ar_optional_text){rest.length > 0, rest}, &page);
  if (page.is_error) return refused(page.error);
  ar_text all = {"", 0};
  for (size_t i = 0; i < page.ok.keys.count; i++)
    all = i == 0 ? page.ok.keys.items[0] : joined(all, ",", page.ok.keys.items[i]);
  return good(page.ok.cursor.is_some ? joined(all, " > ", page.ok.cursor.value) : all);
}

void agent_run(ar_text input, ar_result *result) {
  ar_text bucket = ar_text_of("notes"), rest = input, verb = word(&rest);
  if (is(verb, "list")) {
    *result = list(rest);
    return;
  }
  ar_text key = word(&rest);
  if (is(verb, "set")) {
    ar_memory_result done;
    ar_memory_set(bucket, key, rest, &done);
    *result = changed(done);
  } else if (is(verb, "delete")) {
    ar_memory_result done;
    ar_memory_delete(bucket, key, &done);
    *result = changed(done);
  } else if (is(verb, "get")) {
    ar_memory_value_result found;
    ar_memory_get(bucket, key, &found);
    *result = found.is_error      ? refused(found.error)
              : found.ok.is_some ? good(joined(ar_text_of("= "), "", found.ok.value))
                                 : good(ar_text_of("none"));
  } else if (is(verb, "exists")) {
    ar_memory_flag_result found;
    ar_memory_exists(bucket, key, &found);
    *result = found.is_error ? refused(found.error) : good(ar_text_of(found.ok ? "yes" : "no"));
  } else {
    *result = (ar_result){.is_error = 1, .text = ar_text_of("set, get, exists, delete or list is expected")};
  }
}
