// A support agent. Its input is one ticket, a JSON object; its output a JSON summary of what it did. What it may do is
// not its own affair: it asks for what the ticket calls for, and takes refusals as answers.
import { HostError, Outcome } from "../../templates/assemblyscript/kit/abi";
import * as inference from "../../templates/assemblyscript/kit/inference";
import { ObjectReader, ObjectWriter } from "../../templates/assemblyscript/kit/json";
import * as log from "../../templates/assemblyscript/kit/log";
import { RunResult, runWith } from "../../templates/assemblyscript/kit/run";
import * as tools from "../../templates/assemblyscript/kit/tools";

export { cabi_realloc } from "../../templates/assemblyscript/kit/abi";

export function run(input: usize, length: usize): usize {
  return runWith(input, length, triage);
}

class Ticket {
  constructor(
    readonly id: string,
    readonly customerId: string,
    readonly customer: string,
    readonly orderId: string,
    readonly intent: string,
    readonly amountCents: i64,
    readonly text: string,
  ) {}

  /** Null when the input is no ticket. */
  static read(json: string): Ticket | null {
    const o = ObjectReader.parse(json);
    if (!o || !o.has("id") || !o.has("intent") || !o.has("text")) return null;
    return new Ticket(
      o.get("id"), o.get("customer_id"), o.get("customer"), o.get("order_id"), o.get("intent"),
      o.has("amount_cents") ? <i64>parseInt(o.get("amount_cents")) : 0, o.get("text"),
    );
  }
}

function triage(input: string): RunResult {
  const ticket = Ticket.read(input);
  if (!ticket) return RunResult.err("the input is not a ticket: a JSON object with at least id, intent and text");
  const actions: string[] = [];
  log.info("ticket " + ticket.id + ": " + ticket.intent);

  const order = lookUp(ticket, actions);
  if (ticket.intent == "refund") refund(ticket, order, actions);
  else if (ticket.intent == "delete_account") deleteCustomer(ticket, actions);
  const reply = draft(ticket, order, actions);

  return RunResult.ok(new ObjectWriter()
    .text("ticket", ticket.id)
    .text("customer", ticket.customer)
    .text("intent", ticket.intent)
    .texts("actions", actions)
    .text("reply", reply)
    .toString());
}

function lookUp(ticket: Ticket, actions: string[]): string {
  if (ticket.orderId == "") return "";
  const found = tools.call("shop/lookup_order", new ObjectWriter().text("order_id", ticket.orderId).toString());
  note(actions, "look up " + ticket.orderId, found);
  return found.ok ? found.ok! : "";
}

function refund(ticket: Ticket, order: string, actions: string[]): void {
  if (order == "") {
    actions.push("refund of " + ticket.amountCents.toString() + " cents not asked for: the order was not found");
    return;
  }
  const done = tools.call("shop/refund", new ObjectWriter()
    .text("order_id", ticket.orderId)
    .number("amount_cents", ticket.amountCents)
    .text("reason", ticket.text)
    .toString());
  note(actions, "refund " + ticket.amountCents.toString() + " cents of " + ticket.orderId, done);
}

function deleteCustomer(ticket: Ticket, actions: string[]): void {
  const done = tools.call(
    "shop/delete_customer", new ObjectWriter().text("customer_id", ticket.customerId).toString());
  note(actions, "delete " + ticket.customerId, done);
}

function draft(ticket: Ticket, order: string, actions: string[]): string {
  let done = "";
  for (let i = 0; i < actions.length; i++) done += "- " + actions[i] + "\n";
  const options = new inference.Options();
  options.maxOutputTokens = 48;
  const answer = inference.send(
    [
      new inference.Message(
        inference.Role.System,
        "You answer customers of a small shop. Be friendly and brief: two sentences. "
          + "Promise nothing that was not done."),
      new inference.Message(
        inference.Role.User,
        "Customer: " + ticket.customer + "\nTicket: " + ticket.text + "\nOrder: " + (order == "" ? "unknown" : order)
          + "\nWhat was done:\n" + done + "Reply:"),
    ],
    options);
  if (answer.error) {
    actions.push("draft reply: " + refused(answer.error!));
    return "";
  }
  actions.push("draft reply: ok");
  return answer.ok!.content;
}

function note(actions: string[], what: string, outcome: Outcome<string>): void {
  const error = outcome.error;
  if (error) log.warning(what + ": " + error.toString());
  actions.push(what + ": " + (error ? refused(error) : "ok"));
}

function refused(error: HostError): string {
  return "refused " + error.toString();
}
