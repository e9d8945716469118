// One page of memory with data, and what the latency figures call. Built by build.sh.
#define EXPORT(name) __attribute__((export_name(#name)))
#define IMPORT(name) __attribute__((import_module("host"), import_name(#name)))

IMPORT(ask) int ask(int question);
IMPORT(note) int note(int value);

static volatile char greeting[] = "an agent's first words, so that there is data to copy";

EXPORT(nothing) int nothing(int x) { return x + greeting[3]; }

EXPORT(notes) int notes(int count) {
  int sum = 0;
  for (int i = 0; i < count; i++) sum += note(i);
  return sum;
}

EXPORT(spin) void spin(void) {
  for (;;) __asm__ volatile("");
}

__attribute__((noinline)) static int middle(int depth, int question) {
  if (depth == 0) return ask(question) + greeting[0];
  return middle(depth - 1, question + 1) + depth;
}

EXPORT(converse) int converse(int question) {
  greeting[0] = (char)question;
  int sum = 0;
  for (int i = 0; i < 1000000; i++) sum += middle(5, question + i);
  return sum;
}
