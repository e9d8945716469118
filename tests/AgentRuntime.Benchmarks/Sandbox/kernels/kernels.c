// The five kernels that both engines run. Built by build.sh; the result is checked in, so that no compiler is needed.
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define EXPORT(name) __attribute__((export_name(#name)))

static int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

EXPORT(fib) int fib(void) { return fibonacci(32); }

#define SIEVE 5000000
static u8 composite[SIEVE];

EXPORT(sieve) int sieve(void) {
  int count = 0;
  for (int i = 0; i < SIEVE; i++) composite[i] = 0;
  for (int i = 2; i < SIEVE; i++) {
    if (composite[i]) continue;
    count++;
    for (u64 j = (u64)i * i; j < SIEVE; j += i) composite[j] = 1;
  }
  return count;
}

static const u32 K[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static u32 rotr(u32 x, int n) { return (x >> n) | (x << (32 - n)); }

static void block(u32 *h, const u8 *p) {
  u32 w[64];
  for (int i = 0; i < 16; i++) w[i] = (u32)p[4 * i] << 24 | (u32)p[4 * i + 1] << 16 | (u32)p[4 * i + 2] << 8 | p[4 * i + 3];
  for (int i = 16; i < 64; i++) {
    u32 s0 = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
    u32 s1 = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  u32 a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
  for (int i = 0; i < 64; i++) {
    u32 t1 = k + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i];
    u32 t2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    k = g; g = f; f = e; e = d + t1; d = c; c = b; b = a; a = t1 + t2;
  }
  h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e; h[5] += f; h[6] += g; h[7] += k;
}

EXPORT(sha256) int sha256(void) {
  static u8 message[1 << 16];
  u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (int i = 0; i < (int)sizeof message; i++) message[i] = (u8)(i * 131 + 17);
  for (int round = 0; round < 60; round++)
    for (int i = 0; i < (int)sizeof message; i += 64) block(h, message + i);
  return (int)h[0];
}

#define N 128
static double left[N][N], right[N][N], product[N][N];

EXPORT(matrix) int matrix(void) {
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      left[i][j] = i + j;
      right[i][j] = i - j;
    }
  for (int round = 0; round < 6; round++)
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) {
        double sum = 0;
        for (int k = 0; k < N; k++) sum += left[i][k] * right[k][j];
        product[i][j] = sum;
      }
  return (int)product[N - 1][1];
}

static u8 text[1 << 20];

EXPORT(json) int json(void) {
  static const char item[] = "{\"id\": 12345, \"name\": \"agent \\\"seven\\\"\", \"score\": -3.25e2, \"tags\": [true, false, null]},\n";
  u32 length = 0;
  while (length + sizeof item < sizeof text) for (u32 i = 0; i + 1 < sizeof item; i++) text[length++] = (u8)item[i];
  u32 depth = 0, deepest = 0, strings = 0, numbers = 0, words = 0;
  for (int round = 0; round < 8; round++)
    for (u32 i = 0; i < length;) {
      u8 c = text[i];
      switch (c) {
        case '{': case '[': if (++depth > deepest) deepest = depth; i++; break;
        case '}': case ']': depth--; i++; break;
        case '"':
          for (i++; i < length && text[i] != '"'; i++) if (text[i] == '\\') i++;
          i++;
          strings++;
          break;
        default:
          if (c == '-' || (c >= '0' && c <= '9')) {
            while (i < length && (text[i] == '-' || text[i] == '+' || text[i] == '.' || text[i] == 'e' || (text[i] >= '0' && text[i] <= '9'))) i++;
            numbers++;
          } else if (c >= 'a' && c <= 'z') {
            while (i < length && text[i] >= 'a' && text[i] <= 'z') i++;
            words++;
          } else {
            i++;
          }
      }
    }
  return (int)(strings * 3 + numbers * 5 + words * 7 + deepest);
}
