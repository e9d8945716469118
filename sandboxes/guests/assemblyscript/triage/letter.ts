// A ticket in the customer's own words: the model decides which of the tools that policy lets it see to call, and
// answers from what they return. Refusals go to the model like results.
import * as inference from "../../templates/assemblyscript/kit/inference";
import { ObjectReader } from "../../templates/assemblyscript/kit/json";
import * as tools from "../../templates/assemblyscript/kit/tools";
import { Report, refused } from "./report";
import { Ticket } from "./ticket";

const ROUNDS = 4;

export function work(ticket: Ticket, report: Report): void {
  const options = new inference.Options();
  options.temperature = 0;
  const visible = tools.list();
  if (visible.error) report.actions.push("list tools: " + refused(visible.error!));
  else for (let i = 0; i < visible.ok!.length; i++) options.tools.push(visible.ok![i].name);

  const messages = [
    new inference.Message(inference.Role.System, "Handle the ticket with the tools, then answer the customer."),
    new inference.Message(inference.Role.User, prompt(ticket)),
  ];
  for (let round = 0; round < ROUNDS; round++) {
    const answer = inference.send(messages, options);
    if (answer.error) {
      report.actions.push("ask the model: " + refused(answer.error!));
      return;
    }
    const said = answer.ok!;
    if (said.toolCalls.length == 0) {
      report.reply = said.content;
      return;
    }
    const asked = new inference.Message(inference.Role.Assistant, said.content);
    asked.toolCalls = said.toolCalls;
    messages.push(asked);
    for (let i = 0; i < said.toolCalls.length; i++) messages.push(call(said.toolCalls[i], report));
  }
  report.actions.push("gave up: the model asked for tools in each of " + ROUNDS.toString() + " rounds");
}

function prompt(ticket: Ticket): string {
  return "Customer: " + ticket.customer + " (" + ticket.customerId + ")\nOrder: " + ticket.orderId
    + "\nTicket: " + ticket.text
    + (ticket.amountCents > 0 ? "\nAsked: " + ticket.amountCents.toString() + " cents" : "");
}

function call(asked: inference.ToolCall, report: Report): inference.Message {
  const done = tools.call(asked.name, asked.argumentsJson);
  report.note(describe(asked), done);
  const message = new inference.Message(inference.Role.Tool, done.ok ? done.ok! : refused(done.error!));
  message.toolCallId = asked.id;
  return message;
}

function describe(asked: inference.ToolCall): string {
  const o = ObjectReader.parse(asked.argumentsJson);
  if (!o) return asked.name;
  return asked.name
    + (o.has("amount_cents") ? " " + o.get("amount_cents") + " cents of" : "")
    + (o.has("order_id") ? " " + o.get("order_id") : "")
    + (o.has("customer_id") ? " " + o.get("customer_id") : "");
}
