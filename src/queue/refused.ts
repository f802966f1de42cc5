/** What a destination refused and always will. */
export class DeliveryRefused extends Error {
  override readonly name = "DeliveryRefused";
}
