// Real vocabularies and what others read with them.
// tokenizers.mjs NAME FILE   writes a tokenizer.json of the tiktoken vocabulary NAME (gpt-tokenizer has it) to FILE,
//                            and prints a line for each text: {text, hf, tiktoken}, its tokens by Hugging Face's own
//                            JavaScript tokenizer of that file and by gpt-tokenizer
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";

const [name, file] = process.argv.slice(2);
const data = path.join(path.dirname(createRequire(import.meta.url).resolve("gpt-tokenizer/package.json")), "data");

// GPT-2's names of bytes.
const names = [];
for (let byte = 0, spare = 256; byte < 256; byte++) {
  const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  names.push(String.fromCharCode(printable ? byte : spare++));
}

// tiktoken keeps ranks only: a token's merge is the last one that its bytes come to under the ranks below its own.
const tokens = fs.readFileSync(path.join(data, `${name}.tiktoken`), "utf8").trim().split("\n").map((line) => {
  const [bytes, rank] = line.split(" ");
  return [Array.from(Buffer.from(bytes, "base64"), (b) => names[b]).join(""), Number(rank)];
}).sort((a, b) => a[1] - b[1]);
const ranks = new Map(tokens);
const merges = [];
for (const [text, rank] of tokens) {
  const parts = [...text];
  while (parts.length > 2) {
    let best = -1, lowest = rank;
    for (let i = 0; i + 1 < parts.length; i++) {
      const found = ranks.get(parts[i] + parts[i + 1]);
      if (found !== undefined && found < lowest) [best, lowest] = [i, found];
    }
    if (best < 0) break;
    parts.splice(best, 2, parts[best] + parts[best + 1]);
  }
  if (parts.length === 2) merges.push(parts);
}

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const patterns = {
  cl100k_base: `${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|`
    + "\\s+(?!\\S)|\\s+",
  o200k_base: "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+" + contractions
    + "?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*" + contractions
    + "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
};
const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: !patterns[name] };
const first = tokens[tokens.length - 1][1] + 100;
const json = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: ["<|im_start|>", "<|im_end|>", "<tool_call>"].map((content, i) => ({
    id: first + i, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: i < 2,
  })),
  normalizer: null,
  pre_tokenizer: patterns[name] ? {
    type: "Sequence",
    pretokenizers: [
      { type: "Split", pattern: { Regex: patterns[name] }, behavior: "Isolated", invert: false }, byteLevel],
  } : byteLevel,
  post_processor: null,
  decoder: byteLevel,
  model: {
    type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: "", end_of_word_suffix: "", fuse_unk: false,
    byte_fallback: false, ignore_merges: name === "cl100k_base", vocab: Object.fromEntries(tokens), merges,
  },
};
fs.writeFileSync(file, JSON.stringify(json));

// No U+FEFF: JavaScript takes it for white space, Unicode and tokenizers do not.
const words = [
  "the", "Hello", "don't", "I'LL", "x=1;", "  ", "\n\n", "\t", "   indent", "123456", "3.14", "ünïcödé", "naïve",
  "日本語テキスト", "한국어", "😀👍🏽", "𝐀𝐁𝐜", "𠀀𠀁", "e\u0301", "</div>", '{"a": 1}', "\r\n", "a\u00a0b", "   \n",
  "CamelCaseWord", "snake_case", "https://x.y/z?q=1", "№", "ⅷ", "²³", "שלום", "مرحبا", "हिन्दी", "<|im_start|>",
  "<tool_call>", "!!!", "...", "'s", "'", "İ", " ", "\u2028", "\u200b", "ABC/def\n/",
];
let seed = 12345;
const random = (n) => {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
  return Math.floor((seed / 4294967296) * n);
};
const huggingFace = new Tokenizer(json, {});
const { encode } = await import(`gpt-tokenizer/encoding/${name}`);
for (let i = 0; i < 1000; i++) {
  let text = "";
  for (let j = random(12); j >= 0; j--) text += words[random(words.length)] + (random(3) ? " " : "");
  const plain = !text.includes("<|im_start|>") && !text.includes("<tool_call>");
  console.log(JSON.stringify({
    text,
    hf: huggingFace.encode(text, { add_special_tokens: false }).ids,
    tiktoken: plain ? encode(text, { allowedSpecial: new Set(), disallowedSpecial: new Set() }) : null,
  }));
}
