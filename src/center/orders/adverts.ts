/** The longest address that a client keeps. */
const ADDRESS = 120;

/** The address with the customer's id, for a customer who agreed to that; without, where there is no room for it. */
export function withCustomer(address: string, customerId: string): string {
  const url = new URL(address);
  url.searchParams.set("customer", customerId);
  return url.href.length <= ADDRESS ? url.href : address;
}
