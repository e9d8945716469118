// As much JSON as a small tool needs: one text of one object.
#ifndef AGENTRUNTIME_JSON_H
#define AGENTRUNTIME_JSON_H

#include "agentruntime.h"

static inline int ar_json_hex(const char *s) {
  int value = 0;
  for (int i = 0; i < 4; i++) {
    char c = s[i];
    int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

static inline size_t ar_json_utf8(uint32_t c, char *out) {
  if (c < 0x80) return out[0] = (char)c, 1;
  if (c < 0x800) return out[0] = (char)(0xC0 | c >> 6), out[1] = (char)(0x80 | (c & 0x3F)), 2;
  size_t n = 0;
  if (c < 0x10000) {
    out[n++] = (char)(0xE0 | c >> 12);
  } else {
    out[n++] = (char)(0xF0 | c >> 18);
    out[n++] = (char)(0x80 | (c >> 12 & 0x3F));
  }
  out[n++] = (char)(0x80 | (c >> 6 & 0x3F));
  out[n++] = (char)(0x80 | (c & 0x3F));
  return n;
}

// Reads the text that begins behind the quote at *at, and leaves *at behind its end. The text is allocated.
static inline bool ar_json_string(ar_text json, size_t *at, ar_text *out) {
  char *text = malloc(json.length - *at + 1);
  size_t n = 0;
  while (*at < json.length && json.data[*at] != '"') {
    char c = json.data[(*at)++];
    if (c != '\\') {
      text[n++] = c;
      continue;
    }
    if (*at >= json.length) return false;
    c = json.data[(*at)++];
    if (c != 'u') {
      const char *escape = strchr("bfnrt", c);
      text[n++] = escape && c ? "\b\f\n\r\t"[escape - "bfnrt"] : c;
      continue;
    }
    if (*at + 4 > json.length) return false;
    int unit = ar_json_hex(json.data + *at);
    if (unit < 0) return false;
    *at += 4;
    uint32_t point = (uint32_t)unit;
    if (unit >= 0xD800 && unit < 0xDC00 && *at + 6 <= json.length && json.data[*at] == '\\') {
      int low = ar_json_hex(json.data + *at + 2);
      if (low < 0xDC00 || low > 0xDFFF) return false;
      point = 0x10000 + ((point - 0xD800) << 10) + ((uint32_t)low - 0xDC00);
      *at += 6;
    }
    n += ar_json_utf8(point, text + n);
  }
  if (*at >= json.length) return false;
  ++*at;
  *out = (ar_text){text, n};
  return true;
}

// The text of a member of the outermost object; false when there is none of that name that is a text.
static inline bool ar_json_text(ar_text json, const char *key, ar_text *out) {
  int depth = 0;
  for (size_t at = 0; at < json.length;) {
    char c = json.data[at++];
    if (c == '{' || c == '[') depth++;
    if (c == '}' || c == ']') depth--;
    if (c != '"') continue;
    ar_text name;
    if (!ar_json_string(json, &at, &name)) return false;
    size_t value = at;
    while (value < json.length && strchr(" \t\r\n", json.data[value])) value++;
    if (depth != 1 || value >= json.length || json.data[value] != ':') continue;
    at = value + 1;
    while (at < json.length && strchr(" \t\r\n", json.data[at])) at++;
    if (name.length != strlen(key) || memcmp(name.data, key, name.length) != 0) continue;
    if (at >= json.length || json.data[at] != '"') return false;
    at++;
    return ar_json_string(json, &at, out);
  }
  return false;
}

#endif
