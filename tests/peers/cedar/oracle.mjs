// Answers cases with the official engine: one JSON object a line in, one a line out, in the same order.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const cedar = createRequire(import.meta.url)("@cedar-policy/cedar-wasm/nodejs");

const answers = {
  version: () => ({ version: cedar.getCedarVersion() }),
  authorize(call) {
    const answer = cedar.isAuthorized(call);
    if (answer.type !== "success") return { refused: answer.errors.map((e) => e.message) };
    const { decision, diagnostics } = answer.response;
    return {
      decision,
      reason: [...diagnostics.reason].sort(),
      errors: diagnostics.errors.map((e) => e.policyId).sort(),
      messages: diagnostics.errors.map((e) => e.error.message),
    };
  },
  validate(call) {
    const answer = cedar.validate(call);
    if (answer.type !== "success") return { refused: answer.errors.map((e) => e.message) };
    return {
      errors: answer.validationErrors.map((e) => ({ policy: e.policyId, message: e.error.message })),
      warnings: answer.validationWarnings.map((e) => ({ policy: e.policyId, message: e.error.message })),
    };
  },
  parse: (call) => ({ accepted: cedar.checkParsePolicySet({ staticPolicies: call.text }).type === "success" }),
  parseSchema: (call) => ({ accepted: cedar.checkParseSchema(call.schema).type === "success" }),
  policyToJson(call) {
    const answer = cedar.policyToJson(call.policy);
    return answer.type === "success" ? { json: answer.json } : { refused: answer.errors.map((e) => e.message) };
  },
  schemaToJson(call) {
    const answer = cedar.schemaToJson(call.schema);
    return answer.type === "success" ? { json: answer.json } : { refused: answer.errors.map((e) => e.message) };
  },
  format(call) {
    const answer = cedar.formatPolicies({ policyText: call.text, lineWidth: call.width, indentWidth: 2 });
    return answer.type === "success" ? { text: answer.formatted_policy } : { refused: answer.errors.map((e) => e.message) };
  },
};

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { op, call } = JSON.parse(line);
  let answer;
  try {
    answer = answers[op](call ?? {});
  } catch (error) {
    answer = { failed: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
