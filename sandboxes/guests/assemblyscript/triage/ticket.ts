import { ObjectReader } from "../../templates/assemblyscript/kit/json";

/** What a customer wants, in his words; `intent` only where he chose it in a form. */
export class Ticket {
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
    if (!o || !o.has("id") || !o.has("text")) return null;
    return new Ticket(
      o.get("id"), o.get("customer_id"), o.get("customer"), o.get("order_id"), o.get("intent"),
      o.has("amount_cents") ? <i64>parseInt(o.get("amount_cents")) : 0, o.get("text"),
    );
  }
}
